"""What an address with a password says when it is wrong. Refuses to know who checks addresses."""

import pytest

from autogen.core.errors import ConfigError
from autogen.models.routes import Route, split_url


@pytest.mark.parametrize(
    "url",
    [
        "http://user:canary@host:99999/v1",
        "http://user:canary@[::1/v1",
        "http://user:canary@host\x01/v1",
        "http://user:canary@hé/v1",
    ],
)
def test_a_wrong_address_is_told_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as told:
        split_url(url)
    assert "canary" not in str(told.value)


def test_a_route_does_not_show_how_it_is_paid_for() -> None:
    assert "Y2FuYXJ5" not in repr(Route(True, "host", 443, ("proxy", 3128), "Basic Y2FuYXJ5"))
