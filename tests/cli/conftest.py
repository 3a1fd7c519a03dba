"""A quiet machine for the command line: an empty directory, no keys, no model servers of its own."""

import os
from pathlib import Path

import pytest

from autogen.cli import local_servers

KEYS = (
    "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "OAI_CONFIG_LIST", "AUTOGEN_SANDBOX", "AUTOGEN_NETWORK",
    "AUTOGEN_JOURNAL", "COLUMNS",
)  # fmt: skip


@pytest.fixture(autouse=True)
def quiet_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(local_servers, "USUAL_PORTS", {})
    return tmp_path
