"""Which program runs a block, on every platform; each told here whatever this machine has."""

import pytest

from autogen.coding.languages import canonical, extension, launch, silence_pip


def having(*programs: str):
    return lambda name: f"/bin/{name}" if name in programs else None


@pytest.mark.parametrize(
    ("language", "platform", "programs", "argv"),
    [
        ("python", "linux", (), ("/python",)),
        ("sh", "linux", ("sh", "bash"), ("/bin/sh",)),
        ("shell", "linux", ("sh",), ("/bin/sh",)),
        ("bash", "darwin", ("sh", "bash"), ("/bin/bash",)),
        ("javascript", "linux", ("node",), ("/bin/node",)),
        ("pwsh", "linux", ("pwsh",), ("/bin/pwsh", "-NoProfile", "-NonInteractive", "-File")),
        ("ps1", "win32", ("powershell",),
         ("/bin/powershell", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File")),
        ("sh", "win32", ("pwsh", "powershell"),
         ("/bin/pwsh", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File")),
        ("sh", "win32", ("bash", "powershell"), ("/bin/bash",)),
    ],
)  # fmt: skip
def test_the_first_program_that_is_there_runs_the_block(
    language: str, platform: str, programs: tuple[str, ...], argv: tuple[str, ...]
) -> None:
    found = launch(language, "/python", having(*programs), platform)
    assert (found.argv, found.missing) == (argv, "")


@pytest.mark.parametrize(
    ("language", "platform", "missing", "instead"),
    [
        ("powershell", "linux", "pwsh", "sh or Python"),
        ("powershell", "win32", "pwsh or powershell", "Python"),
        ("sh", "win32", "pwsh or powershell", "Python"),
        ("bash", "win32", "bash", "powershell or Python"),
        ("bash", "linux", "bash", "sh or Python"),
        ("javascript", "darwin", "node", "Python"),
    ],
)
def test_a_program_that_is_missing_is_named_with_what_to_write_instead(
    language: str, platform: str, missing: str, instead: str
) -> None:
    found = launch(language, "/python", having(), platform)
    assert (found.argv, found.missing, found.instead) == ((), missing, instead)


def test_names_and_endings() -> None:
    assert [canonical(name) for name in ("py", "PY", "Python", "BASH", "Klingon", "")] == [
        "python", "python", "python", "bash", "klingon", "",
    ]  # fmt: skip
    assert [extension(name) for name in ("python", "sh", "powershell", "javascript")] == [
        "py",
        "sh",
        "ps1",
        "javascript",
    ]


@pytest.mark.parametrize(
    ("language", "code", "quiet"),
    [  # as released 0.2.40 answered
        ("sh", "a\npip install x y\nb", "a\npip install -qqq x y\nb"),
        ("sh", "pip install -qqq x", "pip install -qqq x"),
        ("sh", " pip install x", " pip install x"),
        ("sh", "x && pip install y", "x && pip install y"),
        ("python", "!pip install x", "!pip install -qqq x"),
        ("python", "! pip install x", "! pip install -qqq x"),
        ("python", "pip install x", "pip install x"),
        ("html", "pip install x", "pip install x"),
    ],
)
def test_pip_is_made_quiet(language: str, code: str, quiet: str) -> None:
    assert silence_pip(code, language) == quiet
