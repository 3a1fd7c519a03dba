"""The tools of `autogen chat` read, and only what they may."""

from datetime import datetime
from pathlib import Path

import pytest

from autogen.cli.sample_tools import current_time, file_lister


def test_the_time_carries_its_offset() -> None:
    told = datetime.fromisoformat(current_time())
    assert told.tzinfo is not None
    assert abs((datetime.now(told.tzinfo) - told).total_seconds()) < 60


def test_files_are_listed_with_their_sizes(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("12345")
    (tmp_path / "a").mkdir()
    assert file_lister(tmp_path)(".") == "a/\nb.txt  5 bytes"
    assert file_lister(tmp_path)("a") == "(empty)"


def test_a_long_folder_is_cut(tmp_path: Path) -> None:
    for number in range(205):
        (tmp_path / f"{number:03}").touch()
    lines = file_lister(tmp_path)(".").splitlines()
    assert len(lines) == 201
    assert lines[-1] == "... and 5 more"


@pytest.mark.parametrize("folder", ["..", "/", "/etc", "a/../..", "link", "b.txt", "gone", "\0"])
def test_nothing_outside_the_workspace_is_listed(folder: str, tmp_path: Path) -> None:
    (tmp_path / "b.txt").touch()
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(ValueError):
        file_lister(tmp_path)(folder)
