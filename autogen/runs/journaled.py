"""The performers of a journaled run: what the log holds is answered from it, the rest is performed and written down.

Decides by kind of effect what is recalled, what runs again, and what becomes of an effect that was in flight when the
process died (DESIGN section 8, Resume and user code). Refuses to know how effects are performed: it wraps the
performers of a plain run.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeAlias, TypeVar, cast

from msgspec import Struct

from autogen.conversation.run import Run
from autogen.core.effects import AskHuman, CallModel, CallTool, Draw, Invoke, RunCode, Sleep
from autogen.core.events import Event, RequestSent
from autogen.core.model import ModelReply
from autogen.core.tools import ToolOutcome
from autogen.drivers.frame import Frame
from autogen.drivers.performer import Act, EmitNow, Performers, program_call
from autogen.runs import codec
from autogen.runs.asks import ask_person, unknown_outcome
from autogen.runs.digest import of_bytes, of_json, shown, to_json
from autogen.runs.edits import apply_edits, made_edits, snapshot
from autogen.runs.error_codec import decode_error, encode_error
from autogen.runs.errors import Diverged
from autogen.runs.log import RunLog
from autogen.runs.place import Place, key_of
from autogen.runs.requests import ModelDetail, Requests, added_messages, difference, encode_detail
from autogen.runs.rows import Entry, EntryKind
from autogen.runs.standing import Within

A = TypeVar("A")

Repeat: TypeAlias = Literal["free", "idempotent", "never", "resume"]

RECALLED = frozenset({"reply_function", "override"})
"""Kinds of callbacks that are recalled; the others run again, and what they give is compared."""


class Meanings(Struct, frozen=True, eq=False):
    """What only upper layers know of an effect; filled in by `runtime`."""

    repeat_tool: Callable[[CallTool], Repeat]
    repeat_code: Callable[[RunCode], Repeat]
    can_ask: Callable[[], bool]
    """Is there somebody to ask at once: a terminal, or an input stream of the program's own?"""
    keep_files: Callable[[RunCode, Any, RunLog], dict[str, Any]] | None = None
    """After code ran: what is to be told of the files in its work directory. Blobs go to the log's store."""


def journaled(plain: Performers, place: Place, run: Run, is_async: bool, meanings: Meanings) -> Performers:
    """Performers that look an effect's address up in the log of `place` first."""
    own = Journaled(plain, place, run, is_async, meanings)
    return Performers(
        own.call_model,
        own.call_tool,
        own.run_code,
        own.ask_human,
        own.draw,
        plain.emit,
        own.invoke,
        own.sleep,
        own.branch,
        place,
    )


