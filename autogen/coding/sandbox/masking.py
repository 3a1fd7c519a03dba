"""Which files of a visible folder code must not see: keys, credentials, repository internals.

Decides by name, and by content where a name alone would hide harmless files. Refuses to know how a rung hides them.
"""

import os
import re
from collections import deque
from typing import Final

from msgspec import Struct

from autogen.coding.sandbox.layout import Layout, under

_NAMES: Final = frozenset({
    ".env", "OAI_CONFIG_LIST", ".git", ".ssh", ".aws", ".azure", ".gnupg", ".kube", ".docker", ".netrc", ".pypirc",
    ".npmrc", ".pgpass", ".git-credentials", ".gcloud",
})  # fmt: skip
_ENV_VARIANT: Final = re.compile(r"\.env\.(?!example$|sample$|template$|dist$).+")
_KEY_NAME: Final = re.compile(r"id_(rsa|dsa|ecdsa|ecdsa_sk|ed25519|ed25519_sk)")
_PACKAGES: Final = ("site-packages", "dist-packages", "node_modules")
MOST_ENTRIES: Final = 200_000


class Masks(Struct, frozen=True):
    """Real paths to hide, each the outermost of its kind."""

    files: tuple[str, ...]
    folders: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.files or self.folders)


def secret_name(name: str) -> bool:
    """Whether a file or folder of this name is hidden whatever it holds."""
    return name in _NAMES or bool(_ENV_VARIANT.fullmatch(name)) or bool(_KEY_NAME.fullmatch(name))


def masks_in(root: str, layout: Layout) -> Masks:
    """What to hide under `root`, looking at no more than MOST_ENTRIES entries, shallow ones first.

    Interpreters and installed packages are not searched. What the bound leaves unseen is hidden in a read-only
    place, and left visible in the work directory.
    """
    files: list[str] = []
    folders: list[str] = []
    queue, seen = deque([root]), 0
    whole_home = root == os.path.realpath(os.path.expanduser("~"))
    while queue:
        if seen > MOST_ENTRIES:
            folders += queue if root != layout.work_dir else ()
            break
        folder = queue.popleft()
        for entry in _entries(folder):
            seen += 1
            if any(under(prefix, entry.path) for prefix in layout.interpreter):
                if entry.path not in layout.interpreter:
                    queue.append(entry.path)
                continue
            secret = secret_entry(entry) or (whole_home and folder == root and entry.name.startswith("."))
            _note(entry, secret, root, files, folders, queue)
    return Masks(tuple(files), tuple(folders))


def _note(
    entry: "os.DirEntry[str]", secret: bool, root: str, files: list[str], folders: list[str], queue: deque[str]
) -> None:
    if entry.is_symlink():
        target = os.path.realpath(entry.path)
        if secret and target != root and under(target, root) and os.path.exists(target):
            (folders if os.path.isdir(target) else files).append(target)
    elif entry.is_dir(follow_symlinks=False):
        if secret:
            folders.append(entry.path)
        elif entry.name not in _PACKAGES:
            queue.append(entry.path)
    elif secret:
        files.append(entry.path)


def _entries(folder: str) -> "list[os.DirEntry[str]]":
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:  # unreadable to us, or gone: the code will not read it either
        return []


def secret_entry(entry: "os.DirEntry[str]") -> bool:
    """Whether this file or folder is hidden: by its name, or as a key by what it holds."""
    name = entry.name
    if name == ".env" and os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):
        return False  # a virtual environment that happens to be called so
    if secret_name(name) or name.endswith(".pem"):
        return True
    return name.startswith("id_") and "." not in name and _looks_like_key(entry.path)


def _looks_like_key(path: str) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return True
    try:
        return os.read(fd, 10).startswith((b"-----BEGIN", b"PuTTY-User"))
    except OSError:
        return False
    finally:
        os.close(fd)
