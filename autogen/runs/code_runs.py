"""A code run in a journaled run, with the files of its work directory before and after.

Refuses to know which files are kept and what is put back (`work_files.py`), and how code runs.
"""

from typing import Any

from autogen.core.code import CodeOutcome
from autogen.core.effects import RunCode
from autogen.core.events import Notice
from autogen.drivers.performer import Act, EmitNow, Work
from autogen.runs.log import RunLog
from autogen.runs.work_files import Disk, WorkFiles


class CodeRun:
    """One live code run; when it is over, `told` and `blobs` say what came of the files."""

    __slots__ = ("address", "blobs", "disk", "effect", "log", "told")

    def __init__(self, log: RunLog, disk: Disk, effect: RunCode, address: str) -> None:
        self.log, self.disk, self.effect, self.address = log, disk, effect, address
        self.told: Any = None
        self.blobs: dict[str, bytes] = {}

    async def carry_out(self, work: Work[CodeOutcome], emit: EmitNow) -> CodeOutcome:
        """The outcome of `work`, which runs the code."""
        root = self.disk.place(self.effect.executor)
        if root is None:  # no directory that we know of
            return await work
        files = self.files()
        try:
            before, self.blobs, notices = await Act(lambda: files.before(self.log, self.disk, self.effect.agent, root))
        except BaseException:
            work.close()
            raise
        for notice in notices:
            emit(Notice(notice))
        outcome = await work
        self.told = await Act(lambda: files.after(self.log, self.disk, root, self.address, before, self.blobs))
        return outcome

    def files(self) -> WorkFiles:
        """What this process knows of the run's work directories."""
        if self.log.files is None:
            self.log.files = WorkFiles()
        known: WorkFiles = self.log.files
        return known
