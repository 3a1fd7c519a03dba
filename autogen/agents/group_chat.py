"""GroupChat: who is in a group, who may speak after whom, and how the next speaker is chosen. 0.2's fields and methods.

Decides what a group is made of and refuses bad makings at once. How it talks is `conversation/group.py`; its messages
belong to the run, never to this object. The texts addressed to models are ours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast

from autogen.agents.conversable import ConversableAgent
from autogen.agents.faces import blocking, concurrent
from autogen.agents.graph_utils import check_graph_validity, invert_disallowed_to_allowed
from autogen.agents.group_checks import check_group, check_transitions, tell_of_sinks
from autogen.agents.group_state import GroupState
from autogen.conversation import group_selection
from autogen.conversation.naming import mentions
from autogen.conversation.run import Run
from autogen.core.errors import ConfigError
from autogen.core.exceptions import AgentNameConflict, UndefinedNextAgent
from autogen.core.transcript import restored_origin
from autogen.core.wire import MessageDict, filled, text_of

Table = dict[Any, list[Any]]


@dataclass
class GroupChat:
    """A group of agents that share one conversation. A `GroupChatManager` gives them the floor.

    messages: the conversation so far, at first usually []; a view of the run in progress, or of the last one.
    max_round: messages at most, the first included.
    admin_name: the member that gets the floor on Ctrl-C.
    func_call_filter: after a tool call, only members speak that can execute it.
    speaker_selection_method: "auto" (the manager's model), "manual" (a person), "random", "round_robin", or
        `callable(last_speaker, groupchat)` that gives a member, one of these words, or None to end the chat.
    max_retries_for_selecting_speaker: how often a model that named nobody, or several, is asked again.
    allow_repeat_speaker: may one speak twice in a row? A list: only these. None: all, or as the transitions say.
    allowed_or_disallowed_speaker_transitions: member -> members that may, or may not, speak next; it binds every
        method but the callable, and tool calls, too. speaker_transitions_type: "allowed" or "disallowed".
    enable_clear_history: a person may say `clear history [agent] [number of messages that stay]`.
    send_introductions: each member is told first who is here.
    select_speaker_...: templates with {roles} and {agentlist}, and which model is asked how.
    Raises ConfigError (a ValueError), AgentNameConflict.
    """

    agents: list[Any]
    messages: list[dict[str, Any]]
    max_round: int = 10
    admin_name: str = "Admin"
    func_call_filter: bool = True
    speaker_selection_method: Literal["auto", "manual", "random", "round_robin"] | Callable[..., Any] = "auto"
    max_retries_for_selecting_speaker: int = 2
    allow_repeat_speaker: bool | list[Any] | None = None
    allowed_or_disallowed_speaker_transitions: Table | None = None
    speaker_transitions_type: Literal["allowed", "disallowed", None] = None
    enable_clear_history: bool = False
    send_introductions: bool = False
    select_speaker_message_template: str = (
        "You lead a conversation of several participants. They are:\n"
        "{roles}.\n"
        "Read what they have said, then decide which of {agentlist} speaks next. Answer with that name only."
    )
    select_speaker_prompt_template: str | None = (
        "Who of {agentlist} speaks next? Answer with one name from this list and nothing else."
    )
    select_speaker_auto_multiple_template: str = (
        "Your answer holds more than one name. Decide for one: whoever has the next step to do. If you meant to speak "
        "for a participant, name that one; if you gave an order, name the first of it. The names are {agentlist}. "
        "Answer with exactly one of them, written as it stands here, and nothing else."
    )
    select_speaker_auto_none_template: str = (
        "Your answer holds none of the names. Name the participant who has the next step to do, even if you would "
        "rather answer yourself. The names are {agentlist}. Answer with exactly one of them, written as it stands "
        "here, and nothing else."
    )
    select_speaker_transform_messages: Any = None
    select_speaker_auto_verbose: bool | None = False
    select_speaker_auto_model_client_cls: Any = None
    select_speaker_auto_llm_config: dict[str, Any] | Literal[False] | None = None
    role_for_select_speaker_messages: str | None = "system"

    allowed_speaker_transitions_dict: Table = field(init=False)

    DEFAULT_INTRO_MSG: ClassVar[str] = (
        "Welcome. These are the participants of this conversation; each of them helps with what it is good at:"
    )
    _VALID_SPEAKER_SELECTION_METHODS: ClassVar[list[str]] = list(group_selection.METHODS)
    _VALID_SPEAKER_TRANSITIONS_TYPE: ClassVar[list[str | None]] = ["allowed", "disallowed", None]

    def __post_init__(self) -> None:
        check_group(self)
        check_transitions(self)
        given = self.allowed_or_disallowed_speaker_transitions
        if given is None:
            self.allowed_speaker_transitions_dict = self._all_transitions()
            return
        allowed = given
        if str(self.speaker_transitions_type).lower() == "disallowed":
            allowed = invert_disallowed_to_allowed(given, self.agents)
        self.allowed_speaker_transitions_dict = allowed
        check_graph_validity(allowed, self.agents)
        tell_of_sinks(self)

    def _all_transitions(self) -> Table:
        repeats: Any = self.allow_repeat_speaker
        again = {id(one) for one in self.agents} if repeats is None or repeats is True else set[int]()
        if isinstance(repeats, (list, tuple)):
            again = {id(one) for one in cast("list[Any]", repeats)}
        return {
            agent: [*(one for one in self.agents if one is not agent), *([agent] if id(agent) in again else [])]
            for agent in self.agents
        }

    @property
    def agent_names(self) -> list[str]:
        """The members' names, in their order."""
        return [agent.name for agent in self.agents]

    def reset(self) -> None:
        """Forget the messages."""
        self.messages.clear()

    def append(self, message: dict[str, Any], speaker: ConversableAgent) -> None:
        """Add a message, with its speaker's name and its content as text (pictures read `<image>`)."""
        if message.get("role") != "function" and message.get("name") != speaker.name:
            message["name"] = speaker.name
        content: Any = message.get("content")
        if callable(content):  # a template: all members are to hear the same
            content = filled(content, message.get("context"), False)
        if message.get("content") is not content or not isinstance(content, str):
            message["content"] = text_of(content)
        self.messages.append(message)

    def agent_by_name(
        self, name: str, recursive: bool = False, raise_on_name_conflict: bool = False
    ) -> ConversableAgent | None:
        """The member of that name, or None. recursive: members of nested groups, too.

        raise_on_name_conflict: raise AgentNameConflict when several are called so, else the first one is given.
        """
        agents = self.nested_agents() if recursive else self.agents
        found = [agent for agent in agents if agent.name == name]
        if raise_on_name_conflict and len(found) > 1:
            raise AgentNameConflict
        return found[0] if found else None

    def nested_agents(self) -> list[Any]:
        """The members, and after them those of nested groups."""
        found: list[Any] = []
        groups: list[GroupChat] = [self]
        for group in groups:
            for agent in group.agents:
                if any(agent is one for one in found):
                    continue
                found.append(agent)
                inner = getattr(agent, "_groupchat", None)
                if isinstance(inner, GroupChat) and not any(inner is one for one in groups):
                    groups.append(inner)
        return found

    def next_agent(self, agent: ConversableAgent, agents: list[Any] | None = None) -> ConversableAgent:
        """The member after `agent`, in their order, that is one of `agents` (all members without it).

        Raises UndefinedNextAgent when none of `agents` is a member.
        """
        wanted = {id(one) for one in agents or self.agents}
        start = next((number for number, one in enumerate(self.agents) if one is agent), -1)
        for one in (*self.agents[start + 1 :], *self.agents[: start + 1]):
            if id(one) in wanted:
                found: ConversableAgent = one
                return found
        raise UndefinedNextAgent

    def select_speaker_msg(self, agents: list[Any] | None = None) -> str:
        """What the selecting model is told in its system message."""
        return self._filled(self.select_speaker_message_template, self.agents if agents is None else agents)

    def select_speaker_prompt(self, agents: list[Any] | None = None) -> str:
        """What the selecting model is asked after the messages; None where the template is None."""
        template = self.select_speaker_prompt_template
        if template is None:
            return cast("str", template)
        return self._filled(template, self.agents if agents is None else agents)

    def introductions_msg(self, agents: list[Any] | None = None) -> str:
        """What members are told of each other."""
        return f"{self.DEFAULT_INTRO_MSG}\n\n{self._participant_roles(self.agents if agents is None else agents)}"

    def _participant_roles(self, agents: Sequence[Any] | None = None) -> str:
        known = self.agents if agents is None else agents
        return "\n".join(f"{agent.name}: {agent.description}".strip() for agent in known)

    def _filled(self, template: str, agents: Sequence[Any]) -> str:
        names = str([agent.name for agent in agents])
        values = {"roles": self._participant_roles(agents), "agentlist": names}
        if "{roles}" not in template:
            del values["roles"]
        return template.format(roles=values.get("roles", ""), agentlist=names)

    def select_speaker(self, last_speaker: ConversableAgent, selector: ConversableAgent) -> ConversableAgent:
        """The next speaker. selector: the manager, whose model may be asked. Raises NoEligibleSpeaker."""
        return blocking(lambda run: self._chosen(run, last_speaker, selector))

    async def a_select_speaker(self, last_speaker: ConversableAgent, selector: ConversableAgent) -> ConversableAgent:
        """`select_speaker` on an event loop."""
        return await concurrent(lambda run: self._chosen(run, last_speaker, selector))

    async def _chosen(self, run: Run, last: Any, selector: Any) -> ConversableAgent:
        chosen = await group_selection.standard_choice(run, selector, self, last)
        return cast("ConversableAgent", chosen.agent)

    def _auto_select_speaker(
        self,
        last_speaker: ConversableAgent,
        selector: ConversableAgent,
        messages: list[Any] | None,
        agents: list[Any] | None,
    ) -> ConversableAgent:
        """The one of `agents` that the selector's model names after `messages`, else the next in order."""
        return blocking(lambda run: self._by_model(run, last_speaker, selector, messages, agents))

    async def a_auto_select_speaker(
        self,
        last_speaker: ConversableAgent,
        selector: ConversableAgent,
        messages: list[Any] | None,
        agents: list[Any] | None,
    ) -> ConversableAgent:
        """The one of `agents` that the selector's model names after `messages`, else the next in order."""
        return await concurrent(lambda run: self._by_model(run, last_speaker, selector, messages, agents))

    async def _by_model(
        self, run: Run, last: Any, selector: Any, messages: list[Any] | None, agents: list[Any] | None
    ) -> ConversableAgent:
        chosen = await group_selection.by_model(
            run, selector, self, last, self.agents if agents is None else agents, messages or self.messages
        )
        return cast("ConversableAgent", chosen.agent)

    def manual_select_speaker(self, agents: list[Any] | None = None) -> ConversableAgent | None:
        """The one that a person chooses by its number; None when they leave it open."""
        known = self.agents if agents is None else agents
        return cast("ConversableAgent | None", blocking(lambda _: group_selection.by_person(self._kept.name, known)))

    def random_select_speaker(self, agents: list[Any] | None = None) -> ConversableAgent | None:
        """One of `agents` by chance."""
        known = self.agents if agents is None else agents
        return cast("ConversableAgent | None", blocking(lambda _: group_selection.drawn(known)))

    def _mentioned_agents(self, message_content: str | list[Any], agents: list[Any] | None) -> dict[str, int]:
        """How often each agent's name stands in a text."""
        known = self.agents if agents is None else agents
        return mentions(text_of(message_content), [agent.name for agent in known])

    def _own(self, method: str, is_async: bool) -> Callable[..., Any] | None:
        for name in (f"a_{method}", method) if is_async else (method, f"a_{method}"):
            if name in self.__dict__ or getattr(type(self), name) is not getattr(GroupChat, name):
                found: Callable[..., Any] = getattr(self, name)
                return found
        return None

    def _has_floor(self, speaker: Any) -> None:
        self._kept.speaker = speaker

    def _selector(self, manager: Any) -> tuple[Any, Any]:
        """The client that selects speakers, and the agent with the hooks for what it is told."""
        client: Any = manager.client
        own, classes = self.select_speaker_auto_llm_config, self.select_speaker_auto_model_client_cls
        if own is False:
            client = None
        elif own is not None or classes is not None:
            client = self._own_client(own if own is not None else manager.llm_config, classes)
        transforms = self.select_speaker_transform_messages
        return client or None, None if transforms is None else self._hooked(transforms)

    def _own_client(self, config: Any, classes: Any) -> Any:
        known = self.__dict__.get("_client")
        if known is None or known[0] is not config or known[1] is not classes:
            if not config:
                return None
            from autogen.models.llm_config import validate_llm_config
            from autogen.models.openai_wrapper import OpenAIWrapper

            checked = cast("dict[str, Any]", validate_llm_config(config))
            client = OpenAIWrapper(**{key: one for key, one in checked.items() if key not in ("tools", "functions")})
            made: list[Any] = [*classes] if isinstance(classes, (list, tuple)) else [classes]
            for one in made if classes else ():
                client.register_model_client(one)
            known = (config, cast("object", classes), client)
            self.__dict__["_client"] = known
        return known[2]

    def _hooked(self, transforms: Any) -> ConversableAgent:
        known = self.__dict__.get("_stand_in")
        if known is None or known[0] is not transforms:
            agent = ConversableAgent(group_selection.SELECTOR, llm_config=False, human_input_mode="NEVER")
            if hasattr(transforms, "add_to_agent"):
                transforms.add_to_agent(agent)
            elif hasattr(transforms, "apply_transform"):
                agent.register_hook("process_all_messages_before_reply", _applied(transforms))
            else:
                raise ConfigError(
                    "select_speaker_transform_messages must be a TransformMessages, or have apply_transform(messages), "
                    f"got {type(transforms).__name__}"
                )
            known = (transforms, agent)
            self.__dict__["_stand_in"] = known
        return cast("ConversableAgent", known[1])

    @property
    def _kept(self) -> GroupState:
        known: GroupState = self.__dict__["_group_state"]
        return known


def _applied(transforms: Any) -> Callable[[list[Any]], list[Any]]:
    def apply(messages: list[Any]) -> list[Any]:
        changed: list[Any] = transforms.apply_transform(messages)
        return changed

    return apply


def _marked(message: Any) -> Any:
    return MessageDict(message, restored_origin(message)) if type(message) is dict else message  # pyright: ignore[reportUnknownArgumentType]


def _messages(group: GroupChat) -> list[dict[str, Any]]:
    return group._kept.messages()


def _set_messages(group: GroupChat, messages: Any) -> None:
    if "_group_state" in group.__dict__:
        group._kept.replace(messages)
        return
    known: Any = messages
    if isinstance(messages, list):
        known = [_marked(one) for one in cast("list[Any]", messages)]
    group.__dict__["_group_state"] = GroupState("groupchat", known)


# The dataclass has the field as 0.2 showed it; what stands in it belongs to the run.
setattr(GroupChat, "messages", property(_messages, _set_messages))  # noqa: B010
