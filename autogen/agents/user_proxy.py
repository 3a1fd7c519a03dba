"""UserProxyAgent: a ConversableAgent that stands for a person and runs code. Decides defaults only."""

from collections.abc import Callable
from typing import Any, Literal

from autogen.agents.conversable import ConversableAgent


class UserProxyAgent(ConversableAgent):
    """Speaks for a person: asks them each time by default, runs the code and tools that others suggest."""

    DEFAULT_USER_PROXY_AGENT_DESCRIPTIONS = {
        "ALWAYS": "A person who is there: answers questions about the task and gives feedback each time.",
        "TERMINATE": "Runs code and tools and reports what came out; a person looks in when the work is called done.",
        "NEVER": "Runs the code and tools that others write and reports what came out. No person is there.",
    }

    def __init__(
        self,
        name: str,
        is_termination_msg: Callable[[dict[str, Any]], bool] | None = None,
        max_consecutive_auto_reply: int | None = None,
        human_input_mode: Literal["ALWAYS", "TERMINATE", "NEVER"] = "ALWAYS",
        function_map: dict[str, Callable[..., Any]] | None = None,
        code_execution_config: dict[str, Any] | Literal[False] | None = {},  # noqa: B006 - 0.2's default, only read
        default_auto_reply: str | dict[str, Any] | None = "",
        llm_config: dict[str, Any] | Literal[False] | None = False,
        system_message: str | list[Any] | None = "",
        description: str | None = None,
        **kwargs: Any,
    ) -> None:
        """As ConversableAgent; code runs in the sandbox unless `code_execution_config` is False."""
        super().__init__(
            name=name,
            system_message=system_message,
            is_termination_msg=is_termination_msg,
            max_consecutive_auto_reply=max_consecutive_auto_reply,
            human_input_mode=human_input_mode,
            function_map=function_map,
            code_execution_config=code_execution_config,
            llm_config=llm_config,
            default_auto_reply=default_auto_reply,
            description=description
            if description is not None
            else self.DEFAULT_USER_PROXY_AGENT_DESCRIPTIONS.get(human_input_mode, ""),
            **kwargs,
        )
