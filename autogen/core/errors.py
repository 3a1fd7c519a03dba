"""The one tree of errors that autogen raises on purpose.

    AutogenError
    ├── ConfigError          a wrong argument or configuration, told at construction
    ├── NotSetUp             an agent or client lacks what it was asked for
    ├── ModelError           a model call that failed for good (subclasses in `models/errors.py`)
    ├── ToolError            a tool that cannot be registered or called
    ├── CodeError            code that cannot be run at all
    ├── EndsRun              what ends the run wherever it is raised, and is never told to a model
    │   └── LimitReached     a budget or limit that ended a run
    ├── RunPaused            the outcome was read of a run that waits for a person
    ├── JournalError         what a journal refuses (in `runs/errors.py`)
    └── EngineError          a conversation or driver used in a way that cannot work

Every error says who, what and the way out, keeps the facts as attributes and survives pickling.
This file refuses to know what raised it: no imports of ours.
"""


class AutogenError(Exception):
    """Base of everything raised on purpose. `run` is set when it left a chat: its transcript and state."""

    run: object = None


class ConfigError(AutogenError, ValueError):
    """A wrong argument or configuration."""


class ConfigAssertion(ConfigError, AssertionError):
    """A wrong argument that 0.2 refused by an assertion."""


class InvalidMessage(ConfigError):
    """A message that holds neither content nor calls nor answers."""


class InvalidContent(InvalidMessage, TypeError):
    """A message whose content is of a kind that no model takes."""


class NotSetUp(AutogenError, RuntimeError):
    """Something was asked of an agent or client before it was given what that takes."""


class ModelError(AutogenError):
    """A model call failed for good."""


class ToolError(AutogenError):
    """A tool cannot be registered or called."""


class CodeError(AutogenError):
    """Code cannot be run at all."""


class EngineError(AutogenError, RuntimeError):
    """A conversation or a driver was used in a way that cannot work."""


class EndsRun(AutogenError):
    """It ends the run wherever it is raised: inside a tool's or function's own chat, too, and is no answer to a model.

    Errors of a journal that are of the run itself are of this kind; see `runs/errors.py`.
    """


class LimitReached(EndsRun):
    """A limit of the run was reached before an effect; the run ends in order with this stop reason."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail

    def __str__(self) -> str:
        return self.detail


class Parked(BaseException):
    """A run waits for a person, maybe for days: thrown through the conversation, which ends here for now.

    No `Exception`, so that a program's `except Exception` around a nested chat does not take it for a failure. The
    outermost face makes a paused result of it.
    """

    run: object = None

    def __init__(self, run_id: str, ask_id: str, prompt: str) -> None:
        super().__init__(run_id, ask_id, prompt)
        self.run_id, self.ask_id, self.prompt = run_id, ask_id, prompt

    def __str__(self) -> str:
        return f"run {self.run_id!r} waits for an answer to {self.ask_id!r}: {_bare(self.prompt)}"


class RunPaused(AutogenError):
    """Somebody read the outcome of a run that still waits for an answer."""

    def __init__(self, run_id: str, questions: tuple[str, ...]) -> None:
        super().__init__(run_id, questions)
        self.run_id, self.questions = run_id, questions

    def __str__(self) -> str:
        return (
            f"run {self.run_id!r} is paused and has no outcome yet; it waits for an answer to: "
            f"{'; '.join(map(_bare, self.questions))}. Give it with autogen.answer({self.run_id!r}, ask_id, value)"
        )


def _bare(prompt: str) -> str:
    """A prompt inside a sentence: without the colon or stop that it ends with."""
    return prompt.rstrip().rstrip(":.").rstrip()


class HumanInputClosed(AutogenError, EOFError):
    """A person was asked, but the input is at its end."""

    def __init__(self, agent: str, prompt: str, approval: bool = False) -> None:
        super().__init__(agent, prompt, approval)
        self.agent, self.prompt, self.approval = agent, prompt, approval

    def __str__(self) -> str:
        if self.approval:
            return (
                f"agent {self.agent!r} asked for an approval, but the input is at its end, so nothing was approved; "
                "run it in a terminal, pipe the answers in, or journal the run so that it can wait for them"
            )
        return (
            f"agent {self.agent!r} asked for human input, but the input is at its end; run it in a terminal, "
            "pipe the answers in, or set human_input_mode='NEVER'"
        )
