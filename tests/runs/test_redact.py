"""Secrets are taken out of texts and JSON, counted, and nothing else is touched."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen.runs.redact import Redactor

OPENAI = "sk-proj-abcDEF1234567890abcdEF"
KEYS = {
    "api-key": OPENAI,
    "anthropic-key": "sk-ant-api03-abcdefGHIJ-klmn_opqr",
    "groq-key": "gsk_abcdefghij0123456789",
    "xai-key": "xai-abcdefghij0123456789",
    "google-key": "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "aws-key": "AKIA" + "IOSFODNN7EXAMPLE",
    "github-token": "ghp_abcdefghij0123456789abcd",
    "huggingface-token": "hf_abcdefghij0123456789",
    "slack-token": "xoxb-1234567890-abcdefghij",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
}


@pytest.mark.parametrize(("kind", "key"), KEYS.items())
def test_a_key_is_known_by_its_form(kind: str, key: str) -> None:
    assert Redactor().redact(f"the key is {key}, keep it") == (f"the key is [redacted:{kind}], keep it", 1)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Authorization: Bearer abc.def-123456", "Authorization: Bearer [redacted:bearer-token]"),
        ("authorization: Basic dXNlcjpwYXNzd29yZA==", "authorization: Basic [redacted:bearer-token]"),
        ("api-key: 0123456789abcdef0123456789abcdef\n", "api-key: [redacted:api-key]\n"),
        ('{"api_key": "0123456789abcdef"}', '{"api_key": "[redacted:api-key]"}'),
        ("OPENAI_API_KEY='abcdefghij0123456789'", "OPENAI_API_KEY='[redacted:api-key]'"),
        ("postgres://bob:s3cret@db/runs", "postgres://[redacted:password]@db/runs"),
        ("https://host/?q=1:2@3", "https://host/?q=1:2@3"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest",
            "[redacted:private-key]\nrest",
        ),
        ("-----BEGIN PRIVATE KEY-----\nMIIE cut", "[redacted:private-key]"),
    ],
)
def test_a_secret_is_known_by_its_surroundings(text: str, clean: str) -> None:
    assert Redactor().redact(text)[0] == clean


@pytest.mark.parametrize(
    "text",
    [
        "task-force-alpha-2024-report-of-the-year", "risk-averse-investors-12345678", "a bearer of bad news",
        "the password is wrong", "max_tokens=4096", "https://example.org/a:b/c", "see desk-Abcdefghijkl1234",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "user@example.org",
        "eyJ is how JSON begins in base64", "secretary: 12", "key: value",
    ],
)  # fmt: skip
def test_words_are_left_alone(text: str) -> None:
    assert Redactor().redact(text) == (text, 0)


def test_known_values_go_and_short_ones_stay() -> None:
    redactor = Redactor(["hunter2", "hunter2-and-more", "hunter2-and"])
    assert redactor.redact("hunter2 hunter2-and-more") == ("hunter2 [redacted:value]", 1)


def test_a_redactor_never_shows_its_values() -> None:
    assert "hunter" not in repr(Redactor(["hunter2hunter2"]))


CANARY = 'q"uo\\te\nd€-secret'


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_value_is_found_in_json_inside_json(depth: int, ascii_only: bool) -> None:
    value: Any = {"a": CANARY}
    for _ in range(depth):
        value = {"arguments": json.dumps(value, ensure_ascii=ascii_only)}
    clean, count = Redactor([CANARY]).redact_json(json.dumps(value, ensure_ascii=ascii_only).encode())
    assert count == 1
    assert b"secret" not in clean
    for _ in range(depth):
        value = json.loads(clean)
        clean = value["arguments"].encode()
    assert json.loads(clean) == {"a": "[redacted:value]"}


def test_a_key_after_a_line_break_in_json_inside_json_is_found() -> None:
    inner = json.dumps({"text": f"line\n{OPENAI}"})
    clean, count = Redactor().redact_json(json.dumps({"arguments": inner}).encode())
    assert (count, OPENAI.encode() in clean) == (1, False)


def test_the_value_of_a_field_with_a_secret_name_goes_whole() -> None:
    data = b'{"password": "correct horse", "x_api_key" : ["battery staple"], "n": 1, "z": "correct horse"}'
    clean = Redactor().redact_json(data)[0]
    assert (
        clean == b'{"password": "[redacted:field]", "x_api_key" : ["[redacted:field]"], "n": 1, "z": "correct horse"}'
    )


@pytest.mark.parametrize(
    "data",
    [
        b'{"password": null, "z": "foofoofoo"}', b'{"password": {"type": "string"}}', b'{"required":["password"]}',
        b'{"a" :  [1.0, "x\\u0041", 1e5],\n "b":"\\ud83d"}', b"", b"not json", b"\xff\x00\x01",
        b'{"max_tokens":"12345678"}',
    ],
)  # fmt: skip
def test_what_holds_no_secret_keeps_every_byte(data: bytes) -> None:
    assert Redactor(["something-else"]).redact_json(data) == (data, 0)


@pytest.mark.parametrize("around", [b"%s", b"\xff\xfe%s\x00", b"not json: %s", b'{"a":"\\ud800 %s"}'])
def test_a_secret_is_found_in_any_bytes(around: bytes) -> None:
    for secret in (OPENAI, "käse-und-brot"):
        clean, count = Redactor(["käse-und-brot"]).redact_json(around % secret.encode())
        assert count == 1
        assert secret.encode() not in clean


def test_a_secret_that_is_a_key_of_a_dict_goes() -> None:
    clean, count = Redactor().redact_json(json.dumps({OPENAI: 1}).encode())
    assert (json.loads(clean), count) == ({"[redacted:api-key]": 1}, 1)


SOME = st.text() | st.sampled_from([*KEYS.values(), CANARY, " ", "password", "api_key: ", "Bearer ", "://", "@", '"'])


@given(st.lists(SOME).map("".join))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    redactor = Redactor([CANARY])
    clean, _ = redactor.redact(text)
    assert redactor.redact(clean) == (clean, 0)
    assert CANARY not in clean


@given(
    st.recursive(
        SOME | st.integers() | st.none(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SOME, inner, max_size=4),
        max_leaves=8,
    )
)
def test_json_stays_json_and_holds_no_canary(value: Any) -> None:
    data = json.dumps(value).encode()
    clean, count = Redactor([CANARY]).redact_json(data)
    found = json.dumps(json.loads(clean), ensure_ascii=False)
    assert CANARY not in str(json.loads(clean)) and json.dumps(CANARY)[1:-1] not in found
    assert (count == 0) == (clean == data)
    assert Redactor([CANARY]).redact_json(clean) == (clean, 0)


@pytest.mark.parametrize(
    "piece",
    ["eyJ", "eyJaaaaaaaa.", "sk-", "\\nsk-", "://a:", "-----BEGIN PRIVATE KEY-----", "password:", "bearer ",
     "api_key=a", 'password:"', "a", "api_key: a", '"', "\\"],
)  # fmt: skip
def test_a_hostile_text_costs_linear_time(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    begun = time.process_time()
    Redactor([CANARY]).redact_json(text.encode())
    assert time.process_time() - begun < 3, "quadratic time would take minutes"
