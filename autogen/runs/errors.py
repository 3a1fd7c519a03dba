"""What can go wrong with a journal, each with its own name: who, what, the way out.

Refuses to know who raises it.
"""

from autogen.core.errors import AutogenError, ConfigError, EndsRun


class JournalError(AutogenError):
    """Base of what a journal refuses or cannot do."""


class JournalUnusable(JournalError, OSError):
    """The journal's file cannot be opened, read or written: missing rights, a full disk, damage."""

    def __init__(self, path: str, why: str, way_out: str) -> None:
        super().__init__(path, why, way_out)
        self.path, self.why, self.way_out = path, why, way_out

    def __str__(self) -> str:
        return f"the journal {self.path!r} cannot be used: {self.why}; {self.way_out}"


class UnknownFormat(JournalError):
    """Something was written by a newer version, or by nothing of ours."""

    def __init__(self, what: str, found: str, known: str) -> None:
        super().__init__(what, found, known)
        self.what, self.found, self.known = what, found, known

    def __str__(self) -> str:
        return f"{self.what} is of format {self.found}, this version reads {self.known}; use the version that wrote it"


class Damaged(JournalError):
    """Stored data that does not read as what it should be: truncated or tampered with."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(what, why)
        self.what, self.why = what, why

    def __str__(self) -> str:
        return f"{self.what} is damaged: {self.why}; restore it from a copy, or delete the run"


class UnknownRun(JournalError, LookupError):
    """No run of that id in this journal."""

    def __init__(self, run_id: str, journal: str) -> None:
        super().__init__(run_id, journal)
        self.run_id, self.journal = run_id, journal

    def __str__(self) -> str:
        return f"there is no run {self.run_id!r} in {self.journal}; `autogen runs list` shows which there are"


class HasForks(JournalError):
    """A run cannot be deleted: forks of it read the part that they share."""

    def __init__(self, run_id: str, forks: tuple[str, ...]) -> None:
        super().__init__(run_id, forks)
        self.run_id, self.forks = run_id, forks

    def __str__(self) -> str:
        return f"run {self.run_id!r} has forks, which share its log: {', '.join(self.forks)}; delete these first"


class WrongFork(JournalError, ValueError):
    """A run that is to share more of its parent's log than there is."""

    def __init__(self, run_id: str, parent: str | None, seq: int, last: int) -> None:
        super().__init__(run_id, parent, seq, last)
        self.run_id, self.parent, self.seq, self.last = run_id, parent, seq, last

    def __str__(self) -> str:
        return (
            f"run {self.run_id!r} cannot be forked from {self.parent!r} at entry {self.seq}: "
            f"it may share 0 to {self.last} entries"
        )


class RunBusy(JournalError):
    """Another process, or another call in this one, is carrying the run on."""

    def __init__(self, run_id: str, owner: str, seconds: float) -> None:
        super().__init__(run_id, owner, seconds)
        self.run_id, self.owner, self.seconds = run_id, owner, seconds

    def __str__(self) -> str:
        return (
            f"run {self.run_id!r} is being carried on by {self.owner} (its lease lasts {self.seconds:.0f} s more); "
            'wait for it, or say on_conflict="queue" or on_conflict="branch"'
        )


class Fenced(JournalError, EndsRun):
    """This process lost the run to another one while it was away; nothing of it was written since."""

    def __init__(self, run_id: str, generation: int) -> None:
        super().__init__(run_id, generation)
        self.run_id, self.generation = run_id, generation

    def __str__(self) -> str:
        return (
            f"run {self.run_id!r} was taken over by another process (this one held generation {self.generation}); "
            "nothing more was written from here; the other one carries it on"
        )


class Diverged(JournalError, EndsRun):
    """What the program asks for now is not what the journal holds at this place."""

    def __init__(self, run_id: str, address: str, recorded: str, now: str, played: bool = False) -> None:
        super().__init__(run_id, address, recorded, now, played)
        self.run_id, self.address, self.recorded, self.now = run_id, address, recorded, now
        self.played = played
        """It was found by `autogen.replay`."""

    def __str__(self) -> str:
        way_out = (
            "or say live_from= the number of a step to go on for real from there"
            if self.played
            else 'use another run_id, or say on_diverge="fork" to go on from here in a run of its own'
        )
        return (
            f"run {self.run_id!r} went another way at {self.address}:\n  recorded: {self.recorded}\n"
            f"  now:      {self.now}\nRestore what the program was, {way_out}"
        )


