"""What a run gives back, on every rung: reasons, output, files, environment."""

import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from autogen.coding.sandbox import (
    Limits,
    Outcome,
    Policy,
    Sandbox,
    SandboxPolicyError,
    SandboxUnavailable,
    choose,
    lend,
)
from autogen.coding.sandbox.bwrap import Bwrap
from tests.sandbox.test_attacks import RUNGS, rung_here

MIB = 1024 * 1024
pytestmark = pytest.mark.filterwarnings("ignore:model-written code runs without a sandbox")
AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture(params=[*RUNGS, "off"])
def rung(request: pytest.FixtureRequest) -> Sandbox:
    return choose("off") if request.param == "off" else rung_here(request.param)


@pytest.fixture(params=RUNGS)
def confined(request: pytest.FixtureRequest) -> Sandbox:
    return rung_here(request.param)


def run(rung: Sandbox, work_dir: Path, code: str, **limits: float) -> Outcome:
    bounds = msgspec.structs.replace(Limits(wall_s=20), **limits)
    return rung.run([sys.executable, "-c", code], Policy(work_dir=str(work_dir), limits=bounds))


def test_a_program_that_ends_well(rung: Sandbox, tmp_path: Path) -> None:
    result = run(rung, tmp_path, "import os; open('out.txt', 'w').write('kept'); print(os.getcwd())")
    assert (result.exit_code, result.why, result.output) == (0, "ok", f"{tmp_path}\n")
    assert (tmp_path / "out.txt").read_text() == "kept"
    assert result.sandbox == rung.name


