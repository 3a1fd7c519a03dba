"""GroupChatManager: the agent that a group's members talk to. Gives the floor and hands round what is said.

Decides defaults and what a manager may not be. How a group talks is `conversation/group.py`.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal, cast

from autogen.agents.agent import Agent
from autogen.agents.conversable import ConversableAgent
from autogen.agents.faces import blocking, concurrent
from autogen.agents.group_chat import GroupChat
from autogen.agents.group_checks import check_names
from autogen.agents.replying import builtin, step_of
from autogen.conversation.group_clearing import clear, clearing
from autogen.conversation.group_resume import resume_group
from autogen.core.errors import ConfigError

Messages = list[dict[str, Any]]
Answer = tuple[bool, "str | dict[str, Any] | None"]


class GroupChatManager(ConversableAgent):
    """A chat with it is a chat with the group: what you say, all members hear."""

    def __init__(
        self,
        groupchat: GroupChat,
        name: str | None = "chat_manager",
        max_consecutive_auto_reply: int | None = sys.maxsize,
        human_input_mode: Literal["ALWAYS", "NEVER", "TERMINATE"] = "NEVER",
        system_message: str | list[Any] | None = "Group chat manager.",
        silent: bool = False,
        **kwargs: Any,
    ) -> None:
        """
        groupchat: the group; its settings are read when the manager is made.
        silent: True prints neither who speaks next nor what members say.
        kwargs: as of ConversableAgent; the model of `llm_config` selects speakers.
        Raises ConfigError when the model is to have tools, or the group has one member.
        """
        config: Any = kwargs.get("llm_config")
        if isinstance(config, dict) and any(cast("dict[str, Any]", config).get(key) for key in ("functions", "tools")):
            raise ConfigError(
                "GroupChatManager is not allowed to make function/tool calls. Please remove the 'functions' or 'tools' "
                "config in 'llm_config' you passed in."
            )
        if not isinstance(groupchat, GroupChat):
            raise ConfigError(f"GroupChatManager needs a GroupChat, got {type(groupchat).__name__}: {groupchat!r:.80}")
        super().__init__(
            name=cast("str", name),
            max_consecutive_auto_reply=max_consecutive_auto_reply,
            human_input_mode=human_input_mode,
            system_message=system_message,
            **kwargs,
        )
        _check(groupchat, self)
        self._groupchat = groupchat
        self._silent = silent
        groupchat._kept.name = f"{self.name}.groupchat"
        # 0.2 registers its own two methods, whatever a subclass has of these names.
        for function, ignored in ((GroupChatManager.run_chat, False), (GroupChatManager.a_run_chat, True)):
            self.register_reply(
                Agent, function, config=groupchat, reset_config=GroupChat.reset, ignore_async_in_sync_chat=ignored
            )

    @property
    def groupchat(self) -> GroupChat:
        """The group."""
        group: GroupChat = self._groupchat
        return group

    @property
    def last_speaker(self) -> ConversableAgent:
        """Who spoke last, also while the next one is chosen or speaks; None before anybody did."""
        return cast("ConversableAgent", self.groupchat._kept.speaker)

    def _members(self) -> Sequence[ConversableAgent]:
        return self.groupchat.agents

    def _summed_up(self, partner: Any) -> list[dict[str, Any]]:
        return self.groupchat.messages

    @builtin("group")
    def run_chat(self, messages: Messages | None = None, sender: Any = None, config: GroupChat | None = None) -> Answer:
        """Let the group talk about the last message; a step of the manager's reply chain. `(True, None)` at the end."""
        return blocking(lambda run: step_of(run, "group", self, messages, sender, config))

    @builtin("group")
    async def a_run_chat(
        self, messages: Messages | None = None, sender: Any = None, config: GroupChat | None = None
    ) -> Answer:
        """`run_chat` on an event loop."""
        return await concurrent(lambda run: step_of(run, "group", self, messages, sender, config))

    def resume(
        self,
        messages: list[dict[str, Any]] | str,
        remove_termination_string: str | Callable[[str], str] | None = None,
        silent: bool | None = False,
    ) -> tuple[ConversableAgent, dict[str, Any]]:
        """Tell the members what was said before; (who is to go on, what it is to say).

        messages: message dicts with names, or their JSON text (`messages_to_string`).
        remove_termination_string: taken out of the last message, so that it does not end the chat; or a function.
        Go on with `agent.initiate_chat(manager, message=message, clear_history=False)`. Raises ConfigError.
        """
        known = self._read(messages)
        return blocking(lambda run: resume_group(run, self, known, remove_termination_string, silent))

    async def a_resume(
        self,
        messages: list[dict[str, Any]] | str,
        remove_termination_string: str | Callable[[str], str] | None = None,
        silent: bool | None = False,
    ) -> tuple[ConversableAgent, dict[str, Any]]:
        """`resume` on an event loop."""
        known = self._read(messages)
        return await concurrent(lambda run: resume_group(run, self, known, remove_termination_string, silent))

    def _read(self, messages: list[dict[str, Any]] | str) -> list[dict[str, Any]]:
        _check(self.groupchat, self)
        return self.messages_from_string(messages) if isinstance(messages, str) else messages

    def messages_from_string(self, message_string: str) -> list[dict[str, Any]]:
        """Messages that `messages_to_string` wrote. Raises ConfigError."""
        import json

        try:
            return cast("list[dict[str, Any]]", json.loads(message_string))
        except ValueError as error:
            raise ConfigError(f"Messages string is not a valid JSON string: {error}") from error

    def messages_to_string(self, messages: list[dict[str, Any]]) -> str:
        """Messages as JSON text."""
        import json

        return json.dumps(messages)

    def clear_agents_history(self, reply: dict[str, Any], groupchat: GroupChat) -> str:
        """Do what `clear history [agent] [number]` in a reply asks for; the reply's text without it."""
        from autogen.observability.io_stream import IOStream

        content = str(reply.get("content") or "")
        asked = clearing(content, groupchat.agent_names)
        if asked is None:
            return content
        IOStream.get_default().print(clear(groupchat, asked))
        return asked.rest


def _check(group: GroupChat, manager: ConversableAgent) -> None:
    """Raise ConfigError or AgentNameConflict for a group that this manager could not let talk."""
    if len(group.agents) == 1 and group.max_round > 1 and not callable(group.speaker_selection_method):
        raise ConfigError(
            f"GroupChat is underpopulated with 1 agents. Please add more agents to the GroupChat than "
            f"{group.agents[0].name!r}, or use direct communication instead."
        )
    check_names([*group.agents, manager])
