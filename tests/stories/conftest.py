"""Every story that takes `drive` is told four times: blocking, under asyncio, inside a running loop, in a thread."""

import pytest

from autogen.testing import DRIVERS, Driven, driven


@pytest.fixture(params=DRIVERS)
def drive(request: pytest.FixtureRequest) -> Driven:
    return driven(request.param)