class Journaled:
    """The performers of one branch of one run."""

    __slots__ = ("is_async", "meanings", "place", "plain", "run")

    def __init__(self, plain: Performers, place: Place, run: Run, is_async: bool, meanings: Meanings) -> None:
        self.plain, self.place, self.run, self.is_async, self.meanings = plain, place, run, is_async, meanings

    @property
    def log(self) -> RunLog:
        log: RunLog = self.place.log
        return log

    def branch(self, name: str) -> Performers:
        address = self.place.next(key_of(name), "")
        return journaled(self.plain, self.place.inside(address), self.run, self.is_async, self.meanings)

    def draw(self, effect: Draw) -> float | str:
        """Times and ids come from the log: they are the same in every process, and need no entry."""
        if effect.kind == "time":
            return self.place.time
        address = self.place.next(key_of("draw", effect.kind), "")
        made = of_bytes(self.log.id.encode(), address.encode())
        return made[:16] if effect.kind == "id" else int(made[:13], 16) / 16**13

    def _frame(self, place: Place) -> Frame:
        return Frame(self.run, self.is_async, journaled(self.plain, place, self.run, self.is_async, self.meanings))

    def _within(self, address: str, work: Coroutine[Any, Any, A], foreign: str = "", home: bool = True) -> Within[A]:
        """The work of a performer; what it starts stands under `address`."""

        def stand() -> tuple[Frame, Place]:
            inner = self.place.inside(address, foreign, home)
            return self._frame(inner), inner

        return Within(stand, work)

    async def write(self, entry: Entry, blobs: dict[str, bytes] | None = None) -> None:
        log = self.log
        if log.store.quick:
            log.add(entry, blobs or {})
        else:
            await Act(lambda: log.add(entry, blobs or {}))
        self.place.time = max(self.place.time, entry.ended)

    def recalled(self, entry: Entry) -> Any:
        """What the log answers. Raises the recorded failure."""
        self.place.time = max(self.place.time, entry.ended)
        if entry.state == "failed":
            raise decode_error(entry.answer, entry.address)
        return codec.decode(entry.answer, entry.address, self._agent)

    def _agent(self, name: str) -> Any:
        """The agent of that name in this run, or those it is nested in."""
        for run in self.run.lineage():
            for agent in run.states:
                if getattr(agent, "name", None) == name:
                    return agent
                for partner in run.states[agent].histories:
                    if getattr(partner, "name", None) == name:
                        return partner
        return None

    async def write_outcome(self, entry: Entry, outcome: Any) -> None:
        """Write what a person said of an effect that was in flight."""
        from msgspec.structs import replace

        encoded = codec.encode(outcome, entry.label)
        await self.write(replace(entry, state="done", ended=self.log.clock(), answer=encoded))

    def asks_at_once(self) -> bool:
        """Is a question asked now, and not parked?"""
        on_human = self.log.policy.on_human
        return on_human == "ask" or (on_human == "auto" and self.meanings.can_ask())

    async def _performed(
        self, entry: Entry, work: Any, what: str, finish: Callable[[Any], tuple[bytes, dict[str, bytes]]] | None = None
    ) -> Any:
        """Carry `work` out and write down what came of it under the entry's address."""
        from msgspec.structs import replace

        log = self.log
        try:
            answer = await work
        except Exception as raised:
            failed = encode_error(raised)
            await self.write(replace(entry, state="failed", ended=log.clock(), answer=failed))
            raise
        encoded = codec.encode(answer, what)
        detail, blobs = finish(answer) if finish is not None else (entry.detail, {})
        done = replace(entry, state="done", ended=log.clock(), answer=encoded, detail=detail)
        await self.write(done, blobs)
        return answer

    # ---- models -----------------------------------------------------------------------------------------------------

    async def call_model(self, effect: CallModel, emit: EmitNow) -> ModelReply:
        log = self.log
        digest, shared = log.chains.request(effect.agent, effect.purpose, effect.request)
        address = self.place.next(key_of(effect.agent, "model", effect.purpose), digest)
        known = log.find(
            address, digest, lambda: _request_shown(effect), lambda entry: difference(entry, effect.request)
        )
        if known is not None:
            reply = cast("ModelReply", self._recalled_model(effect, known))
            return reply
        sent = _Sent(emit)
        entry = Entry(
            address=address,
            kind="model",
            state="started",
            agent=effect.agent,
            label=effect.purpose,
            digest=digest,
            attempt=log.attempt(address),
            started=log.clock(),
        )

        def finish(reply: ModelReply) -> tuple[bytes, dict[str, bytes]]:
            blobs: dict[str, bytes] = {}
            request = None
            if sent.last is not None:
                if log.requests is None:
                    log.requests = Requests()
                request, blobs = log.requests.keep(address, sent.last.url, sent.last.body, sent.count)
            usage = reply.usage
            added = added_messages(effect.request, shared)
            detail = ModelDetail(shared, added, request, reply.model, usage.input, usage.output, reply.cost)
            return encode_detail(detail), blobs

        work = self._within(address, self.plain.call_model(effect, sent))
        answer: ModelReply = await self._performed(entry, work, f"the model of {effect.agent}", finish)
        return answer

    def _recalled_model(self, effect: CallModel, entry: Entry) -> Any:
        reply = self.recalled(entry)
        self.run.count_model_call()
        recalled = getattr(effect.client, "recalled", None)
        if recalled is not None:
            recalled(reply)
        return reply

    # ---- tools and code ---------------------------------------------------------------------------------------------

    async def call_tool(self, effect: CallTool, emit: EmitNow) -> ToolOutcome:
        digest = of_json([effect.call.name, effect.call.arguments])
        address = self.place.next(key_of(effect.agent, "tool"), digest)
        detail = to_json({"arguments": effect.call.arguments, "call_id": effect.call.id})
        repeat = self.meanings.repeat_tool(effect)
        foreign = "" if repeat == "resume" else f"the tool {effect.call.name!r} of agent {effect.agent!r}"
        outcome: ToolOutcome = await self._guarded(
            "tool",
            effect.agent,
            effect.call.name,
            address,
            digest,
            detail,
            repeat,
            lambda: self._within(address, self.plain.call_tool(effect, emit), foreign),
            lambda: f"{effect.call.name}({effect.call.arguments})",
        )
        return outcome

    async def run_code(self, effect: RunCode, emit: EmitNow) -> Any:
        blocks = [[block.language, block.code] for block in effect.blocks]
        digest = of_json(blocks)
        address = self.place.next(key_of(effect.agent, "code"), digest)
        keep = self.meanings.keep_files

        def files(outcome: Any) -> tuple[bytes, dict[str, bytes]]:
            told: dict[str, Any] = {"blocks": blocks}
            if keep is not None:
                told["files"] = keep(effect, outcome, self.log)
            return to_json(told), {}

        return await self._guarded(
            "code",
            effect.agent,
            "",
            address,
            digest,
            to_json({"blocks": blocks}),
            self.meanings.repeat_code(effect),
            lambda: self._within(address, self.plain.run_code(effect, emit)),
            lambda: shown(blocks),
            files,
        )

    async def _guarded(
        self,
        kind: EntryKind,
        agent: str,
        label: str,
        address: str,
        digest: str,
        detail: bytes,
        repeat: Repeat,
        work: Callable[[], Any],
        told: Callable[[], str],
        finish: Callable[[Any], tuple[bytes, dict[str, bytes]]] | None = None,
    ) -> Any:
        """An effect that changes the world: that it was begun is written first, so that a crash inside it is known."""
        log = self.log
        known = log.find(address, digest, told)
        if known is not None and known.state != "started":
            return self.recalled(known)
        if known is not None:
            log.check()
            if repeat == "never":
                decided = await unknown_outcome(self, known, label or kind)
                if decided is not None:
                    return decided
        entry = Entry(
            address=address,
            kind=kind,
            state="started",
            agent=agent,
            label=label,
            digest=digest,
            attempt=log.attempt(address),
            started=log.clock(),
            detail=detail,
        )
        if repeat != "free":
            await self.write(entry)
        return await self._performed(entry, work(), label or kind, finish)

    # ---- people -----------------------------------------------------------------------------------------------------

    async def ask_human(self, effect: AskHuman, emit: EmitNow) -> str:
        return await ask_person(self, effect, emit)

    # ---- the program's functions ------------------------------------------------------------------------------------

    async def invoke(self, effect: Invoke, emit: EmitNow) -> Any:
        if effect.kind == "entry":
            return await Within(lambda: (self._frame(self.place), self.place), _called(effect))
        mark = getattr(effect.function, "__autogen_on_resume__", None)
        recall = effect.kind in RECALLED if mark is None else mark == "recall"
        digest = of_bytes(effect.kind.encode(), effect.name.encode())
        address = self.place.next(key_of(effect.agent, "call", effect.name), digest)
        what = f"{effect.name!r} of agent {effect.agent!r}"
        known = self.log.find(address, digest, lambda: effect.name)
        entry = Entry(
            address=address,
            kind="callback",
            state="done",
            agent=effect.agent,
            label=effect.name,
            digest=digest,
            started=self.log.clock(),
        )
        if recall:
            return await self._recall(effect, known, entry, what)
        return await self._compare(effect, known, entry, what)

    async def _recall(self, effect: Invoke, known: Entry | None, entry: Entry, what: str) -> Any:
        from msgspec.structs import replace

        if known is not None:
            answer = self.recalled(known)
            apply_edits(self.run, known.detail, answer)
            return answer
        work = self._within(entry.address, _called(effect), f"the function {what}")
        before = snapshot(self.run)

        def finish(answer: Any) -> tuple[bytes, dict[str, bytes]]:
            return made_edits(self.run, before, answer), {}

        return await self._performed(replace(entry, attempt=self.log.attempt(entry.address)), work, what, finish)

    async def _compare(self, effect: Invoke, known: Entry | None, entry: Entry, what: str) -> Any:
        from msgspec.structs import replace

        log = self.log
        if known is None or known.state == "failed":
            log.check()
        answer = await self._within(entry.address, _called(effect))
        told = to_json(answer)
        if known is not None and known.state == "done":
            if known.answer != _seal(told):
                raise Diverged(log.id, entry.address, f"another result of {what}", shown(answer))
            self.place.time = max(self.place.time, known.ended)
            return answer
        await self.write(replace(entry, ended=log.clock(), answer=_seal(told)))
        return answer

    async def sleep(self, effect: Sleep) -> None:
        log = self.log
        digest = of_json(effect.seconds)
        address = self.place.next(key_of("sleep"), digest)
        known = log.find(address, digest, lambda: f"sleep({effect.seconds:g})")
        if known is not None and known.state == "done":
            self.place.time = max(self.place.time, known.ended)
            return
        now = log.clock()
        began = known.started if known is not None else now
        entry = Entry(address=address, kind="sleep", state="started", digest=digest, started=began)
        if known is None:
            await self.write(entry)
        left = effect.seconds - max(0.0, now - began)
        if left > 0:
            await Sleep(left)
        from msgspec.structs import replace

        await self.write(replace(entry, state="done", ended=log.clock()))


async def _called(effect: Invoke) -> Any:
    return await program_call(effect)


def _seal(told: bytes) -> bytes:
    return f'"{of_bytes(told)}"'.encode()


class _Sent:
    """An `emit` that remembers the last request that went out."""

    __slots__ = ("_emit", "count", "last")

    def __init__(self, emit: EmitNow) -> None:
        self._emit = emit
        self.last: RequestSent | None = None
        self.count = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, RequestSent):
            self.last = event
            self.count += 1
        self._emit(event)


def _request_shown(effect: CallModel) -> str:
    messages = effect.request.messages
    last = messages[-1] if messages else None
    return f"model {effect.purpose} of {effect.agent}, {len(messages)} messages, the last: " + (
        "none" if last is None else shown([last.role, last.text])
    )