def test_a_program_that_fails(rung: Sandbox, tmp_path: Path) -> None:
    result = run(rung, tmp_path, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (result.exit_code, result.why, result.output) == (3, "error", "out\nerr\n")


def test_the_wall_limit_keeps_what_was_printed(rung: Sandbox, tmp_path: Path) -> None:
    for wall_s in (0.4, 2, 8):  # a busy machine may need longer until the program has begun
        result = run(rung, tmp_path, "print('before', flush=True)\nwhile True: pass", wall_s=wall_s)
        assert result.seconds < wall_s + 3
        if result.output:
            break
    assert (result.exit_code, result.why, result.output) == (124, "timeout", "before\n")


def test_a_program_killed_by_a_signal(rung: Sandbox, tmp_path: Path) -> None:
    result = run(rung, tmp_path, "import ctypes; ctypes.string_at(0)")
    assert (result.exit_code, result.why) == (139, "error")


def test_an_unknown_program(rung: Sandbox, tmp_path: Path) -> None:
    try:
        result = rung.run(["no-such-program"], Policy(work_dir=str(tmp_path)))
    except SandboxUnavailable as error:
        assert rung.name == "off" and "no-such-program" in str(error)
    else:
        assert (result.exit_code, result.why) == (127, "error")


def test_memory_is_named_as_the_reason(confined: Sandbox, tmp_path: Path) -> None:
    result = run(confined, tmp_path, "x = [bytearray(50 << 20) for _ in range(20)]", memory_bytes=200 * MIB)
    assert result.why == "memory"


def test_processes_are_named_as_the_reason(confined: Sandbox, tmp_path: Path) -> None:
    code = "import os, time\nfor _ in range(60):\n  if os.fork() == 0: time.sleep(9)"
    assert run(confined, tmp_path, code, processes=20).why == "pids"


def test_disk_is_named_as_the_reason(rung: Sandbox, tmp_path: Path) -> None:
    code = "for n in range(100): open(f'f{n}', 'wb').write(bytes(8 << 20))"
    assert run(rung, tmp_path, code, disk_bytes=40 * MIB).why == "disk"


def test_a_large_file_is_named_as_the_reason(confined: Sandbox, tmp_path: Path) -> None:
    assert run(confined, tmp_path, "open('f', 'wb').write(bytes(9 << 20))", file_bytes=8 * MIB).why == "disk"


def test_what_was_there_before_does_not_count(rung: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(b"x" * (10 * MIB))
    result = run(rung, tmp_path, "import time; time.sleep(0.35)", disk_bytes=MIB, files=1)
    assert result.why == "ok"


def test_long_output_keeps_its_head_and_tail(rung: Sandbox, tmp_path: Path) -> None:
    result = run(rung, tmp_path, "print('first'); print('x' * 50_000); print('last')", output_bytes=10_000)
    assert result.why == "ok"
    assert result.output.startswith("first\n")
    assert result.output.endswith("last\n")
    assert result.truncated == len("first\n") + 50_001 + len("last\n") - 10_000
    assert f"{result.truncated} bytes of output not kept" in result.output


def test_a_flood_is_stopped(rung: Sandbox, tmp_path: Path) -> None:
    result = run(rung, tmp_path, "import os\nwhile True: os.write(1, b'x' * 65536)", output_bytes=10_000)
    assert (result.why, result.exit_code) == ("output", 137)
    assert len(result.output) < 10_200


def test_wrong_bytes_are_replaced(rung: Sandbox, tmp_path: Path) -> None:
    assert run(rung, tmp_path, "import os; os.write(1, b'a\\xffb')").output == "a\ufffdb"


def test_cpu_seconds_are_bounded(confined: Sandbox, tmp_path: Path) -> None:
    assert run(confined, tmp_path, "while True: pass", cpu_s=1).why == "timeout"


def test_a_cancelled_run_is_killed(rung: Sandbox, tmp_path: Path) -> None:
    policy = Policy(work_dir=str(tmp_path), limits=Limits(wall_s=20))
    code = "import time; open('begun', 'w'); time.sleep(15)"
    result = rung.run([sys.executable, "-c", code], policy, (tmp_path / "begun").exists)
    assert result.why == "killed"
    assert result.seconds < 15


def test_only_the_environment_given_is_seen(confined: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    policy = Policy(work_dir=str(tmp_path), env={"MINE": "a b\n=c", "LD_LIBRARY_PATH": "/nowhere", "LANG": "C"})
    result = confined.run([sys.executable, "-c", "import os; print(dict(os.environ))"], policy)
    assert "secret" not in result.output
    assert "'MINE': 'a b\\n=c'" in result.output
    assert "'LD_LIBRARY_PATH': '/nowhere'" in result.output
    assert "'LANG': 'C'" in result.output
    assert "'MPLBACKEND': 'Agg'" in result.output


def test_environment_values_are_not_in_the_process_list(confined: Sandbox, tmp_path: Path) -> None:
    policy = Policy(work_dir=str(tmp_path), env={"TOKEN": "canary-7f3a"}, limits=Limits(wall_s=20))
    program = [sys.executable, "-c", f"import time; time.sleep(15)  # in {tmp_path}"]
    command_line = b"".join(word.encode() + b"\0" for word in program)
    seen: set[bytes] = set()

    def look() -> bool:
        """Look at all processes, until the program itself is among them."""
        for pid in filter(str.isdecimal, os.listdir("/proc")):
            try:
                seen.add(Path(f"/proc/{pid}/cmdline").read_bytes())
            except OSError:
                continue
        return command_line in seen

    assert confined.run(program, policy, look).why == "killed"
    assert command_line in seen
    assert not any(b"canary-7f3a" in line for line in seen)


@pytest.mark.usefixtures("many_open_files")
def test_a_host_with_many_open_files_runs_code(rung: Sandbox, tmp_path: Path) -> None:
    assert run(rung, tmp_path, "print('here')").output == "here\n"


@pytest.mark.skipif(not AS_ROOT, reason="only root gives each work directory a user of its own")
def test_no_memory_is_left_with_the_user_of_the_run(confined: Sandbox, tmp_path: Path) -> None:
    assert run(confined, tmp_path, "print('here')").output == "here\n"
    for kind in ("shm", "sem", "msg"):
        rows = Path(f"/proc/sysvipc/{kind}").read_text().splitlines()
        owner = rows[0].split().index("uid")
        assert str(lend.stranger(str(tmp_path))) not in [row.split()[owner] for row in rows[1:]]


def test_a_work_dir_below_closed_folders(confined: Sandbox, tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "data.csv").write_text("1")
    for folder in (inner, inner.parent):
        folder.chmod(0o700)
    code = "print(open('data.csv').read()); open('out', 'w').write('2'); import os; os.mkdir('d'); os.chmod('d', 0)"
    assert run(confined, inner, code).output == "1\n"
    assert (inner / "out").read_text() == "2"
    for path in (inner, inner / "data.csv", inner / "out", inner / "d"):
        assert path.lstat().st_uid == os.getuid()
    assert stat.S_IMODE(inner.stat().st_mode) == 0o700


def test_the_next_run_sees_and_changes_the_files_of_the_last(confined: Sandbox, tmp_path: Path) -> None:
    run(confined, tmp_path, "open('log', 'a').write('one ')")
    (tmp_path / "log").open("a").write("host ")
    result = run(confined, tmp_path, "open('log', 'a').write('two'); print(open('log').read())")
    assert result.output == "one host two\n"


def test_runs_in_one_folder_at_once(confined: Sandbox, tmp_path: Path) -> None:
    results: list[Outcome] = []

    def one(number: int) -> None:
        pause = 0.05 + number / 10
        code = f"import time; open('f{number}', 'w').write('x'); time.sleep({pause}); open('g{number}', 'w')"
        results.append(run(confined, tmp_path, code))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.output for result in results] == [""] * 3
    assert {path.lstat().st_uid for path in tmp_path.iterdir()} == {os.getuid()}


def test_packages_of_this_interpreter_can_be_imported(confined: Sandbox, tmp_path: Path) -> None:
    site = str(Path(msgspec.__file__).parents[1])
    policy = Policy(work_dir=str(tmp_path), env={"PYTHONPATH": site})
    result = confined.run([sys.executable, "-c", "import msgspec; print(msgspec.__version__)"], policy)
    assert result.output.strip() == msgspec.__version__


def test_extra_places_are_readable_and_not_writable(confined: Sandbox, tmp_path: Path) -> None:
    work, data = tmp_path / "work", tmp_path / "data"
    work.mkdir()
    data.mkdir(mode=0o777)
    (data / "in.txt").write_text("seen")
    code = f"print(open({str(data / 'in.txt')!r}).read())\nopen({str(data / 'out.txt')!r}, 'w')"
    policy = Policy(work_dir=str(work), readable=(str(data),))
    assert confined.run([sys.executable, "-c", code], policy).output.startswith("seen\nTraceback")
    assert not (data / "out.txt").exists()


def test_subprocesses_and_threads_work(confined: Sandbox, tmp_path: Path) -> None:
    # In sandlock 0.9 a shell that has just heard of a child's end may fail to fork (multikernel/sandlock#235).
    shell = "echo $((6*7))" if confined.name == "sandlock" else "echo $((6*7)) | cat"
    code = (
        "import subprocess, concurrent.futures as f, asyncio\n"
        f"print(subprocess.run(['sh', '-c', '{shell}'], capture_output=True, text=True).stdout.strip())\n"
        "with f.ThreadPoolExecutor(4) as pool: print(sum(pool.map(abs, range(-3, 1))))\n"
        "print(asyncio.run(asyncio.sleep(0, 'done')))"
    )
    assert run(confined, tmp_path, code).output == "42\n6\ndone\n"


def test_a_refused_connection_is_noticed(confined: Sandbox, tmp_path: Path) -> None:
    result = run(confined, tmp_path, "import urllib.request as r; r.urlopen('http://192.0.2.1/', timeout=3)")
    assert result.refused_network
    assert not run(confined, tmp_path, "raise SystemExit('no connection was tried')").refused_network


@pytest.mark.parametrize("folder", ["/", "/usr", "/etc", "/tmp", "/home", sys.prefix, "/no/such/folder"])
def test_a_work_dir_that_holds_too_much_is_refused(folder: str, confined: Sandbox) -> None:
    with pytest.raises(SandboxPolicyError, match="work directory"):
        confined.run(["true"], Policy(work_dir=folder))


def test_a_sandbox_that_is_gone_is_an_error_and_nothing_runs(tmp_path: Path) -> None:
    rung_here("bwrap")
    rung = Bwrap()
    rung.tools = msgspec.structs.replace(rung.tools, bwrap=str(tmp_path / "removed"))
    with pytest.raises(SandboxUnavailable, match="could not be started"):
        run(rung, tmp_path, "open('ran', 'w')")
    assert not (tmp_path / "ran").exists()


def test_a_sandbox_that_breaks_is_an_error_and_nothing_runs(tmp_path: Path) -> None:
    rung_here("bwrap")
    rung = Bwrap()
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    broken.chmod(0o755)
    rung.tools = msgspec.structs.replace(rung.tools, bwrap=str(broken))
    with pytest.raises(SandboxUnavailable, match="uid map: Permission denied"):
        run(rung, tmp_path, "open('ran', 'w')")
    assert not (tmp_path / "ran").exists()


def test_the_host_killed_takes_the_run_with_it(confined: Sandbox, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    beat = "import time\nwhile True:\n    open('beat', 'a').write('x'); time.sleep(0.02)"
    program = (
        "from autogen.coding.sandbox import Policy, choose\nimport sys\n"
        f"choose({confined.name!r}).run([sys.executable, '-c', {beat!r}], Policy(work_dir={str(work)!r}))"
    )
    root = str(Path(__file__).resolve().parents[2])
    env = {**os.environ, "PYTHONPATH": _path(root), "TMPDIR": str(tmp_path)}
    host = subprocess.Popen([sys.executable, "-c", program], cwd=root, env=env)
    deadline = time.monotonic() + 20
    while not (work / "beat").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (work / "beat").exists()
    host.kill()
    host.wait()
    assert _quiet(work / "beat")


def _path(root: str) -> str:
    return os.pathsep.join((root, os.environ.get("PYTHONPATH", "")))


def _quiet(beat: Path) -> bool:
    """Whether the file stops growing."""
    for _ in range(20):
        size = beat.stat().st_size
        time.sleep(0.15)
        if beat.stat().st_size == size:
            return True
    return False
