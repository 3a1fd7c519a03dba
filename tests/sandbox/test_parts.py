"""Masks, layout, the filter and lending, each by itself."""

import os
import struct
import sys
from pathlib import Path

import pytest

from autogen.coding.sandbox import Policy, lend, seccomp
from autogen.coding.sandbox.layout import Layout, lay_out
from autogen.coding.sandbox.masking import Masks, masks_in

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----"


def layout(work_dir: Path, *interpreter: Path) -> Layout:
    return Layout(work_dir=str(work_dir), interpreter=tuple(map(str, interpreter)), sources=(), links=())


def masked(folder: Path, *interpreter: Path) -> set[str]:
    found: Masks = masks_in(str(folder), layout(folder, *interpreter))
    return {os.path.relpath(path, folder) for path in (*found.files, *found.folders)}


def plant(folder: Path, *names: str, text: str = "x") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_secrets_are_masked_at_any_depth(tmp_path: Path) -> None:
    secret = {".env", "a/b/c/.env", ".env.production", "OAI_CONFIG_LIST", "x/id_ed25519", "certs/server.pem"}
    plant(tmp_path, *secret)
    plant(tmp_path, "a/.git/config", ".ssh/known_hosts")
    plant(tmp_path, "deploy/id_work", text=KEY)
    assert masked(tmp_path) == {*secret, "a/.git", ".ssh", "deploy/id_work"}


def test_harmless_files_are_left_alone(tmp_path: Path) -> None:
    plant(tmp_path, "id_map.csv", "id_list", "env.py", ".env.example", "git/config", ".gitignore", "notes.pem.txt",
          "lib/site-packages/certifi/cacert.pem", ".env.sample")  # fmt: skip
    assert masked(tmp_path) == set()


def test_a_virtual_environment_called_dot_env_is_not_a_secret(tmp_path: Path) -> None:
    plant(tmp_path, ".env/pyvenv.cfg", ".env/lib/x.py")
    assert masked(tmp_path) == set()


def test_the_interpreter_is_never_masked(tmp_path: Path) -> None:
    plant(tmp_path, ".env/bin/python", "x.pem")
    assert masked(tmp_path, tmp_path / ".env") == {"x.pem"}


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_a_secret_behind_a_link_is_masked_where_it_lies(tmp_path: Path) -> None:
    plant(tmp_path, "conf/settings")
    (tmp_path / ".env").symlink_to("conf/settings")
    (tmp_path / "OAI_CONFIG_LIST").symlink_to("/etc/hostname")
    (tmp_path / "loop.pem").symlink_to("loop.pem")
    assert masked(tmp_path) == {"conf/settings"}


def test_a_home_used_as_work_dir_hides_its_dot_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    plant(tmp_path, ".bashrc", ".config/x", ".venv/bin/python", "work.txt", "sub/.hidden")
    assert masked(tmp_path, tmp_path / ".venv") == {".bashrc", ".config"}


def test_an_import_path_that_is_a_home_is_not_made_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    (home / "project").mkdir(parents=True)
    work.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(sys, "path", [*sys.path, str(home), str(tmp_path), "/", str(home / "project"), "", "relative"])
    sources = lay_out(Policy(work_dir=str(work)), "test").sources
    assert str(home / "project") in sources
    assert not {str(home), str(tmp_path), "/", ""} & set(sources)


def test_an_editable_install_is_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, work = tmp_path / "src" / "mine", tmp_path / "work"
    package.mkdir(parents=True)
    work.mkdir()
    finder = type(sys)("__editable___mine_finder")
    finder.MAPPING = {"mine": str(package)}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, finder.__name__, finder)
    assert str(package) in lay_out(Policy(work_dir=str(work)), "test").sources


def verdict(program: bytes, number: int, *args: int, arch: int = 0xC000003E) -> int:
    """What the kernel would answer: a small machine for the few instructions that are used."""
    words = [*args, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, arch, 0, *(word & (2**64 - 1) for word in words))
    steps = [struct.unpack_from("<HBBI", program, at) for at in range(0, len(program), 8)]
    at = held = 0
    while True:
        code, if_true, if_false, value = steps[at]
        at += 1
        if code == 0x20:
            held = struct.unpack_from("<I", data, value)[0]
        elif code == 0x06:
            return value
        else:
            test = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
            at += if_true if test else if_false


ALLOW, KILL = 0x7FFF0000, 0x80000000
OPEN = seccomp.Profile(unix_sockets=True, internet=True)
SHUT = seccomp.Profile(unix_sockets=False, internet=False, own_group=True, keep_attributes=True, mute=True)


@pytest.mark.parametrize(("number", "args", "profile", "answer"), [
    (0, (), OPEN, ALLOW), (59, (), SHUT, ALLOW), (101, (), OPEN, 1), (435, (), OPEN, 38),
    (56, (0x11,), OPEN, ALLOW), (56, (0x10000011,), OPEN, 1),
    (90, (0, 0o755), OPEN, ALLOW), (90, (0, 0o4755), OPEN, 1), (90, (0, 0o4755), SHUT, 0),
    (257, (0, 0, 0, 0o4755), OPEN, ALLOW), (257, (0, 0, 0o101, 0o4755), OPEN, 1), (2, (0, 0o101, 0o644), OPEN, ALLOW),
    (41, (1,), OPEN, ALLOW), (41, (1,), SHUT, 13), (41, (2,), SHUT, 101), (41, (10,), SHUT, 101),
    (41, (16,), OPEN, 97),
    (53, (1,), SHUT, ALLOW), (16, (0, 0x5412), OPEN, 1), (16, (0, 0x100005412), OPEN, 1),
    (16, (0, 0x5401), OPEN, ALLOW),
    (112, (), OPEN, ALLOW), (112, (), SHUT, 1), (62, (0, 9), SHUT, ALLOW), (62, (-1, 9), SHUT, 1),
    (62, (1,), OPEN, ALLOW),
    (302, (0,), SHUT, ALLOW), (302, (77,), SHUT, 1), (141, (0, 0), SHUT, ALLOW), (141, (2, 0), SHUT, 1),
    (141, (0, 5), SHUT, 1), (135, (0xFFFFFFFF,), OPEN, ALLOW), (135, (0x40000,), OPEN, 1),
    (0x40000000, (), OPEN, KILL), (-1, (), OPEN, KILL),
])  # fmt: skip
def test_the_filter_for_x86(number: int, args: tuple[int, ...], profile: seccomp.Profile, answer: int) -> None:
    expected = answer if answer >= KILL or answer == ALLOW else 0x00050000 | answer
    assert verdict(seccomp.build(profile, "x86_64"), number, *args) == expected


