"""The attacks, as data: each is a program that tries one thing and prints HIT when it got it.

Programs see the places of a `World` as `W["..."]`. Rows follow the published list of what local executors lose to.
`left` names what the host has to look at afterwards, because the program cannot tell.
"""

from typing import Any, Literal

from msgspec import Struct

from autogen.coding.sandbox import Limits

MIB = 1024 * 1024
SMALL = Limits(
    wall_s=8, memory_bytes=256 * MIB, processes=40, file_bytes=32 * MIB, disk_bytes=64 * MIB, files=2000,
    output_bytes=64 * 1024,
)  # fmt: skip
SOON_S = 0.5
QUICK_S = 0.8
"""Long enough for a program to have started another."""


class Attack(Struct, frozen=True, kw_only=True):
    name: str
    row: int
    code: str
    wall_s: float = SMALL.wall_s
    left: Literal["", "process", "set-id file", "slow end", "file in parent"] = ""
    x86_only: bool = False


_SYSCALL = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    result = libc.syscall(ctypes.c_long(number), *[a if isinstance(a, bytes) else ctypes.c_long(a) for a in args])
    return result, ctypes.get_errno()
def reached(number, *args):
    "The kernel did the work or at least looked at the arguments: it was not refused at the door."
    result, error = call(number, *args)
    if result >= 0 or error not in (1, 13, 38):
        print("HIT", number, result, error)
"""
_NUMBERS: dict[str, tuple[Any, ...]] = {
    "bpf": (321, 0, bytes(128), 128),
    "io_uring": (425, 8, bytes(120)),
    "perf_event_open": (298, bytes(128), 0, -1, -1, 0),
    "keyctl": (250, 0, -3, 1),
    "add_key": (248, b"user\0", b"k\0", b"v", 1, -3),
    "userfaultfd": (323, 1),
    "memfd_secret": (447, 0),
    "process_vm_readv": (310, 1, bytes(16), 1, bytes(16), 1, 0),
    "ptrace_traceme": (101, 0, 0, 0, 0),
    "mount": (165, b"none\0", b"/tmp\0", b"tmpfs\0", 0, 0),
    "fsopen": (430, b"tmpfs\0", 0),
    "open_tree": (428, -100, b"/\0", 1),
    "pivot_root": (155, b"/\0", b"/\0"),
    "chroot": (161, b"/tmp\0"),
    "open_by_handle_at": (304, -100, bytes(136), 0),
    "kexec_load": (246, 0, 0, 0, 0),
    "init_module": (175, 0, 0, b"\0"),
    "fanotify_init": (300, 0x200, 0),
    "setns": (308, 0, 0),
    "personality": (135, 0x0040000),
    "clone3_user_namespace": (435, (0x10000000).to_bytes(8, "little") + bytes(80), 88),
    "modify_ldt": (154, 0, bytes(16), 16),
    "quotactl": (179, 0x800007 << 8, 0, 0, 0),
    "swapon": (167, b"/x\0", 0),
    "syslog": (103, 3, bytes(4096), 4096),
}
_KERNEL = tuple(
    Attack(name=f"syscall_{name}", row=19, code=f"{_SYSCALL}\nreached(*{args!r})", x86_only=True)
    for name, args in _NUMBERS.items()
)

_SOCKETS = {
    "netlink": ("16, 3, 0", 14), "vsock": ("40, 1, 0", 14), "packet": ("17, 3, 0", 14), "alg": ("38, 5, 0", 14),
    "bluetooth": ("31, 1, 0", 14), "raw_ip": ("2, 3, 1", 14),
}  # fmt: skip
_FAMILIES = tuple(
    Attack(
        name=f"socket_{name}", row=row,
        code=f"import socket\ntry: socket.socket({args}); print('HIT')\nexcept OSError: pass",
    )
    for name, (args, row) in _SOCKETS.items()
)  # fmt: skip

_READS = {
    "ssh_key": (12, 'W["home"] + "/.ssh/id_rsa"'),
    "shadow": (12, '"/etc/shadow"'),
    "passwd": (12, '"/etc/passwd"'),
    "host_environ": (12, "f\"/proc/{W['host_pid']}/environ\""),
    "parent_environ": (12, "f\"/proc/{__import__('os').getppid()}/environ\""),
    "host_memory": (18, "f\"/proc/{W['host_pid']}/maps\""),
    "host_root_link": (12, 'f"/proc/{W[\'host_pid\']}/root" + W["secret"]'),
    "secret_beside_work_dir": (12, 'W["secret"]'),
    "dot_env": (12, '".env"'),
    "dot_env_nested": (12, '"app/conf/.env"'),
    "oai_config_list": (12, '"OAI_CONFIG_LIST"'),
    "git_config": (12, '".git/config"'),
    "pem_key": (12, '"app/server.pem"'),
    "private_key": (12, '"app/id_ed25519"'),
    "kcore": (21, '"/proc/kcore"'),
    "kmsg": (25, '"/dev/kmsg"'),
    "disk_device": (21, '"/dev/vda"'),
}
_READERS = tuple(
    Attack(
        name=f"read_{name}", row=row,
        code=f"""