class NotStorable(JournalError, EndsRun, TypeError):
    """A result that a journal cannot hold: it is no JSON."""

    def __init__(self, what: str, field: str, kind: str) -> None:
        super().__init__(what, field, kind)
        self.what, self.field, self.kind = what, field, kind

    def __str__(self) -> str:
        return (
            f"{self.what} gave something that the journal cannot hold: {self.field} is {self.kind}; return text, "
            "numbers, lists and dicts with text keys, and keep live objects outside"
        )


class OutcomeUnknown(JournalError, EndsRun):
    """The process died inside a tool that must not run twice; whether it did its work is not known."""

    def __init__(self, run_id: str, address: str, name: str, key: str) -> None:
        super().__init__(run_id, address, name, key)
        self.run_id, self.address, self.name, self.key = run_id, address, name, key

    def __str__(self) -> str:
        return (
            f"run {self.run_id!r} was interrupted inside the tool {self.name!r} ({self.address}, idempotency key "
            f'{self.key}), so its outcome is unknown; look whether it happened, then resume with on_unknown="ask" and '
            'say so, or with on_unknown="retry" to call it again'
        )


class AnswerRefused(JournalError, ValueError):
    """An answer that the question cannot take: wrong type, too late, or to nothing that was asked."""

    def __init__(self, run_id: str, ask_id: str, why: str) -> None:
        super().__init__(run_id, ask_id, why)
        self.run_id, self.ask_id, self.why = run_id, ask_id, why

    def __str__(self) -> str:
        return f"run {self.run_id!r}, question {self.ask_id!r}: {self.why}"


class AlreadyAnswered(AnswerRefused):
    """Somebody else was first."""


class CannotPark(JournalError, EndsRun):
    """A question came from inside a function of the program, where no run can wait for days."""

    def __init__(self, run_id: str, frame: str) -> None:
        super().__init__(run_id, frame)
        self.run_id, self.frame = run_id, frame

    def __str__(self) -> str:
        return (
            f"run {self.run_id!r} cannot wait for a person here: the question was asked inside {self.frame}, which "
            'cannot be left and entered again; mark it @autogen.tool(repeat="resume"), or say on_human="ask"'
        )


class UnknownEntrypoint(JournalError, ConfigError):
    """A run's entry function is not registered in this process."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(name, known)
        self.name, self.known = name, known

    def __str__(self) -> str:
        known = ", ".join(self.known) or "none"
        return (
            f"no entry function is registered as {self.name!r} in this process (registered: {known}); import the "
            "module that holds it, marked @autogen.entrypoint"
        )


class RecordedError(JournalError):
    """An error of a kind that cannot be made again, as the journal holds it."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(kind, text)
        self.kind, self.text = kind, text

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


class UnboundAgent(JournalError, EndsRun, LookupError):
    """A stored value names an agent that this process does not have."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(what, name)
        self.what, self.name = what, name

    def __str__(self) -> str:
        return (
            f"{self.what} holds the agent {self.name!r}, but no agent of that name takes part here; "
            "make the same agents, under the same names, before the run goes on"
        )


class UnboundTool(JournalError, EndsRun, LookupError):
    """A run called a tool that is not registered in this process."""

    def __init__(self, run_id: str, agent: str, name: str, known: tuple[str, ...]) -> None:
        super().__init__(run_id, agent, name, known)
        self.run_id, self.agent, self.name, self.known = run_id, agent, name, known

    def __str__(self) -> str:
        known = ", ".join(self.known) or "none"
        return (
            f"run {self.run_id!r} called the tool {self.name!r} of agent {self.agent!r}, but no tool of that name is "
            f"registered there now (registered: {known}); register it under the same name before the run goes on"
        )


class RunExists(JournalError):
    """A run that is to be imported has an id that is taken in this journal."""

    def __init__(self, run_id: str, journal: str) -> None:
        super().__init__(run_id, journal)
        self.run_id, self.journal = run_id, journal

    def __str__(self) -> str:
        return (
            f"there is a run {self.run_id!r} in {self.journal} already; nothing was imported. Delete that one first, "
            "or import into another journal"
        )


class ForkRefused(JournalError, ValueError):
    """A run cannot be forked there, or not with that change."""

    def __init__(self, run_id: str, why: str) -> None:
        super().__init__(run_id, why)
        self.run_id, self.why = run_id, why

    def __str__(self) -> str:
        return f"run {self.run_id!r} was not forked: {self.why}"