@pytest.mark.parametrize(("number", "args", "profile", "answer"), [
    (63, (), OPEN, ALLOW), (117, (), OPEN, 1), (220, (0x10000000,), OPEN, 1), (53, (0, 0, 0o4755), OPEN, 1),
    (56, (0, 0, 0o100, 0o2755), OPEN, 1), (198, (16,), OPEN, 97), (198, (1,), SHUT, 13), (157, (), SHUT, 1),
    (41, (), OPEN, 1), (90, (), OPEN, ALLOW),
])  # fmt: skip
def test_the_filter_for_arm64(number: int, args: tuple[int, ...], profile: seccomp.Profile, answer: int) -> None:
    expected = answer if answer == ALLOW else 0x00050000 | answer
    assert verdict(seccomp.build(profile, "aarch64"), number, *args, arch=0xC00000B7) == expected


def test_calls_of_another_architecture_kill() -> None:
    assert verdict(seccomp.build(OPEN, "x86_64"), 0, arch=0x40000003) == KILL
    assert verdict(seccomp.build(OPEN, "aarch64"), 0) == KILL
    assert not seccomp.supported("riscv64")


@pytest.mark.skipif(not lend.is_root(), reason="only root lends")
class TestLending:
    def test_files_come_back_to_their_owners(self, tmp_path: Path) -> None:
        plant(tmp_path, "mine", "theirs", "secret/.env")
        os.chown(tmp_path / "theirs", 1234, 2345)
        with lend.lent(str(tmp_path), (str(tmp_path / "secret"),)) as user:
            assert user > 60_000
            assert {path.lstat().st_uid for path in (tmp_path, tmp_path / "mine", tmp_path / "theirs")} == {user}
            assert (tmp_path / "secret").lstat().st_uid == 0
            plant(tmp_path, "new")
            os.chown(tmp_path / "new", user, user)
        owners = {path.name: (path.lstat().st_uid, path.lstat().st_gid) for path in (tmp_path, *tmp_path.iterdir())}
        assert owners.pop("theirs") == (1234, 2345)
        assert set(owners.values()) == {(0, 0)}

    def test_the_first_of_two_runs_takes_nothing_from_the_second(self, tmp_path: Path) -> None:
        first, second = lend.lent(str(tmp_path), ()), lend.lent(str(tmp_path), ())
        user = first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert tmp_path.stat().st_uid == user
        second.__exit__(None, None, None)
        assert tmp_path.stat().st_uid == 0

    def test_a_killed_host_is_mended_by_the_next_run(self, tmp_path: Path) -> None:
        os.chown(tmp_path, 1234, 1234)
        plant(tmp_path, "x")
        os.chown(tmp_path / "x", 1234, 1234)
        child = os.fork()
        if child == 0:
            loan = lend.lent(str(tmp_path), ())
            loan.__enter__()
            os._exit(0)
        os.waitpid(child, 0)
        assert tmp_path.stat().st_uid > 60_000
        with lend.lent(str(tmp_path), ()):
            pass
        assert {tmp_path.stat().st_uid, (tmp_path / "x").stat().st_uid} == {1234}

    def test_two_hosts_share_a_folder(self, tmp_path: Path) -> None:
        plant(tmp_path, "x")
        ready, go = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            with lend.lent(str(tmp_path), ()):
                os.write(ready[1], b"x")
                os.read(go[0], 1)
            os._exit(0)
        os.read(ready[0], 1)
        with lend.lent(str(tmp_path), ()) as user:
            os.write(go[1], b"x")
            os.waitpid(child, 0)
            assert (tmp_path / "x").stat().st_uid == user
        assert {tmp_path.stat().st_uid, (tmp_path / "x").stat().st_uid} == {0}

    def test_links_lead_nowhere(self, tmp_path: Path) -> None:
        work = tmp_path / "work"
        work.mkdir()
        plant(tmp_path, "outside/file", "other")
        (work / "folder").symlink_to(tmp_path / "outside")
        (work / "name").hardlink_to(tmp_path / "other")
        with lend.lent(str(work), ()):
            assert {(tmp_path / name).stat().st_uid for name in ("outside", "outside/file", "other")} == {0}

    def test_very_deep_folders_do_no_harm(self, tmp_path: Path) -> None:
        here = os.open(tmp_path, os.O_RDONLY)
        for _ in range(1500):
            os.mkdir("d", dir_fd=here)
            deeper = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = deeper
        os.close(here)
        with lend.lent(str(tmp_path), ()) as user:
            assert (tmp_path / "d" / "d").stat().st_uid == user
        assert (tmp_path / "d" / "d").stat().st_uid == 0
        assert os.system(f"rm -rf {tmp_path}/d") == 0
