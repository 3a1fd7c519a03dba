"""The contract of a store: where a journal's rows are kept. `sqlite.py` is one; `tests/runs/test_store.py` judges any.

A store moves rows and refuses stale writers; it decides nothing about their meaning. Every method is one transaction:
it happens whole or not at all. Methods block; `quick` says whether that is short enough for an event loop's thread.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from autogen.runs.rows import Answer, Entry, RunChange, RunQuery, RunRow


class Store(Protocol):
    """Keeps runs, entries, answers and blobs (bytes known by their digest)."""

    @property
    def quick(self) -> bool:
        """Every method takes well under a millisecond, so that it may be called on an event loop's thread."""
        ...

    @property
    def where(self) -> str:
        """For messages: the file or the server, without secrets."""
        ...

    def create(self, run: RunRow) -> RunRow:
        """Insert the run; if the id is taken, change nothing and give back the row that has it.

        The row's generation is above that of any run of this id that was deleted, so that nobody left from then can
        write into this one. Raises UnknownRun without the parent, WrongFork when `fork_seq` is beyond its log.
        """
        ...

    def run(self, run_id: str) -> RunRow:
        """Raises UnknownRun."""
        ...

    def runs(self, query: RunQuery) -> list[RunRow]:
        """By `created`, newest first."""
        ...

    def forks(self, run_id: str) -> list[RunRow]:
        """The runs that were forked from this one, oldest first. Raises UnknownRun."""
        ...

    def claim(self, run_id: str, owner: str, now: float, lease: float, dead: str = "") -> RunRow:
        """Take the run for `lease` seconds: the next generation begins. Gives the row as it then is.

        A paused or failed run is running then; a done or cancelled one stays that, for the caller to see.

        dead: an owner that is known to be dead; a lease of its does not count.
        Raises RunBusy while another owner's lease lasts. A lease that ends more than two leases from now came from a
        clock that jumped, and counts as over. Raises UnknownRun.
        """
        ...

    def renew(self, run_id: str, generation: int, now: float, lease: float) -> bool:
        """Make the lease last `lease` seconds from now. Gives `cancel` of the row. Raises Fenced, UnknownRun.

        A run that was let go stays as it is.
        """
        ...

    def append(
        self,
        run_id: str,
        generation: int,
        entries: Sequence[Entry],
        blobs: Mapping[str, bytes] = {},
        *,
        firm: bool = False,
    ) -> list[int]:
        """Add entries (their `seq` is ignored) and the blobs they mention; gives the entries' numbers.

        blobs: by `of_blob`; a run keeps each once, however often it is given, and shares its ancestors'. They belong
            to the first of the entries, so a fork that shares the entry shares them too.
        firm: return only when a power cut cannot take them back, nor anything that was appended before. Else the last
            ones may be lost then, but and then all that came after them.
        Raises Fenced when another generation has begun, UnknownRun; nothing is written then.
        """
        ...

    def settle(self, run_id: str, generation: int, change: RunChange) -> None:
        """Write how the run ended or paused and let it go. Raises Fenced, UnknownRun."""
        ...

    def read(self, run_id: str, after: int = 0) -> list[Entry]:
        """The log in order; of a fork, the shared part of its parent's log first, its own counted on from there.

        after: without the entries up to this number. Raises UnknownRun, Damaged.
        """
        ...

    def blob(self, run_id: str, digest: str) -> bytes:
        """A blob of the run, its shared part included. Raises UnknownRun; Damaged when it is missing or was changed."""
        ...

    def keep_answer(self, run_id: str, answer: Answer) -> Answer:
        """Keep this run's first answer to a question; gives the one that counts. Raises UnknownRun.

        A fork may answer a question of the shared part in its own way.
        """
        ...

    def answers(self, run_id: str) -> dict[str, Answer]:
        """By address; of a fork, its ancestors' to questions of the shared part too, where it has none of its own."""
        ...

    def ask_to_cancel(self, run_id: str, now: float) -> RunRow:
        """Mark the run as to be cancelled; one that nobody carries on is cancelled at once. Raises UnknownRun.

        Then another generation begins, for who lost the lease without knowing. A run that has ended stays as it is.
        """
        ...

    def delete(self, run_id: str, now: float) -> None:
        """Forget a run, its entries, answers and blobs. Raises UnknownRun.

        Raises RunBusy while it is carried on, HasForks while forks of it exist.
        """
        ...

    def prune(self, updated_before: float, now: float) -> int:
        """Delete ended runs (done, failed, cancelled) last written before then, but those that are carried on or have
        a fork that stays. Gives how many."""
        ...

    def close(self) -> None: ...
