"""The system call filter: a classic BPF program made of `struct.pack`, with no library.

Decides which kernel interfaces code never needs. Refuses to know who installs the program (bwrap takes it from a
file descriptor, the launcher loads it itself). A call that could let code out, or that escapes the limits (memory
that belongs to no process, set-user-id files that outlive the run), answers with an error; calls of a foreign
architecture kill. Numbers: the kernel's own tables for x86-64 and arm64. Change together: the attack list in
`tests/sandbox/attacks.py`.
"""

import errno
import platform
import struct
from typing import Final

from msgspec import Struct

_ARCH: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_X32: Final = 0x40000000

_FORBIDDEN: Final[dict[str, tuple[int | None, int | None]]] = {
    "_sysctl": (156, None), "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171), "bpf": (321, 280),
    "chroot": (161, 51), "clock_adjtime": (305, 266), "clock_settime": (227, 112), "delete_module": (176, 106),
    "fanotify_init": (300, 262), "finit_module": (313, 273), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fsopen": (430, 430), "fspick": (433, 433), "init_module": (175, 105), "ioperm": (173, None),
    "iopl": (172, None), "kcmp": (312, 272), "kexec_file_load": (320, 294), "kexec_load": (246, 104),
    "keyctl": (250, 219), "lookup_dcookie": (212, 18), "memfd_secret": (447, 447), "migrate_pages": (256, 238),
    "modify_ldt": (154, None), "mount": (165, 40), "mount_setattr": (442, 442), "move_mount": (429, 429),
    "move_pages": (279, 239), "name_to_handle_at": (303, 264), "nfsservctl": (180, 42), "open_by_handle_at": (304, 265),
    "open_tree": (428, 428), "open_tree_attr": (467, 467), "perf_event_open": (298, 241), "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41), "process_madvise": (440, 440), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "ptrace": (101, 117), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "reboot": (169, 142), "request_key": (249, 218), "setdomainname": (171, 162), "sethostname": (170, 161),
    "setns": (308, 268), "settimeofday": (164, 170), "swapoff": (168, 225), "swapon": (167, 224),
    "sysfs": (139, None), "syslog": (103, 116), "umount2": (166, 39), "unshare": (272, 97), "uselib": (134, None),
    "userfaultfd": (323, 282), "ustat": (136, None), "vhangup": (153, 58),
}  # fmt: skip

_ABSENT: Final[dict[str, tuple[int | None, int | None]]] = {
    # Programs try these and have another way: clone3 hides its flags behind a pointer, openat2 its mode; memfd and
    # System V segments are memory that no process owns, so no limit would see it.
    "clone3": (435, 435), "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "io_uring_setup": (425, 425),
    "memfd_create": (319, 279), "openat2": (437, 437), "shmget": (29, 194),
}  # fmt: skip

_MODE_ARG: Final[dict[str, tuple[int | None, int | None, int]]] = {
    "chmod": (90, None, 1), "fchmod": (91, 52, 1), "fchmodat": (268, 53, 2), "fchmodat2": (452, 452, 2),
    "creat": (85, None, 1), "mknod": (133, None, 1), "mknodat": (259, 33, 2),
}  # fmt: skip
_OPEN: Final[tuple[tuple[int | None, int | None, int, int], ...]] = ((2, None, 1, 2), (257, 56, 2, 3))
_CLONE, _SOCKET, _SOCKETPAIR, _IOCTL, _PERSONALITY = (56, 220), (41, 198), (53, 199), (16, 29), (135, 92)
_KILL: Final = (62, 129)
_ATTRIBUTES: Final = (
    (90, None),
    (268, 53),
    (452, 452),
    (92, None),
    (94, None),
    (260, 54),
    (132, None),
    (235, None),
    (261, None),
    (280, 88),
    (188, 5),
    (189, 6),
    (197, 14),
    (198, 15),
)
"""chmod, fchmodat[2], [l]chown, fchownat, utime, utimes, futimesat, utimensat, [l]setxattr, [l]removexattr."""
_SIGNALS: Final = ((200, 130), (234, 131), (129, 138), (297, 240), (424, 424))
_GROUPS: Final = ((112, 157), (109, 154))
_OF_A_PROCESS: Final = ((302, 261), (203, 122), (144, 119), (142, 118), (314, 274))
_SETPRIORITY, _IOPRIO_SET = (141, 140), (251, 30)

