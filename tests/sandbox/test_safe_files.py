"""Attacks 15, 16, 23, 24: what a model may name, and what may lie in wait under a name."""

import os
import socket
import sys
from pathlib import Path

import pytest

from autogen.coding.sandbox import UnsafePathError, read_inside, reserved_module, safe_files, write_inside

BAD_NAMES = {
    "../x.py": "climbs out", "a/../../x.py": "climbs out", "a\\..\\..\\x": "climbs out", "..": "climbs out",
    "a/..": "climbs out", "/etc/passwd": "absolute", "//etc/passwd": "absolute", "~/.bashrc": "absolute",
    "~root/x": "absolute", "\\\\host\\share\\x": "absolute", "C:/x.py": "absolute", "c:x.py": "absolute",
    "\\x": "absolute", "x\0.py": "NUL", "": "empty", "   ": "empty", "a/": "folder", "./": "folder", ".": "folder",
    "a\nb.py": "control character", "a\x1bb": "control character", "x.py:ads": "control character",
    "a|b": "control character", "a*": "control character", "a\\b.py": "control character",
    "con": "device", "NUL.txt": "device", "com1": "device", "lpt9.py": "device", "aux.py": "device",
    "a/prn/b.py": "device", "CONOUT$": "device", "COM¹": "device",
    "x.py ": "space", " x.py": "space", "x.py.": "dot", "a /b.py": "space",
    ".env": "kept from code", ".git/hooks/pre-commit": "kept from code", ".GIT/config": "kept from code",
    "sub/.ssh/authorized_keys": "kept from code", "OAI_CONFIG_LIST": "kept from code", "id_rsa": "kept from code",
    "a" * 300: "longer than 255", "/".join("a" * 20): "folders deep", "\ud800.py": "not valid text",
}  # fmt: skip


@pytest.mark.parametrize("name", list(BAD_NAMES), ids=lambda name: ascii(name)[:30])
def test_a_bad_name_is_refused_and_the_error_says_why(name: str, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    for attempt in (lambda: write_inside(str(work), name, "x"), lambda: read_inside(str(work), name, 100)):
        with pytest.raises(UnsafePathError, match=BAD_NAMES[name]):
            attempt()
    assert list(work.iterdir()) == []
    assert list(tmp_path.iterdir()) == [work]


@pytest.mark.parametrize("name", ["x.py", "sub/deep/x.py", "./x.py", "a b.txt", "größe.csv", "x", "-rf", "a..b"])
def test_a_plain_name_is_written_and_read_back(name: str, tmp_path: Path) -> None:
    path = write_inside(str(tmp_path), name, "line\r\n\u20ac\n")
    assert Path(path).read_bytes() == "line\r\n\u20ac\n".encode()
    assert read_inside(str(tmp_path), name, 100) == Path(path).read_bytes()


def test_a_shorter_text_replaces_a_longer_one(tmp_path: Path) -> None:
    write_inside(str(tmp_path), "x.txt", "long text")
    write_inside(str(tmp_path), "x.txt", "short")
    assert read_inside(str(tmp_path), "x.txt", 100) == b"short"


@pytest.mark.parametrize("name", ["json.py", "random.py", "JSON.py", "json/x.py", "os.pyc", "sitecustomize.py",
                                  "_socket.cpython-311.so", "./ssl.py"])  # fmt: skip
def test_a_file_that_would_hide_a_module_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UnsafePathError, match="hide Python's own module"):
        write_inside(str(tmp_path), name, "x")


def test_reserved_names_are_python_modules_only() -> None:
    assert reserved_module("json.py") == "json"
    assert reserved_module("sub/json.py") is None
    assert reserved_module("json.txt") is None
    assert reserved_module("plot.py") is None


class Planted:
    """Things that code can leave behind under the name `trap`, or as the folder `dir`."""

    @staticmethod
    def link(work: Path, outside: Path) -> str:
        (work / "trap").symlink_to(outside / "key")
        return "trap"

    @staticmethod
    def dangling_link(work: Path, outside: Path) -> str:
        (work / "trap").symlink_to(outside / "new")
        return "trap"

    @staticmethod
    def linked_folder(work: Path, outside: Path) -> str:
        (work / "dir").symlink_to(outside)
        return "dir/key"

    @staticmethod
    def link_inside(work: Path, outside: Path) -> str:
        (work / "real").write_text("x")
        (work / "trap").symlink_to("real")
        return "trap"

    @staticmethod
    def pipe(work: Path, outside: Path) -> str:
        os.mkfifo(work / "trap")
        return "trap"

    @staticmethod
    def socket(work: Path, outside: Path) -> str:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(work / "trap"))
        listener.close()
        return "trap"

    @staticmethod
    def folder(work: Path, outside: Path) -> str:
        (work / "trap").mkdir()
        return "trap"

    @staticmethod
    def file_as_folder(work: Path, outside: Path) -> str:
        (work / "dir").write_text("x")
        return "dir/key"


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")
@pytest.mark.parametrize("kernel_call", [True, False], ids=["openat2", "portable"])
@pytest.mark.parametrize("trap", [name for name in vars(Planted) if not name.startswith("_")])
def test_a_planted_trap_is_refused(
    trap: str, kernel_call: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, outside = tmp_path / "work", tmp_path / "outside"
    work.mkdir()
    outside.mkdir()
    (outside / "key").write_text("secret")
    if not kernel_call:
        monkeypatch.setattr(safe_files, "open_beneath", lambda folder, parts, flags: None)
    name = getattr(Planted, trap)(work, outside)
    with pytest.raises(UnsafePathError):
        read_inside(str(work), name, 100)
    with pytest.raises(UnsafePathError):
        write_inside(str(work), name, "overwritten")
    assert (outside / "key").read_text() == "secret"
    assert sorted(path.name for path in outside.iterdir()) == ["key"]


@pytest.mark.skipif(sys.platform == "win32", reason="hard links")
def test_a_file_with_a_second_name_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "key").write_text("secret")
    (tmp_path / "work" / "x").hardlink_to(tmp_path / "key")
    with pytest.raises(UnsafePathError, match="second name"):
        write_inside(str(tmp_path / "work"), "x", "overwritten")
    assert (tmp_path / "key").read_text() == "secret"


def test_a_result_larger_than_asked_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 101)
    with pytest.raises(UnsafePathError, match="larger than 100 bytes"):
        read_inside(str(tmp_path), "big", 100)
    assert len(read_inside(str(tmp_path), "big", 101)) == 101


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_inside(str(tmp_path), "gone", 100)
