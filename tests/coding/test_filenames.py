"""The `# filename:` line names a file; nothing else does."""

import pytest

from autogen.coding.filenames import named_file, relative


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("# filename: a.py", "a.py"),
        ("#filename: a.py", "a.py"),
        ("#  Filename : a.py", "a.py"),
        (" # filename:\ta.py  ", "a.py"),
        ("# filename: sub/a.py", "sub/a.py"),
        ("# filename: a b.py", "a b.py"),
        ("# filename: `a.py`", "a.py"),
        ('# filename: "a.py"', "a.py"),
        ("# filename: a.py\r", "a.py"),
        ("// filename: a.js", "a.js"),
        ("/* filename: a.css */", "a.css"),
        ("<!-- filename: a.html -->", "a.html"),
        ("<!-- filename: a b.html --><p>", "a b.html"),
        ("# filename: é.py", "é.py"),
    ],
)
def test_the_first_line_names_the_file(line: str, name: str) -> None:
    assert named_file(f"{line}\nprint(1)") == name


@pytest.mark.parametrize(
    "code",
    [
        "print(1)",
        "# get the data\nprint(1)",  # 0.2 kept this one as a file called "get the data"
        "\n# filename: a.py",
        "x = 1\n# filename: a.py",
        "# filename:",
        "filename: a.py",
        "# file: a.py",
        "# filenames: a.py",
        "# filename: " + "x" * 5000,
        "",
    ],
)
def test_other_lines_name_nothing(code: str) -> None:
    assert named_file(code) is None


def test_an_absolute_path_below_the_work_directory_becomes_relative() -> None:
    assert relative("/w/sub/a.py", "/w") == "sub/a.py"
    assert relative("/ww/a.py", "/w") == "/ww/a.py"
    assert relative("a.py", "/w") == "a.py"
