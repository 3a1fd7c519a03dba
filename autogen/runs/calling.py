"""The program's functions in a journaled run: recalled with what they wrote, or called again and compared.

Decides by kind and mark (`on_resume`) which of the two. Refuses to know how a function is called.
"""

from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from autogen.core.effects import Invoke
from autogen.drivers.performer import program_call
from autogen.runs.applied import apply_edits, apply_left
from autogen.runs.digest import of_bytes, shown, to_json
from autogen.runs.edits import Edits, made_edits, snapshot, with_left
from autogen.runs.own_state import Notes
from autogen.runs.place import key_of
from autogen.runs.requests import MARK
from autogen.runs.retold import count_inside
from autogen.runs.rows import Entry

if TYPE_CHECKING:
    from autogen.runs.journaled import Journaled

RECALLED: Final = frozenset({"reply_function", "override"})
"""Kinds of callbacks that are recalled; the others run again, and what they give is compared."""


def mark_of(function: Any) -> Any:
    """What `on_resume` said of a function: "recall", "rerun" or None."""
    return getattr(function, "__autogen_on_resume__", None)


async def call_back(here: "Journaled", effect: Invoke) -> Any:
    """What the function gave or gives. Raises Diverged."""
    mark = mark_of(effect.function)
    recall = effect.kind in RECALLED if mark is None else mark == "recall"
    digest = of_bytes(effect.kind.encode(), effect.name.encode())
    address = here.place.next(key_of(effect.agent, "call", effect.name), digest)
    what = f"{effect.name!r} of agent {effect.agent!r}"
    known = here.log.find(address, digest, lambda: effect.name)
    entry = Entry(
        address=address,
        kind="callback",
        state="done",
        agent=effect.agent,
        label=effect.name,
        digest=digest,
        started=here.log.clock(),
    )
    return await (_recall if recall else _compare)(here, effect, known, entry, what)


async def _recall(here: "Journaled", effect: Invoke, known: Entry | None, entry: Entry, what: str) -> Any:
    meant = here.log.meant.look_into(effect.function, effect.args, effect.kwargs)
    beside, around = here.place.beside, here.place.notes
    if known is not None:
        count_inside(here, entry.address, of_run=beside)
        apply_left(here.run, known.detail, meant, around)
        if known.state == "failed":
            apply_edits(here.run, known.detail, None, meant, around)
        answer = here.recalled(known)
        apply_edits(here.run, known.detail, answer, meant, around)
        return answer
    left: list[Edits] = []
    notes = Notes()
    work = here.within(entry.address, called(effect), f"the function {what}", left, notes)
    before = None if beside else snapshot(here.run)

    def finish(answer: Any) -> tuple[bytes, dict[str, bytes]]:
        written = notes.written()
        if before is None:
            return with_left(b"", [*left, Edits(written=written)]), {}
        return made_edits(here.run, before, answer, written), {}

    attempt = here.log.attempt(entry.address)
    return await here.performed(replace(entry, attempt=attempt), work, what, finish, even_failed=True)


async def _compare(here: "Journaled", effect: Invoke, known: Entry | None, entry: Entry, what: str) -> Any:
    log = here.log
    row = log.row
    if known is None or known.state == "failed":
        log.check()
    notes = Notes()
    answer = await here.within(entry.address, called(effect), notes=notes)
    notes.written()  # it writes again when it is called again; here it is only seen that all of it can be kept
    told = to_json(answer)
    if known is not None and known.state == "done":
        if known.answer == _seal(told) or (log.replay and MARK in told):
            here.place.time = max(here.place.time, known.ended)
            return answer
        log.leave(row, entry.address, of_bytes(told), f"another result of {what}", shown(answer))
    await here.write(replace(entry, ended=log.clock(), answer=_seal(told)))
    return answer


async def called(effect: Invoke) -> Any:
    return await program_call(effect)


def _seal(told: bytes) -> bytes:
    return f'"{of_bytes(told)}"'.encode()
