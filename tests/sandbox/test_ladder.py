"""Which rung is chosen, and what is said when none works."""

import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from autogen.coding.sandbox import Limits, Policy, SandboxUnavailable, choose, describe, probe
from autogen.coding.sandbox.__main__ import main


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """A ladder that has not been probed yet."""
    tried: dict[str, object] = {}
    monkeypatch.setattr(probe, "_tried", tried)
    monkeypatch.delenv("AUTOGEN_SANDBOX", raising=False)
    return tried


def test_the_strongest_rung_that_works_is_chosen(fresh: dict[str, object]) -> None:
    fresh |= {"bwrap": "no bwrap"}
    weaker = [rung.name for rung in describe()[1:3] if rung.present]
    if not weaker:
        pytest.skip("no weaker rung on this machine")
    assert choose().name == weaker[0]


def test_a_choice_is_probed_once(fresh: dict[str, object]) -> None:
    first = choose("off")
    assert choose("off") is first


def test_with_no_rung_nothing_runs_and_the_ways_out_are_told(fresh: dict[str, object]) -> None:
    fresh |= {"bwrap": "reason one", "sandlock": "reason two", "landlock": "reason three"}
    with pytest.raises(SandboxUnavailable) as caught:
        choose()
    text = str(caught.value)
    places = [text.index(part) for part in (
        "tried bwrap: reason one", "tried sandlock: reason two", "tried landlock: reason three", "pip install sandlock",
        "apt-get install bubblewrap", "AppArmor", "AUTOGEN_SANDBOX=container", "sandbox='off'",
    )]  # fmt: skip
    assert places == sorted(places)
    assert str(pickle.loads(pickle.dumps(caught.value))) == text


def test_a_named_rung_is_never_replaced_by_another(fresh: dict[str, object]) -> None:
    fresh |= {"bwrap": "gone"}
    with pytest.raises(SandboxUnavailable, match="tried bwrap: gone"):
        choose("bwrap")


def test_the_environment_names_the_default_only(fresh: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGEN_SANDBOX", "container")
    assert choose().name == "container"
    assert choose("off").name == "off"


@pytest.mark.parametrize("name", ["docker", "OFF", "none", "bwrap "])
def test_an_unknown_rung_is_refused(name: str, fresh: dict[str, object]) -> None:
    with pytest.raises(SandboxUnavailable, match="one of bwrap, sandlock, landlock, container, off"):
        choose(name)


def test_off_warns_once_and_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from autogen.coding.sandbox import plain

    monkeypatch.setattr(plain, "_warned", type(plain._warned)())
    policy = Policy(work_dir=str(tmp_path))
    with pytest.warns(RuntimeWarning, match=str(tmp_path)):
        plain.Plain("off").run([sys.executable, "-c", ""], policy)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain.Plain("off").run([sys.executable, "-c", ""], policy)
        plain.Plain("container").run([sys.executable, "-c", ""], policy)


def test_the_doctor_prints_every_rung(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("bwrap", "sandlock", "landlock", "container", "off"))


@pytest.mark.parametrize("field", Limits.__struct_fields__)
def test_a_limit_of_nothing_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match=f"Limits.{field} must be above 0"):
        Limits(**{field: 0})


@pytest.mark.skipif(os.name == "nt", reason="needs a process that cannot make namespaces")
def test_a_bwrap_that_cannot_work_is_found_out_by_running_it(tmp_path: Path) -> None:
    for tool, text in (("bwrap", "echo 'bwrap: No permissions to create new namespace' >&2; exit 1"), ("prlimit", ""),
                       ("setpriv", "")):  # fmt: skip
        (tmp_path / tool).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / tool).chmod(0o755)
    code = (
        "from autogen.coding.sandbox import bwrap, probe\n"
        f"bwrap._find = lambda tool, root: {str(tmp_path)!r} + '/' + tool\n"
        "print(probe.describe()[0].why_not)"
    )
    root = Path(__file__).resolve().parents[2]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(root), os.environ.get("PYTHONPATH", "")))}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert "No permissions to create new namespace" in done.stdout or "needs Linux" in done.stdout