try:
    with open({path}, "rb", buffering=0) as file:
        data = file.read(4096)
    if b"CANARY" in data or (data and {name!r} in ("shadow", "passwd", "kcore", "kmsg", "disk_device", "host_memory")):
        print("HIT", data[:40])
except OSError as error:
    print(error)
""",
    )
    for name, (row, path) in _READS.items()
)  # fmt: skip

_WRITES = {
    "outside": (17, 'W["outside"] + "/evil"'),
    "interpreter": (17, '__import__("sys").prefix + "/evil.pth"'),
    "base_interpreter": (17, '__import__("os").__file__ + ".evil"'),
    "etc": (5, '"/etc/evil"'),
    "root_folder": (5, '"/evil"'),
    "usr": (17, '"/usr/evil"'),
    "dev": (5, '"/dev/evil"'),
    "core_pattern": (21, '"/proc/sys/kernel/core_pattern"'),
    "sysrq": (21, '"/proc/sysrq-trigger"'),
    "sys": (21, '"/sys/kernel/mm/transparent_hugepage/enabled"'),
    "masked_file": (17, '".env"'),
    "git_hook": (17, '".git/hooks/post-checkout"'),
    "init_oom_score": (25, '"/proc/1/oom_score_adj"'),
}
_WRITERS = tuple(
    Attack(
        name=f"write_{name}", row=row,
        code=f"""
try:
    with open({path}, "r+b" if {name!r} in ("core_pattern", "sysrq", "sys", "init_oom_score") else "ab") as file:
        if {name!r} == "init_oom_score":
            file.write(b"500"); file.flush()
        print("HIT")
except OSError as error:
    print(error)
""",
    )
    for name, (row, path) in _WRITES.items()
)  # fmt: skip

_FILL = """
import os
total = 0
try:
    folder = {folder}
    for n in range(20):
        with open(f"{{folder}}/fill{{n}}", "wb") as file:
            for _ in range(16):
                file.write(bytes(1 << 20)); file.flush()
                total += 1 << 20
except OSError as error:
    print(error)
if total >= 300 << 20:
    print("HIT", total)
