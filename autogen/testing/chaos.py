"""Chaos: a program is run again and again, and each time one effect goes wrong, in one way.

    report = chaos(hold, faults=("kill", "rate_limit"))
    report.check()

At each boundary in turn (a model call, tool, code run or question that is performed) one fault is injected; then the
program is started again from its top, as a person would, until it ends. Decides what counts as the same outcome.
Refuses to know what the program does. Change together: `drivers/performer.py`, `docs/testing.md`.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from threading import Lock
from typing import Any, Final, Literal, TypeAlias, cast, get_args

from msgspec import Struct
from msgspec.structs import replace

from autogen import runtime
from autogen.core.callables import is_async
from autogen.core.effects import AskHuman, CallModel, CallTool, RunCode
from autogen.core.errors import AutogenError, ConfigError
from autogen.core.model import ModelReply, Text, ToolCall
from autogen.core.tools import ToolOutcome
from autogen.drivers.performer import EmitNow, Performers, Work, silent
from autogen.models.errors import ModelTimeout, RateLimited
from autogen.runs.durable import Scope, here
from autogen.runs.log import OnUnknown, Policy, RunLog
from autogen.runs.rows import Answer, RunChange, RunQuery, RunRow
from autogen.runs.sqlite import SqliteStore
from autogen.runs.store import Store
from autogen.testing.clock import VirtualClock

Fault: TypeAlias = Literal["kill", "timeout", "rate_limit", "garble"]
Outcome: TypeAlias = Literal["same", "recovered", "changed", "failed"]
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)
STARTS: Final = 5
"""How often a program is started again after a fault, at most."""


class ChaosCase(Struct, frozen=True, kw_only=True):
    """What one fault at one boundary led to."""

    number: int
    """Of the boundary, from 1: the effects that the uninterrupted program performs, in order."""
    boundary: str
    fault: Fault
    outcome: Outcome
    """same: the program came to the same end by itself. recovered: it did when it was started again. changed: it ended
    well, but otherwise. failed: it did not end."""
    reason: str = ""
    """Of `changed` and `failed`."""

    def __str__(self) -> str:
        told = f"{self.number}. {self.boundary}, {self.fault}: {self.outcome}"
        return f"{told} ({self.reason})" if self.reason else told


class ChaosFailed(AutogenError, AssertionError):
    """Faults led to other outcomes than the test allows."""


class ChaosReport(Struct, frozen=True, kw_only=True):
    """All faults at all boundaries."""

    cases: tuple[ChaosCase, ...]

    def of(self, *outcomes: Outcome) -> tuple[ChaosCase, ...]:
        """The cases that came out so."""
        return tuple(case for case in self.cases if case.outcome in outcomes)

    def check(self, *allowed: Outcome) -> None:
        """Raise ChaosFailed, which lists them, for cases of other outcomes than these ("same" and "recovered")."""
        bad = [case for case in self.cases if case.outcome not in (allowed or ("same", "recovered"))]
        if bad:
            raise ChaosFailed(f"{len(bad)} of {len(self.cases)} faults did harm:\n" + "\n".join(map(str, bad)))

    def __str__(self) -> str:
        return "\n".join(map(str, self.cases))


def chaos(
    story: Callable[[], Any],
    *,
    faults: Sequence[Fault] = FAULTS,
    on_unknown: OnUnknown = "fail",
    outcome: Callable[[Any], Any] | None = None,
    most: int = 200,
) -> ChaosReport:
    """Run `story` with each fault at each of its boundaries.

    story: the whole program, sync or async: it makes its agents, holds its chats and gives what came of them. It names
        no journal of its own; its chats are journaled here, in memory.
    faults: kill ends the program in the middle of the effect: done, but not written down; timeout and rate_limit are
        what a model or tool call fails with (a rate limit, models only); garble cuts a model's reply.
    on_unknown: what becomes of a tool that must not run twice and was killed: see `autogen.durable`.
    outcome: what of the story's value is compared; None: of a ChatResult its messages, summary and stop reason.
    most: boundaries at which faults are injected.
    Time is virtual: pauses take no time. Raises ConfigError for an unknown fault, and what the story raises when
    nothing is injected.
    """
    unknown = [fault for fault in faults if fault not in FAULTS]
    if unknown or not faults:
        raise ConfigError(f"there is no fault {unknown[0] if unknown else ''!r}; faults are {', '.join(FAULTS)}")
    shown = outcome or _outcome
    whole = _Trial(story, on_unknown)
    expected = shown(whole.start())
    whole.close()
    if not whole.boundaries:
        raise ConfigError("the story performs no effect of a journaled chat, so there is nothing to break")
    cases = [
        _tried(story, on_unknown, shown, expected, number, boundary, fault)
        for number, boundary in enumerate(whole.boundaries[:most], 1)
        for fault in dict.fromkeys(faults)
        if fault == "kill" or boundary.kind == "model" or (fault == "timeout" and boundary.kind == "tool")
    ]
    return ChaosReport(cases=tuple(cases))


class Killed(BaseException):
    """The program ends here, as by a signal."""


class _Boundary(Struct, frozen=True):
    kind: Literal["model", "tool", "code", "human"]
    told: str


def _tried(
    story: Callable[[], Any],
    on_unknown: OnUnknown,
    shown: Callable[[Any], Any],
    expected: Any,
    number: int,
    boundary: _Boundary,
    fault: Fault,
) -> ChaosCase:
    trial = _Trial(story, on_unknown, number, fault)
    result: Outcome
    reason = ""
    try:
        for attempt in range(STARTS):
            try:
                value = shown(trial.start())
            except (Exception, Killed) as raised:  # noqa: BLE001 - of the story, whatever it is
                reason = f"{type(raised).__name__}: {raised}"
                continue
            if value == expected:
                result, reason = ("recovered" if attempt else "same"), ""
            else:
                result, reason = "changed", _difference(expected, value)
            break
        else:
            result = "failed"
    finally:
        trial.close()
    return ChaosCase(number=number, boundary=boundary.told, fault=fault, outcome=result, reason=reason)


class _Trial:
    """One journal, and the program that is started again on it. `number`: at which boundary the fault strikes."""

    def __init__(
        self, story: Callable[[], Any], on_unknown: OnUnknown, number: int = 0, fault: Fault | None = None
    ) -> None:
        self.story, self.number, self.fault = story, number, fault
        self.policy = Policy(on_human="ask", on_unknown=on_unknown)
        self.store = SqliteStore(":memory:")
        self.clock = VirtualClock()
        self.boundaries: list[_Boundary] = []
        self._lock = Lock()
        self._mortal: _Mortal | None = None

    def start(self) -> Any:
        """Run the program from its top. Raises what it raises, and Killed."""
        self._mortal = _Mortal(self.store)
        with self.clock:
            token = here.set(_ChaosScope(cast("Store", self._mortal), self.policy))
            try:
                with runtime.performing(self._stand_in), runtime.observing(silent, console=False):
                    return _run(self.story)
            finally:
                here.reset(token)
                self._mortal.dead = True  # nothing that is left of it in a thread writes any more
                self._release()

    def close(self) -> None:
        self.store.close()

    def _release(self) -> None:
        """What a killed program holds is free at once: everybody knows that it is dead."""
        for row in self.store.runs(RunQuery(status="running", limit=1_000)):
            self.store.claim(row.id, "chaos", self.clock.now(), 1e-9, dead=row.owner)
        self.clock.advance(1.0)

    def _stand_in(self, plain: Performers) -> Performers:
        return replace(
            plain,
            call_model=partial(self._model, plain),
            call_tool=partial(self._tool, plain),
            run_code=partial(self._code, plain),
            ask_human=partial(self._human, plain),
        )

    def _strikes(self, boundary: _Boundary) -> bool:
        with self._lock:
            self.boundaries.append(boundary)
            return self.fault is not None and len(self.boundaries) == self.number

    def _kill(self) -> None:
        if self.fault == "kill":
            assert self._mortal is not None
            self._mortal.dead = True
            raise Killed("the program was killed")

    def _model(self, plain: Performers, effect: CallModel, emit: EmitNow) -> Work[ModelReply]:
        struck = self._strikes(_Boundary("model", f"model {effect.purpose} of {effect.agent}"))
        return self._asked(plain, effect, emit) if struck else plain.call_model(effect, emit)

    async def _asked(self, plain: Performers, effect: CallModel, emit: EmitNow) -> ModelReply:
        if self.fault == "timeout":
            raise ModelTimeout("no answer in time (chaos)", model="chaos")
        if self.fault == "rate_limit":
            raise RateLimited("too many requests (chaos)", status=429, model="chaos")
        reply = await plain.call_model(effect, emit)
        self._kill()
        return garbled(reply)

    def _tool(self, plain: Performers, effect: CallTool, emit: EmitNow) -> Work[ToolOutcome]:
        struck = self._strikes(_Boundary("tool", f"tool {effect.call.name} of {effect.agent}"))
        return self._called(plain, effect, emit) if struck else plain.call_tool(effect, emit)

    async def _called(self, plain: Performers, effect: CallTool, emit: EmitNow) -> ToolOutcome:
        outcome = await plain.call_tool(effect, emit)
        self._kill()
        if self.fault != "timeout":
            return outcome
        name = effect.call.name
        return ToolOutcome(name=name, content=f"Error: {name} timed out (chaos).", is_error=True, why="timeout")

    def _code(self, plain: Performers, effect: RunCode, emit: EmitNow) -> Work[Any]:
        struck = self._strikes(_Boundary("code", f"code of {effect.agent}"))
        return self._then_killed(plain.run_code(effect, emit)) if struck else plain.run_code(effect, emit)

    def _human(self, plain: Performers, effect: AskHuman, emit: EmitNow) -> Work[str]:
        struck = self._strikes(_Boundary("human", f"question of {effect.agent}"))
        return self._then_killed(plain.ask_human(effect, emit)) if struck else plain.ask_human(effect, emit)

    async def _then_killed(self, work: Work[Any]) -> Any:
        answer = await work
        self._kill()
        return answer


def garbled(reply: ModelReply) -> ModelReply:
    """A reply that was cut in the middle: half of its text, and half of the arguments of its calls."""
    parts = tuple(
        Text(part.text[: len(part.text) // 2] + "\ufffd")
        if isinstance(part, Text)
        else replace(part, arguments=part.arguments[: max(1, len(part.arguments) // 2)])
        if isinstance(part, ToolCall)
        else part
        for part in reply.message.parts
    )
    return replace(reply, message=replace(reply.message, parts=parts))


class _ChaosScope(Scope):
    """Chats are told apart by their order: their own names may be different each time."""

    overrides = True

    def begin(self, run_id: str, title: str, facts: Mapping[str, str]) -> RunLog:
        return super().begin("chaos", title, facts)


class _Mortal:
    """A store as one process of the program sees it: after its death nothing of it is written."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.dead = False
        self.quick = store.quick
        self.where = store.where

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def _alive(self) -> None:
        if self.dead:
            raise Killed("the program was killed")

    def create(self, run: RunRow) -> RunRow:
        self._alive()
        return self._store.create(run)

    def append(self, *args: Any, **kwargs: Any) -> list[int]:
        self._alive()
        return self._store.append(*args, **kwargs)

    def settle(self, run_id: str, generation: int, change: RunChange) -> None:
        if not self.dead:  # called while it goes down: that is not told again
            self._store.settle(run_id, generation, change)

    def renew(self, run_id: str, generation: int, now: float, lease: float) -> bool:
        return False if self.dead else self._store.renew(run_id, generation, now, lease)

    def keep_answer(self, run_id: str, answer: Answer) -> Answer:
        self._alive()
        return self._store.keep_answer(run_id, answer)