_NEW_NAMESPACES: Final = 0x7E020000
_SET_ID_BITS: Final = 0o6000
_CREATES: Final = 0o100 | 0o20000000
_TERMINAL: Final = (0x5412, 0x541C, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCSETD
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10

_KILL_PROCESS, _ALLOW, _ERRNO = 0x80000000, 0x7FFF0000, 0x00050000
_LOAD, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06


class Profile(Struct, frozen=True, kw_only=True):
    """What a rung leaves to the filter."""

    unix_sockets: bool
    """False where nothing else keeps the code from the sockets of this machine's services."""
    internet: bool
    """False where no network namespace does it."""
    own_group: bool = False
    """True, where there is no process namespace, keeps the code in its process group, so that one signal ends all of
    it, and from changing priorities and limits of any process but itself."""
    keep_attributes: bool = False
    """True makes changes of mode, owner and times by path do nothing and say nothing, where the code is the user
    and no mount protects the user's other files (an error would break plain copying)."""
    mute: bool = False
    """True lets it signal only its own group, where nothing else protects other processes of the same user."""


def supported(machine: str | None = None) -> bool:
    """Whether there is a table for this kind of machine."""
    return (machine or platform.machine()) in _ARCH


def build(profile: Profile, machine: str | None = None) -> bytes:
    """The filter as an array of `struct sock_filter`, 8 bytes each. Raises KeyError where `supported` is False."""
    column, arch = _ARCH[machine or platform.machine()]
    code = [_op(_LOAD, 4), _op(_JEQ, arch, 1, 0), _op(_RET, _KILL_PROCESS), _op(_LOAD, 0)]
    if column == 0:
        code += [_op(_JGE, _X32, 0, 1), _op(_RET, _KILL_PROCESS)]

    def on(numbers: tuple[int | None, ...], *body: bytes) -> None:
        number = numbers[column]
        if number is not None:
            code.extend((_op(_JEQ, number, 0, len(body)), *body))

    for numbers in _FORBIDDEN.values():
        on(numbers, _refuse(errno.EPERM))
    for numbers in _ABSENT.values():
        on(numbers, _refuse(errno.ENOSYS))
    if profile.keep_attributes:
        for numbers in _ATTRIBUTES:
            on(numbers, _op(_RET, _ERRNO))
    for x86, arm, mode in _MODE_ARG.values():
        on((x86, arm), _arg(mode), *_if(_JSET, _SET_ID_BITS, errno.EPERM), _op(_RET, _ALLOW))
    for x86, arm, flags, mode in _OPEN:
        on(
            (x86, arm), _arg(flags), _op(_JSET, _CREATES, 0, 3), _arg(mode), *_if(_JSET, _SET_ID_BITS, errno.EPERM),
            _op(_RET, _ALLOW),
        )  # fmt: skip
    on(_CLONE, _arg(0), *_if(_JSET, _NEW_NAMESPACES, errno.EPERM), _op(_RET, _ALLOW))
    on(_SOCKET, _arg(0), *_families(profile), _refuse(errno.EAFNOSUPPORT))
    on(_SOCKETPAIR, _arg(0), _op(_JEQ, _AF_UNIX, 0, 1), _op(_RET, _ALLOW), _refuse(errno.EAFNOSUPPORT))
    on(_IOCTL, _arg(1), *(op for request in _TERMINAL for op in _if(_JEQ, request, errno.EPERM)), _op(_RET, _ALLOW))
    on(
        _PERSONALITY, _arg(0), _op(_JEQ, 0, 1, 0), _op(_JEQ, 0xFFFFFFFF, 0, 1), _op(_RET, _ALLOW),
        _refuse(errno.EPERM),
    )  # fmt: skip
    if profile.own_group:
        for numbers in _GROUPS:
            on(numbers, _refuse(errno.EPERM))
        for numbers in _OF_A_PROCESS:  # prlimit64, sched_set*: 0 is the caller itself
            on(numbers, _arg(0), _op(_JEQ, 0, 0, 1), _op(_RET, _ALLOW), _refuse(errno.EPERM))
        for numbers, own in ((_SETPRIORITY, 0), (_IOPRIO_SET, 1)):
            on(
                numbers, _arg(0), _op(_JEQ, own, 0, 3), _arg(1), _op(_JEQ, 0, 0, 1), _op(_RET, _ALLOW),
                _refuse(errno.EPERM),
            )  # fmt: skip
    if profile.mute:
        on(_KILL, _arg(0), _op(_JEQ, 0, 0, 1), _op(_RET, _ALLOW), _refuse(errno.EPERM))
        for numbers in _SIGNALS:
            on(numbers, _refuse(errno.EPERM))
    return b"".join((*code, _op(_RET, _ALLOW)))


def _families(profile: Profile) -> tuple[bytes, ...]:
    unix = _op(_RET, _ALLOW) if profile.unix_sockets else _refuse(errno.EACCES)
    # The error of a machine without a network: people and models know it.
    inet = _op(_RET, _ALLOW) if profile.internet else _refuse(errno.ENETUNREACH)
    return (
        _op(_JEQ, _AF_UNIX, 0, 1), unix, _op(_JEQ, _AF_INET, 0, 1), inet, _op(_JEQ, _AF_INET6, 0, 1), inet,
    )  # fmt: skip


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def _arg(index: int) -> bytes:
    """Load the low half of an argument: the kernel reads all those tested here as 32 bits."""
    return _op(_LOAD, 16 + 8 * index)


def _refuse(error: int) -> bytes:
    return _op(_RET, _ERRNO | error)


def _if(test: int, value: int, error: int) -> tuple[bytes, bytes]:
    return _op(test, value, 0, 1), _refuse(error)