"""
_FILLERS = tuple(
    Attack(name=f"fill_{name}", row=row, code=_FILL.format(folder=folder))
    for name, row, folder in (
        ("work_dir", 3, '"."'),
        ("tmp", 5, '"/tmp"'),
        ("tmpdir", 5, 'os.environ["TMPDIR"]'),
        ("home", 5, 'os.environ["HOME"]'),
        ("shm", 5, '"/dev/shm"'),
        ("run", 5, '"/run"'),
    )
)

_SIGNALS = {
    "host": 'os.kill(W["host_pid"], 0)',
    "victim_stop": 'os.kill(W["victim"], signal.SIGSTOP)',
    "victim_kill": 'os.kill(W["victim"], signal.SIGKILL)',
    "victim_pidfd": 'signal.pidfd_send_signal(os.pidfd_open(W["victim"]), signal.SIGSTOP)',
    "victim_priority": 'os.setpriority(os.PRIO_PROCESS, W["victim"], 19)',
}
_SIGNALLERS = tuple(
    Attack(
        name=f"signal_{name}", row=18,
        code=f"import os, signal\ntry:\n    {what}\n    print('HIT')\nexcept OSError as error: print(error)",
    )
    for name, what in _SIGNALS.items()
)  # fmt: skip

_CONNECTS = {
    "tcp_loopback": 'socket.create_connection(("127.0.0.1", W["port"]), 2).sendall(b"x")',
    "tcp_all_interfaces": 'socket.create_connection(("0.0.0.0", W["port"]), 2).sendall(b"x")',
    "tcp6_loopback": 'socket.create_connection(("::1", W["port6"]), 2).sendall(b"x")',
    "udp_loopback": 'socket.socket(2, 2).sendto(b"x", ("127.0.0.1", W["udp"]))',
    "abstract_socket": 'socket.socket(1, 1).connect("\\0" + W["abstract"])',
    "path_socket": 'socket.socket(1, 1).connect(W["socket"])',
    "path_datagram": 'socket.socket(1, 2).sendto(b"x", W["datagram"])',
}
_CONNECTORS = tuple(
    Attack(
        name=f"connect_{name}", row=13,
        code=f"""
import socket
try:
    {what}
    if {name!r} != "udp_loopback":
        print("HIT")
except OSError as error:
    print(error)
""",
    )
    for name, what in _CONNECTS.items()
)  # fmt: skip

_SET_ID = {
    "chmod": 'os.chmod("suid", 0o4755)',
    "fchmod": 'os.fchmod(os.open("suid", os.O_RDWR), 0o6755)',
    "open_mode": 'os.open("suid2", os.O_CREAT | os.O_WRONLY, 0o4755)',
    "mknod_mode": 'os.mknod("suid3", 0o104755)',
    "fchmodat": 'os.chmod("suid", 0o2755, dir_fd=os.open(".", os.O_RDONLY))',
    "shell_chmod": 'subprocess.run(["chmod", "u+s", "suid"], check=True)',
    "tmpfile": 'os.link(f"/proc/self/fd/{os.open(\'.\', os.O_TMPFILE | os.O_RDWR, 0o4755)}", "suid4")',
}
_SETTERS = tuple(
    Attack(
        name=f"set_id_{name}", row=22, left="set-id file",
        code=f"""
import os, shutil, subprocess
shutil.copyfile("/bin/true", "suid")
try:
    {what}
except (OSError, subprocess.CalledProcessError) as error:
    print(error)
for name in os.listdir("."):
    if os.lstat(name).st_mode & 0o6000: print("HIT", name)
""",
    )
    for name, what in _SET_ID.items()
)  # fmt: skip

ATTACKS: tuple[Attack, ...] = (
    Attack(
        name="fork_bomb", row=1,
        code="""
import os, time
started = 0
try:
    for _ in range(150):
        if os.fork() == 0:
            time.sleep(30); os._exit(0)
        started += 1
except OSError as error:
    print(started, error)
if started >= 100:
    print("HIT", started)
""",
    ),
    Attack(
        name="thread_bomb", row=1,
        code="""
import threading, time
started = 0
try:
    for _ in range(150):
        threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
        started += 1
except RuntimeError as error:
    print(started, error)
if started >= 100:
    print("HIT", started, flush=True)
import os; os._exit(0)
""",
    ),
    Attack(
        name="memory_one_process", row=2,
        code="""
held = []
try:
    for _ in range(10):
        held.append(bytes(range(256)) * (64 << 12))
except MemoryError:
    print(len(held))
if len(held) >= 8:
    print("HIT", len(held))
""",
    ),
    Attack(
        name="memory_tree", row=2,
        code="""
import os, time
for _ in range(6):
    if os.fork() == 0:
        held = bytes(range(256)) * (100 << 12)
        time.sleep(3); os._exit(0)
for _ in range(6):
    if os.wait()[1] == 0:
        print("HIT")
""",
    ),
    Attack(
        name="memory_shared_mapping", row=2,
        code="""
