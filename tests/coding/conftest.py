"""What the tests of executors share: the sandbox of this machine, a bounded clock, a way to step a performer."""

from pathlib import Path

import pytest

from autogen.coding.sandbox import Sandbox, SandboxUnavailable, choose


@pytest.fixture(scope="session")
def real_sandbox() -> Sandbox:
    """The sandbox that code runs in here; tests that need one are skipped, by name, where there is none."""
    try:
        return choose("auto")
    except SandboxUnavailable as error:
        pytest.skip(f"no sandbox on this machine: {error.tried}")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder
