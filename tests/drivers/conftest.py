"""`drive` as in the stories: one test body under every driver."""

import pytest

from autogen.testing import DRIVERS, Driven, driven


@pytest.fixture(params=DRIVERS)
def drive(request: pytest.FixtureRequest) -> Driven:
    return driven(request.param)