import mmap, time
area = mmap.mmap(-1, 600 << 20)
for at in range(0, 600 << 20, 1 << 20):
    area[at:at + (1 << 20)] = bytes(1 << 20)
time.sleep(0.5)
print("HIT")
""",
    ),
    Attack(
        name="memory_memfd", row=2, x86_only=True,
        code="""
import os
total = 0
try:
    for n in range(20):
        fd = os.memfd_create("x")
        for _ in range(30):
            total += os.write(fd, bytes(1 << 20))
except OSError as error:
    print(error)
if total >= 500 << 20:
    print("HIT")
""",
    ),
    Attack(
        name="memory_system_v", row=2, x86_only=True,
        code=f"{_SYSCALL}\nresult, error = call(29, 0, 600 << 20, 0o1600)\nprint('HIT' if result >= 0 else error)",
    ),
    Attack(
        name="disk_one_file", row=3,
        code="""
import os
try:
    with open("big", "wb") as file:
        for _ in range(300):
            file.write(bytes(1 << 20))
except OSError as error:
    print(error)
if os.path.getsize("big") >= 250 << 20:
    print("HIT")
""",
    ),
    Attack(
        name="disk_deleted_files", row=3,
        code="""
import os, time
held = []
for n in range(20):
    file = open(f"f{n}", "wb"); os.unlink(f"f{n}")
    for _ in range(16):
        file.write(bytes(1 << 20))
    file.flush(); held.append(file)
    time.sleep(0.05)
print("HIT")
""",
    ),
    Attack(
        name="many_files", row=4, wall_s=25,
        code="""
import os
for n in range(20_000):
    if n % 500 == 0:
        os.mkdir(f"d{n}")
    os.close(os.open(f"d{n - n % 500}/{n}", os.O_CREAT | os.O_WRONLY))
print("HIT")
""",
    ),
    *_FILLERS,
    Attack(
        name="endless_output", row=6,
        code="""
import os
for _ in range(300):
    os.write(1, b"x" * (1 << 20))
os.write(1, b"HIT")
""",
    ),
    Attack(name="endless_loop", row=7, wall_s=SOON_S, left="slow end", code="while True: pass"),
    Attack(
        name="loop_ignoring_sigterm", row=8, wall_s=SOON_S, left="slow end",
        code="""
import signal, time
for number in range(1, 32):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: time.sleep(1)
""",
    ),
    Attack(
        name="child_survives_timeout", row=9, wall_s=QUICK_S, left="process",
        code="""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", W["marker"]])
time.sleep(60)
""",
    ),
    Attack(
        name="daemon_survives_exit", row=10, left="process",
        code="""
import os, sys
if os.fork() == 0:
    try: os.setsid()
    except OSError: pass
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)", W["marker"]])
    os._exit(0)
os.wait()
""",
    ),
    Attack(
        name="daemon_keeps_stdout", row=11, wall_s=6, left="slow end",
        code="""
import os, time
if os.fork() == 0:
    try: os.setsid()
    except OSError: pass
    time.sleep(60)
""",
    ),
    Attack(
        name="secret_in_environment", row=12,
        code="import os\nprint('HIT' if any('CANARY' in value for value in os.environ.values()) else 'clean')",
    ),
    Attack(
        name="environ_of_everybody", row=12,
        code="""
import glob
for path in glob.glob("/proc/[0-9]*/environ"):
    try:
        if b"CANARY" in open(path, "rb").read(): print("HIT", path)
    except OSError: pass
""",
    ),
    Attack(
        name="mask_moved_away", row=12,
        code="""
import os
for step in (lambda: os.rename("app/conf", "app/moved"), lambda: os.link(".env", "copy"),
             lambda: os.rename("app/server.pem", "copy.txt"), lambda: os.symlink(".env", "link"),
             lambda: os.rename(".git", "git2")):
    try: step()
    except OSError as error: print(error)
for path in ("app/moved/.env", "copy", "copy.txt", "link", "git2/config"):
    try:
        if "CANARY" in open(path).read(): print("HIT", path)
    except OSError as error: print(error)