def _run(story: Callable[[], Any]) -> Any:
    if not is_async(story):
        return story()
    import asyncio

    return asyncio.run(cast("Callable[[], Coroutine[Any, Any, Any]]", story)())


def _outcome(value: Any) -> Any:
    if not hasattr(value, "chat_history") or not hasattr(value, "stop_reason"):
        return value
    return {"messages": value.chat_history, "summary": value.summary, "stop reason": str(value.stop_reason)}


def _difference(expected: Any, value: Any, where: str = "") -> str:
    """The first place at which two outcomes differ."""
    if isinstance(expected, dict) and isinstance(value, dict):
        known, found = cast("dict[str, Any]", expected), cast("dict[str, Any]", value)
        for name in {**known, **found}:
            if known.get(name) != found.get(name):
                return _difference(known.get(name), found.get(name), f"{where}{', ' if where else ''}{name}")
    if isinstance(expected, list) and isinstance(value, list):
        ours, theirs = cast("list[Any]", expected), cast("list[Any]", value)
        for index, (one, other) in enumerate(zip(ours, theirs, strict=False), 1):
            if one != other:
                return _difference(one, other, f"{where} {index}")
        return f"{where}: {len(ours)} became {len(theirs)}"
    return f"{where}: {_short(expected)} became {_short(value)}"


def _short(value: Any, limit: int = 200) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit // 2]} … {text[-limit // 2 :]}"
