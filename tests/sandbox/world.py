"""A small world of bait around the sandbox: fake secrets, live listeners, a process that must not be touched."""

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator

import msgspec

from autogen.coding.sandbox import Outcome, Policy, Sandbox
from tests.sandbox.attacks import SMALL, Attack

CANARY = "CANARY-" + uuid.uuid4().hex


class World:
    """Bait in places that anybody may read and write, so that only the sandbox stands in between."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.outside = self._folder("outside", 0o777)
        self.home = self._folder("home", 0o755)
        self.secret = self._file("secret.txt", CANARY)
        self.precious = os.path.join(self.outside, "precious")
        self._folder("home/.ssh", 0o755)
        self._file("home/.ssh/id_rsa", CANARY)
        self.heard: list[bytes] = []
        """Every datagram that came."""
        self._news = threading.Condition()
        self._sockets = [
            self._listen(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            self._listen(socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0)),
            self._listen(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            self._listen(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + CANARY),
            self._listen(socket.AF_UNIX, socket.SOCK_STREAM, f"{folder}/socket"),
            self._listen(socket.AF_UNIX, socket.SOCK_DGRAM, f"{folder}/datagram"),
        ]
        for name in ("socket", "datagram"):
            os.chmod(f"{folder}/{name}", 0o777)
        self.victim = subprocess.Popen(["sleep", "1000"])
        self.restore()

    def restore(self) -> None:
        """Make everything as it was: attacks come in any order, and one that got through must not decide the next."""
        for name in os.listdir(self.outside):
            os.unlink(os.path.join(self.outside, name))
        self._file("outside/precious", "keep me")
        if self.victim.poll() is None:
            self.victim.send_signal(signal.SIGCONT)
        else:
            self.victim = subprocess.Popen(["sleep", "1000"])

    def datagrams(self) -> int:
        """How many datagrams have come: the last is our own, and what was sent before it has been heard before it."""
        own = uuid.uuid4().bytes
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, self._news:
            sender.sendto(own, self._sockets[2].getsockname())
            assert self._news.wait_for(lambda: own in self.heard, 20)
            return len(self.heard)

    def _folder(self, name: str, mode: int) -> str:
        path = os.path.join(self.folder, name)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        return path

    def _file(self, name: str, text: str) -> str:
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o666)
        return path

    def _listen(self, family: int, kind: int, address: object) -> socket.socket:
        listener = socket.socket(family, kind)
        listener.bind(address)  # type: ignore[arg-type]
        if kind == socket.SOCK_STREAM:
            listener.listen()
        threading.Thread(target=self._hear, args=(listener, kind), daemon=True).start()
        return listener

    def _hear(self, listener: socket.socket, kind: int) -> None:
        with contextlib.suppress(OSError):
            while True:
                if kind == socket.SOCK_STREAM:
                    listener.accept()[0].close()
                    continue
                said = listener.recv(100)
                with self._news:
                    self.heard.append(said)
                    self._news.notify_all()

    def close(self) -> None:
        for listener in self._sockets:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.victim.kill()
        self.victim.wait()
        shutil.rmtree(self.folder)

    def values(self, marker: str) -> dict[str, object]:
        """What the attack programs see as W."""
        return {
            "outside": self.outside, "home": self.home, "secret": self.secret, "victim": self.victim.pid,
            "host_pid": os.getpid(), "port": self._sockets[0].getsockname()[1],
            "port6": self._sockets[1].getsockname()[1], "udp": self._sockets[2].getsockname()[1],
            "abstract": CANARY, "socket": f"{self.folder}/socket", "datagram": f"{self.folder}/datagram",
            "marker": marker,
        }  # fmt: skip

    def new_work_dir(self, baited: bool) -> str:
        """A fresh work directory beside the bait; `baited`: with files in it that must be masked."""
        work_dir = tempfile.mkdtemp(prefix="work-", dir=self.folder)
        bait = {
            ".env",
            "app/conf/.env",
            "OAI_CONFIG_LIST",
            ".git/config",
            ".git/hooks/sample",
            "app/server.pem",
            "app/id_ed25519",
        }
        for name in sorted(bait) if baited else ():
            path = os.path.join(work_dir, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"KEY={CANARY}\n")
            os.chmod(path, 0o666)
        return work_dir


@contextlib.contextmanager
def new_world() -> Iterator[World]:
    folder = os.path.realpath(tempfile.mkdtemp(prefix="world-"))
    os.chmod(folder, 0o777)
    world = World(folder)
    os.environ["SECRET_OF_THE_HOST"] = CANARY
    try:
        yield world
    finally:
        del os.environ["SECRET_OF_THE_HOST"]
        world.close()


_BAITED = ("dot_env", "oai_config", "git_", "pem_key", "private_key", "masked", "mask_")


def hits(attack: Attack, rung: Sandbox, world: World) -> str:
    """Run the attack; "" when it was stopped, else what it got."""
    world.restore()
    marker = f"marker-{uuid.uuid4().hex}"
    work_dir = world.new_work_dir(any(part in attack.name for part in _BAITED))
    with open(os.path.join(work_dir, "attack.py"), "w", encoding="utf-8") as file:
        file.write(f"W = {world.values(marker)!r}\n{attack.code}")
    before, heard = os.stat(world.precious), world.datagrams()
    limits = msgspec.structs.replace(SMALL, wall_s=attack.wall_s)
    result = rung.run([sys.executable, "attack.py"], Policy(work_dir=work_dir, limits=limits))
    if "HIT" in result.output:
        return result.output[-300:]
    after = os.stat(world.precious)
    if (before.st_mode, before.st_mtime) != (after.st_mode, after.st_mtime):
        return "a file outside was changed"
    if world.victim.poll() is not None or _state(world.victim.pid) == "T":
        return "the victim was touched"
    if attack.name == "connect_udp_loopback" and world.datagrams() > heard + 1:
        return "the listener heard it"
    return _left(attack, result, work_dir, marker)


def _left(attack: Attack, result: Outcome, work_dir: str, marker: str) -> str:
    if attack.left == "process" and (alive := _running(marker)):
        return f"process {alive} is still there"
    if attack.left == "slow end" and result.seconds > min(attack.wall_s, 3) + 2.5:
        return f"it ended after {result.seconds:.1f} s"
    if attack.left == "file in parent" and os.path.lexists(f"{work_dir}/../evil"):
        os.unlink(f"{work_dir}/../evil")
        return "a file in the folder above"
    if attack.left == "set-id file":
        for name in os.listdir(work_dir):
            mode = os.lstat(os.path.join(work_dir, name)).st_mode
            if mode & (stat.S_ISUID | stat.S_ISGID):
                return f"{name} has mode {mode:o}"
    return ""


def _running(marker: str) -> list[int]:
    found: list[int] = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
            if marker.encode() in file.read():
                found.append(int(pid))
    return found


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[0]