""",
    ),
    *_READERS,
    *_WRITERS,
    *_CONNECTORS,
    *_FAMILIES,
    Attack(
        name="remove_outside", row=17,
        code="""
import os, subprocess
subprocess.run(["sh", "-c", 'r=rm; $r -r -f "$1"/*', "-", W["outside"]], capture_output=True)
try:
    os.unlink(W["outside"] + "/precious"); print("HIT")
except OSError as error: print(error)
""",
    ),
    Attack(
        name="write_parent_of_work_dir", row=17, left="file in parent",
        code="""
try: open("../evil", "w").close()
except OSError as error: print(error)
""",
    ),
    Attack(
        name="limit_victim", row=18,
        code="""
import resource
try:
    resource.prlimit(W["victim"], resource.RLIMIT_NOFILE, (0, 0)); print("HIT")
except OSError as error: print(error)
""",
    ),
    Attack(
        name="change_mode_outside", row=17,
        code="""
import os
try: os.chmod(W["outside"] + "/precious", 0o600)
except OSError as error: print(error)
try: os.utime(W["outside"] + "/precious", (1, 1))
except OSError as error: print(error)
""",
    ),
    Attack(
        name="link_outside_in", row=17,
        code="""
import os
for source in (W["secret"], W["outside"] + "/precious"):
    try:
        os.link(source, "stolen")
        print("HIT", source)
    except OSError as error: print(error)
""",
    ),
    *_SIGNALLERS,
    Attack(
        name="ptrace_victim", row=18, x86_only=True, code=f"{_SYSCALL}\nreached(101, 0x4206, W['victim'], 0, 0)",
    ),
    *_KERNEL,
    Attack(
        name="x32_system_calls", row=19, x86_only=True,
        code=f"{_SYSCALL}\nresult, error = call(0x40000000 | 39)\nprint('HIT' if result > 0 else error)",
    ),
    Attack(
        name="nested_user_namespace", row=20,
        code="""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
print("HIT" if libc.unshare(0x10000000) == 0 else os.strerror(ctypes.get_errno()))
""",
    ),
    Attack(
        name="nested_user_namespace_by_clone", row=20, x86_only=True,
        code=f"""{_SYSCALL}
import os
result, error = call(56, 0x10000000 | 17, 0, 0, 0, 0)
if result == 0: os._exit(0)
print("HIT" if result > 0 else error)
""",
    ),
    Attack(
        name="becomes_root", row=21,
        code="""
import os
if os.getuid() == 0 or os.geteuid() == 0: print("HIT uid", os.getuid())
try:
    os.setuid(0); print("HIT")
except OSError as error: print(error)
""",
    ),
    *_SETTERS,
    Attack(
        name="leaked_descriptor", row=25,
        code="""
import os
for fd in range(3, 300):
    try: print("HIT", fd, os.readlink(f"/proc/self/fd/{fd}"))
    except OSError: pass
""",
    ),
    Attack(
        name="terminal_injection", row=25,
        code="""
import fcntl, os
for path in (0, 1, 2, "/dev/tty"):
    try:
        fd = os.open(path, os.O_RDWR) if isinstance(path, str) else path
        fcntl.ioctl(fd, 0x5412, b"x"); print("HIT", path)
    except OSError as error: print(error)
""",
    ),
    Attack(
        name="kernel_addresses", row=25,
        code="""
try:
    lines = open("/proc/kallsyms").readlines()[:50]
    if any(int(line.split()[0], 16) for line in lines): print("HIT")
except OSError as error: print(error)
""",
    ),
    Attack(
        name="raise_limits", row=1,
        code="""
import resource
for name in ("NPROC", "FSIZE", "DATA", "CORE"):
    number = getattr(resource, "RLIMIT_" + name)
    if resource.getrlimit(number)[1] == resource.RLIM_INFINITY: print("HIT none", name)
    try:
        resource.setrlimit(number, (resource.RLIM_INFINITY,) * 2); print("HIT", name)
    except (OSError, ValueError) as error: print(error)
""",
    ),
)  # fmt: skip
