"""A pytest plugin: every `*.recording.jsonl` is a test that plays it, with the network closed.

What is played stands beside the recording, `run()` in `<name>.recording.py`; or it is the entry function that the
recording names, found in a module of the project. `--rebuild` does it for real and writes the recording anew. Refuses
to know how a recording is played (`recorded.py`). Loaded in every run of pytest, so it imports nothing of ours until a
recording is collected.
"""

import sys
from collections.abc import Callable, Generator, Iterator
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import pytest

if TYPE_CHECKING:
    from autogen.runs.rows import RunRow

N = TypeVar("N", "RecordingFile", "RecordingItem")

ENDING: Final = ".recording.jsonl"
BESIDE: Final = ".recording.py"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("autogen").addoption(
        "--rebuild",
        action="store_true",
        help="make recordings of autogen anew: models are called, tools and code run, people are asked",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "RecordingFile | None":
    name = file_path.name
    if name.endswith(ENDING):
        return _made(RecordingFile, parent, path=file_path)
    if name.endswith(BESIDE) and parent.config.getoption("--rebuild"):
        recording = file_path.with_name(f"{name[: -len(BESIDE)]}{ENDING}")
        if not recording.exists():  # the first time
            return _made(RecordingFile, parent, path=recording)
    return None


def _made(kind: type[N], parent: pytest.Collector, **given: Any) -> N:
    return cast("N", cast("Any", kind).from_parent(parent, **given))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """`recorded(...)` inside tests follows `--rebuild`, too."""
    if not item.config.getoption("--rebuild", default=False) or "autogen" not in sys.modules:
        return (yield)
    from autogen.testing.recorded import rebuilding

    token = rebuilding.set(True)
    try:
        return (yield)
    finally:
        rebuilding.reset(token)


class RecordingFile(pytest.File):
    """One recording."""

    def collect(self) -> Iterator[pytest.Item]:
        name = self.path.name[: -len(ENDING)]
        yield _made(RecordingItem, self, name=name)


class RecordingItem(pytest.Item):
    """Plays one recording, or makes it anew."""

    def runtest(self) -> None:
        from autogen.testing.recorded import recorded

        rebuild = bool(self.config.getoption("--rebuild"))
        beside = self.path.with_name(f"{self.path.name[: -len(ENDING)]}{BESIDE}")
        if beside.is_file():
            run = _run_of(beside)
            with recorded(self.path, rebuild=rebuild):
                run()
        elif rebuild:
            self._make_entry_anew()
        else:
            self._play_entry()

    def _play_entry(self) -> None:
        from autogen.agents.entrypoints import advance
        from autogen.runs.recording import load_recording
        from autogen.testing.recorded import playing

        store = load_recording(self.path)
        row = self._entry()
        with playing(store, self.path):
            advance(row.id)

    def _make_entry_anew(self) -> None:
        from autogen.agents.entrypoints import advance, start
        from autogen.runs import codec
        from autogen.testing.recorded import recording_to

        row = self._entry()
        arguments: Any = codec.decode(row.arguments, f"the arguments of run {row.id!r}")
        with recording_to(self.path) as store:
            start(row.entry, arguments, run_id=row.id)
            view = advance(row.id)
            if view.status != "done":
                waits = ", ".join(repr(question.prompt) for question in view.pending)
                raise RecordingUnplayable(
                    self.path, f"the run is {view.status}: {view.error or view.stop_detail or waits}"
                )
            assert store.run(row.id).status == "done"

    def _entry(self) -> "RunRow":
        """The run that begins with an entry function, which is registered now."""
        from autogen.agents.entrypoints import MODULE, entry_function
        from autogen.core.errors import AutogenError
        from autogen.runs.recording import load_recording
        from autogen.testing.recorded import facts_of_entry

        store = load_recording(self.path)
        try:
            found = facts_of_entry(store)
        finally:
            store.close()
        if found is None:
            raise RecordingUnplayable(self.path, "it was started by a script")
        row, facts = found
        module = facts.get(MODULE, "")
        if module:
            self._import(module)
        try:
            entry_function(row.entry)
        except AutogenError as unknown:
            raise RecordingUnplayable(self.path, str(unknown)) from None
        return row

    def _import(self, module: str) -> None:
        """A recording may come from anybody: only modules of the project itself are imported by its word."""
        if module in sys.modules:
            return
        top = module.partition(".")[0]
        try:
            spec = find_spec(top) if top.isidentifier() else None
        except (ImportError, ValueError):
            spec = None
        places: list[str] = [] if spec is None else [spec.origin or "", *(spec.submodule_search_locations or ())]
        root = self.config.rootpath.resolve()
        if not any(place and Path(place).resolve().is_relative_to(root) for place in places):
            raise RecordingUnplayable(
                self.path, f"it names the module {module!r}, which is none of this project ({root})"
            )
        import_module(module)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from autogen.testing.recorded import RecordingDiffers

        if isinstance(excinfo.value, (RecordingDiffers, RecordingUnplayable)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"recording: {self.name}"


class RecordingUnplayable(Exception):
    """Nothing is known that could play a recording."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(path, why)
        self.path, self.why = path, why

    def __str__(self) -> str:
        beside = f"{self.path.name[: -len(ENDING)]}{BESIDE}"
        return f"{self.path} cannot be played: {self.why}; put {beside} beside it, with a function run()"


def _run_of(path: Path) -> Callable[[], Any]:
    spec = spec_from_file_location(path.name.replace(".", "_"), path)
    if spec is None or spec.loader is None:
        raise RecordingUnplayable(path, "Python cannot load it")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    run: Callable[[], Any] | None = getattr(module, "run", None)
    if not callable(run):
        raise RecordingUnplayable(path, "it has no function run()")
    return run
