"""The performers of a journaled run: what the log holds is answered from it, the rest is performed and written down.

Decides by kind of effect what is recalled, what runs again, and what becomes of an effect that was in flight when the
process died (DESIGN section 8, Resume and user code). Refuses to know how effects are performed: it wraps the
performers of a plain run.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeAlias, TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

from autogen.conversation.run import Run
from autogen.core.effects import AskHuman, CallModel, CallTool, Draw, Invoke, RunCode, Sleep
from autogen.core.errors import LimitReached
from autogen.core.events import ToolStarted
from autogen.core.model import ModelReply, Usage
from autogen.core.secrets import any_declared, hide, hide_text
from autogen.core.tools import ToolOutcome
from autogen.drivers.frame import Frame
from autogen.drivers.performer import Act, EmitNow, Performers
from autogen.runs import codec
from autogen.runs.again import called_again, ended_inside, told_again
from autogen.runs.applied import apply_left
from autogen.runs.asks import ask_person, unknown_outcome
from autogen.runs.calling import call_back, called
from autogen.runs.code_runs import CodeRun
from autogen.runs.digest import of_bytes, of_json, shown, to_json
from autogen.runs.edits import Edits, with_left
from autogen.runs.error_codec import decode_error, encode_error
from autogen.runs.errors import UnboundTool
from autogen.runs.live import Choose, changed_call
from autogen.runs.log import RunLog
from autogen.runs.own_state import Notes
from autogen.runs.place import Place, key_of
from autogen.runs.requests import (
    MARK,
    ModelDetail,
    Requests,
    added_messages,
    difference,
    encode_detail,
    lost_before,
    same_but_redacted,
    same_talk,
    was_streamed,
)
from autogen.runs.retold import count_inside, tell_code, tell_model, tell_model_failure, tell_tool
from autogen.runs.rows import Entry, EntryKind
from autogen.runs.sent import Sent
from autogen.runs.standing import Within
from autogen.runs.work_files import Disk

A = TypeVar("A")

Repeat: TypeAlias = Literal["free", "idempotent", "never", "resume"]

Finish: TypeAlias = Callable[[Any], tuple[bytes, dict[str, bytes]]]
"""What is to be told of an effect that is over, for people and for its recall, and blobs."""


class Meanings(Struct, frozen=True, eq=False):
    """What only upper layers know of an effect; filled in by `runtime`."""

    repeat_tool: Callable[[CallTool], Repeat]
    rerun_tool: Callable[[CallTool], bool]
    """Is it called again when the run goes on? Raises ConfigError where that is asked for and must not be."""
    repeat_code: Callable[[RunCode], Repeat]
    can_ask: Callable[[], bool]
    """Is there somebody to ask at once: a terminal, or an input stream of the program's own?"""
    tool_started: Callable[[CallTool], ToolStarted | None]
    """What observers are told when the tool is called; None where the call ends before that."""
    disk: Callable[[], Disk]
    """What touches the files of work directories."""
    choose: Choose
    """A client that asks one model, or sends other parameters, for a fork that says so."""


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
        inner = self.place.inside(self.place.next(key_of(name), ""))
        inner.beside = True
        return journaled(self.plain, inner, self.run, self.is_async, self.meanings)

    def draw(self, effect: Draw) -> float | str:
        """Times and ids come from the log: they are the same in every process, and need no entry."""
        if effect.kind == "time":
            return self.place.time
        address = self.place.next(key_of("draw", effect.kind), "")
        made = of_bytes(self.log.seed.encode(), address.encode())
        return made[:16] if effect.kind == "id" else int(made[:13], 16) / 16**13

    def _frame(self, place: Place) -> Frame:
        return Frame(self.run, self.is_async, journaled(self.plain, place, self.run, self.is_async, self.meanings))

    def within(
        self,
        address: str,
        work: Coroutine[Any, Any, A],
        foreign: str = "",
        left: list[Edits] | None = None,
        notes: Notes | None = None,
    ) -> Within[A]:
        """The work of a performer; what it starts stands under `address`.

        left: takes what its chats leave. notes: take what it writes to the state of agents.
        """

        def stand() -> tuple[Frame, Place]:
            inner = self.place.inside(address, foreign, home=True)
            if left is not None:
                inner.left = left
            if notes is not None:
                inner.notes = (*inner.notes, notes)
            return self._frame(inner), inner

        return Within(stand, work)

    async def write(self, entry: Entry, blobs: dict[str, bytes] | None = None, *, firm: bool = False) -> None:
        """firm: it is to outlast a power cut; that waits for the disk, which no event loop's thread may do."""
        log = self.log
        if log.store.quick and not (firm and self.is_async):
            log.add(entry, blobs or {}, firm=firm)
        else:
            await Act(lambda: log.add(entry, blobs or {}, firm=firm))
        self.place.time = max(self.place.time, entry.ended)

    def recalled(self, entry: Entry) -> Any:
        """What the log answers. Raises the recorded failure."""
        self.place.time = max(self.place.time, entry.ended)
        if entry.state == "failed":
            raise decode_error(entry.answer, entry.address)
        return codec.decode(entry.answer, entry.address, self.agent)

    def agent(self, name: str) -> Any:
        """The agent of that name in this run, in those it is nested in, or where its functions lead; or None."""
        return self.log.meant.find(self.run, name)

    async def write_outcome(self, entry: Entry, outcome: Any) -> None:
        """Write what a person said of an effect that was in flight."""
        encoded = codec.encode(outcome, entry.label)
        await self.write(replace(entry, state="done", ended=self.log.clock(), answer=encoded))

    def asks_at_once(self) -> bool:
        """Is a question asked now, and not parked?"""
        on_human = self.log.policy.on_human
        return on_human == "ask" or (on_human == "auto" and self.meanings.can_ask())

    async def performed(
        self, entry: Entry, work: Any, what: str, finish: Finish | None = None, *, even_failed: bool = False
    ) -> Any:
        """Carry `work` out and write down what came of it under the entry's address.

        even_failed: `finish` has something to tell of a failure, too.
        """
        log = self.log
        try:
            answer = await work
        except Exception as raised:
            failed = encode_error(raised)
            detail = finish(None)[0] if finish is not None and even_failed else entry.detail
            await self.write(replace(entry, state="failed", ended=log.clock(), answer=failed, detail=detail))
            raise
        encoded = codec.encode(answer, what)
        if any_declared() and (clean := hide(encoded)) != encoded:  # the conversation goes on with what is recalled
            encoded, answer = clean, codec.decode(clean, entry.address, self.agent)
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
            address,
            digest,
            lambda: _request_shown(effect),
            lambda entry: difference(entry, effect.request),
            lambda entry: same_talk(entry, effect.request),
            lambda entry: same_but_redacted(entry, effect.request),
        )
        if known is not None:
            return self._recalled_model(effect, known, emit)
        sent = Sent(emit, lost_before(log.entries.get(address)))
        self._lost(effect.agent, sent.lost)
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

        def finish(reply: ModelReply | None) -> tuple[bytes, dict[str, bytes]]:
            blobs: dict[str, bytes] = {}
            request = None
            lost, lost_usd = sent.lost or (None, 0.0)
            if reply is None:
                failed = ModelDetail(shared, added_messages(effect.request, shared), lost=lost, lost_usd=lost_usd)
                return encode_detail(failed), blobs
            if sent.last is not None:
                if log.requests is None:
                    log.requests = Requests()
                request, blobs = log.requests.keep(address, hide_text(sent.last.url), hide(sent.last.body), sent.count)
            usage, model = reply.usage, reply.model
            added = added_messages(effect.request, shared)
            detail = ModelDetail(
                shared, added, request, model, usage.input, usage.output, reply.cost, sent.streamed, lost, lost_usd
            )
            return encode_detail(detail), blobs

        # its digest is that of the program's own request, so that a fork that goes on finds it again
        live = changed_call(effect, log.changes, self.meanings.choose) if log.changes.touches_models else effect
        work = self.within(address, self.plain.call_model(live, sent))
        what = f"the model of {effect.agent}"
        answer: ModelReply = await self.performed(entry, work, what, finish, even_failed=True)
        if log.requests is not None:
            log.requests.hear(address, log.entries[address].answer, answer.message.text)
        return answer

    def _lost(self, agent: str, lost: tuple[Usage, float | None] | None) -> None:
        if lost is not None:
            self.run.lost(agent, *lost)

    def _recalled_model(self, effect: CallModel, entry: Entry, emit: EmitNow) -> ModelReply:
        self._lost(effect.agent, lost_before(entry))
        try:
            reply = cast("ModelReply", self.recalled(entry))
        except Exception as error:
            if not isinstance(error, LimitReached):  # else it was not admitted, so it never began
                self.run.count_model_call()
            tell_model_failure(emit, effect, entry, error)
            failed = getattr(effect.client, "recalled_failure", None)
            if failed is not None:
                failed(error)
            raise
        self.run.count_model_call()
        recalled = getattr(effect.client, "recalled", None)
        if recalled is not None:
            recalled(reply)
        tell_model(emit, effect, entry, reply, was_streamed(entry))
        return reply

    # ---- tools and code ---------------------------------------------------------------------------------------------

    async def call_tool(self, effect: CallTool, emit: EmitNow) -> ToolOutcome:
        digest = of_json([effect.call.name, effect.call.arguments])
        address = self.place.next(key_of(effect.agent, "tool"), digest)
        repeat = self.meanings.repeat_tool(effect)
        told = {"arguments": effect.call.arguments, "call_id": effect.call.id}
        detail = to_json(told if repeat == "never" else {**told, "repeat": repeat})
        foreign = "" if repeat == "resume" else f"the tool {effect.call.name!r} of agent {effect.agent!r}"
        left: list[Edits] = []
        notes = Notes()
        again = self.meanings.rerun_tool(effect)

        def finish(outcome: Any) -> tuple[bytes, dict[str, bytes]]:
            return with_left(detail, [*left, Edits(written=notes.written())]), {}

        def work(emit: EmitNow) -> Any:
            calling = self.plain.call_tool(self._keyed(effect, address), emit)
            return self.within(address, calling, foreign, left, notes)

        if effect.tool is None:
            self._refuse_missing(effect, address)
        self.log.meant.look_into(effect.tool)
        outcome: ToolOutcome = await self._guarded(
            "tool",
            effect.agent,
            effect.call.name,
            address,
            digest,
            detail,
            repeat,
            lambda: work(emit),
            lambda: f"{effect.call.name}({effect.call.arguments})",
            lambda known: tell_tool(emit, effect, known, self.meanings.tool_started(effect)),
            finish,
            (lambda: work(told_again(emit))) if again else None,
        )
        return outcome

    def _refuse_missing(self, effect: CallTool, address: str) -> None:
        """A run that called this tool goes on only where it is registered again. Raises UnboundTool."""
        log = self.log
        known = log.entries.get(address)
        if known is None or log.ended or known.label != effect.call.name:
            return
        if known.state == "started" or (known.state == "done" and self.recalled(known).why != "unknown"):
            raise UnboundTool(log.id, effect.agent, effect.call.name, effect.known)

    def _keyed(self, effect: CallTool, address: str) -> CallTool:
        return replace(effect, key=self.log.key(address))

    async def run_code(self, effect: RunCode, emit: EmitNow) -> Any:
        blocks = [[block.language, block.code] for block in effect.blocks]
        digest = of_json(blocks)
        address = self.place.next(key_of(effect.agent, "code"), digest)
        running = CodeRun(self.log, self.meanings.disk(), effect, address)

        def files(outcome: Any) -> tuple[bytes, dict[str, bytes]]:
            told = {"blocks": blocks} if running.told is None else {"blocks": blocks, "files": running.told}
            return to_json(told), running.blobs

        return await self._guarded(
            "code",
            effect.agent,
            "",
            address,
            digest,
            to_json({"blocks": blocks}),
            self.meanings.repeat_code(effect),
            lambda: self.within(address, running.carry_out(self.plain.run_code(effect, emit), emit)),
            lambda: shown(blocks),
            lambda known: tell_code(emit, effect, known),
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
        retell: Callable[[Any], None],
        finish: Finish | None = None,
        again: Callable[[], Any] | None = None,
    ) -> Any:
        """An effect that changes the world: that it was begun is written first, so that a crash inside it is known.

        again: calls it although its outcome is known.
        """
        log = self.log
        known = log.find(
            address,
            digest,
            told,
            redacted=lambda entry: MARK in detail and entry.label == label and entry.detail.startswith(detail[:-1]),
        )
        if known is not None and known.state == "done" and again is not None:
            return await called_again(self, known, again)
        if known is not None and known.state != "started":
            count_inside(self, address, of_run=True)
            apply_left(self.run, known.detail, log.meant, self.place.notes)
            outcome = self.recalled(known)
            retell(outcome)
            return outcome
        before = known or ended_inside(log.entries.get(address))
        if before is not None:
            log.check()
            if repeat == "never":
                decided = await unknown_outcome(self, before, label or kind)
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
            await self.write(entry, firm=repeat != "resume")
        return await self.performed(entry, work(), label or kind, finish)

    # ---- people -----------------------------------------------------------------------------------------------------

    async def ask_human(self, effect: AskHuman, emit: EmitNow) -> str:
        return await ask_person(self, effect, emit)

    # ---- the program's functions ------------------------------------------------------------------------------------

    async def invoke(self, effect: Invoke, emit: EmitNow) -> Any:
        if effect.kind == "entry":
            return await Within(lambda: (self._frame(self.place), self.place), called(effect))
        return await call_back(self, effect)

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
        await self.write(replace(entry, state="done", ended=log.clock()))


def _request_shown(effect: CallModel) -> str:
    messages = effect.request.messages
    last = messages[-1] if messages else None
    return f"model {effect.purpose} of {effect.agent}, {len(messages)} messages, the last: " + (
        "none" if last is None else shown([last.role, last.text])
    )
