"""A server that repeats what it was sent: nothing that a config entry holds as a secret stands in an error.

Refuses to know how requests are made.
"""

import pickle
from typing import Any

import pytest

from autogen.models import errors
from tests.failures.agents import bot, person, told
from tests.failures.server import EVENTS, Server, error, http

HEADERS = {
    "X-Gateway-Key": "gateway-1c7f02aa91",
    "cf-aig-authorization": "Bearer aig-77d0e41b52",
    "Helicone-Auth": "Bearer helicone-5d3a9e",
    "api-key": "azure-like-0b71ce",
    "X-Auth-Token": "token-d2c91f40",
    "client_secret": "hush-4481aa",
    "Cookie": "session=cookie-a91b2c3d4e; theme=dark",
    "X-Team": "team-of-the-year",
}
SECRETS = [
    "gateway-1c7f02aa91", "aig-77d0e41b52", "helicone-5d3a9e", "azure-like-0b71ce", "token-d2c91f40", "hush-4481aa",
    "cookie-a91b2c3d4e",
]  # fmt: skip


def failing(line: Any, **entry: Any) -> errors.CallFailed:
    with Server(line) as server:
        config = server.llm(**{"default_headers": HEADERS, **entry})
        with pytest.raises(errors.CallFailed) as caught:
            person().initiate_chat(bot(config), message="hi", max_turns=1, silent=True)
        head = server.heads[0]
    assert "gateway-1c7f02aa91" in head, "the server did get it"
    return caught.value


def shown(raised: errors.CallFailed) -> str:
    again = pickle.loads(pickle.dumps(raised))
    return "\n".join([told(raised), repr(raised.body), repr(raised.args), str(again), repr(again.__dict__)])


ECHO = f"bad headers: {HEADERS}"


@pytest.mark.parametrize(
    "line",
    [
        http(error(ECHO, code=HEADERS["X-Gateway-Key"]), 401),
        http(ECHO.encode(), 400, content_type="text/plain"),
        http(f"<html>{ECHO}</html>".encode(), content_type="text/html"),
        http(f"data: {{nonsense {ECHO}\n\n".encode(), content_type=EVENTS),
        http(b"", 302, location="http://127.0.0.1/?k=gateway-1c7f02aa91"),
    ],
    ids=["error object", "plain text", "a page", "a stream", "a redirect"],
)
@pytest.mark.parametrize("stream", [False, True])
def test_headers_that_carry_a_secret_are_hidden_where_a_server_repeats_them(line: Any, stream: bool) -> None:
    text = shown(failing(line, stream=stream))
    assert [secret for secret in SECRETS if secret in text] == []


def test_other_headers_are_shown_and_so_is_the_scheme() -> None:
    text = str(failing(http(error(f"Bearer {ECHO}"), 400)))
    assert "team-of-the-year" in text and "Bearer" in text


def test_headers_of_the_call_count_as_well() -> None:
    text = shown(failing(http(error("who is call-9e2f71?"), 401), extra_headers={"x-call-key": "call-9e2f71"}))
    assert "call-9e2f71" not in text and "***" in text


def test_a_token_that_a_function_gave_is_hidden() -> None:
    with Server(http(error("bad token made-by-a-function-55"), 401)) as server:
        entry = {
            "model": "gpt-4", "api_type": "azure", "base_url": server.base_url, "api_version": "1", "max_retries": 0,
            "azure_ad_token_provider": lambda: "made-by-a-function-55",
        }  # fmt: skip
        with pytest.raises(errors.CallFailed) as caught:
            person().initiate_chat(bot({"config_list": [entry]}), message="hi", max_turns=1, silent=True)
        assert "made-by-a-function-55" in server.heads[0]
    assert "made-by-a-function-55" not in shown(caught.value)
