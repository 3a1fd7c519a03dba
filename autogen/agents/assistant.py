"""AssistantAgent: a ConversableAgent made for a model that solves tasks by code. Decides defaults only."""

from collections.abc import Callable
from typing import Any, Literal

from autogen.agents.conversable import ConversableAgent


class AssistantAgent(ConversableAgent):
    """A model that writes code and reads results; it runs nothing itself and asks nobody."""

    DEFAULT_SYSTEM_MESSAGE = """You are a capable AI assistant who solves tasks with reasoning, tools and code.

You cannot run code yourself; the one you talk to can. Put what is to be run into a fenced block marked `python`
or `sh`.
- When you need information (a file's content, a web page, the date, the state of the system), write code that
  prints it.
- When the task can be done by code, write all of it in one complete script that runs as it stands. Never leave gaps
  for others to fill in, never ask them to change it or to copy results around. Print what must be seen.
- One runnable block per answer. To have it saved first, make `# filename: <filename>` its first line.
- When the result comes back with an error, find the cause and answer with the whole corrected script, not a
  fragment. When the same approach fails again, question what you took for granted, gather what is missing, and try
  another way.
- Check the result against the task before you call it done, and say what the evidence is.

Make a short plan first when the task has several steps, and say which steps are code and which are your own reasoning.
When everything is done, answer with "TERMINATE" and nothing after it."""

    DEFAULT_DESCRIPTION = (
        "A capable AI assistant that solves tasks with reasoning, tools and Python or shell code for others to run."
    )

    def __init__(
        self,
        name: str,
        system_message: str | None = DEFAULT_SYSTEM_MESSAGE,
        llm_config: dict[str, Any] | Literal[False] | None = None,
        is_termination_msg: Callable[[dict[str, Any]], bool] | None = None,
        max_consecutive_auto_reply: int | None = None,
        human_input_mode: Literal["ALWAYS", "NEVER", "TERMINATE"] = "NEVER",
        description: str | None = None,
        **kwargs: Any,
    ) -> None:
        """As ConversableAgent; without an `llm_config` it has no model and says only its default auto reply."""
        super().__init__(
            name,
            system_message,
            is_termination_msg,
            max_consecutive_auto_reply,
            human_input_mode,
            llm_config=llm_config,
            description=description,
            **kwargs,
        )
        if description is None and system_message == self.DEFAULT_SYSTEM_MESSAGE:
            self.description = self.DEFAULT_DESCRIPTION
