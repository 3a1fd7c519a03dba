"""A group goes on from messages of before: 0.2's `resume`, both of its faces.

Decides what members are told again and what the caller is to say. Refuses to know where messages were kept.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from autogen.conversation.chat import prepare
from autogen.conversation.group_view import Group, Manager
from autogen.conversation.human import is_terminal
from autogen.conversation.run import Run
from autogen.core.effects import Emit
from autogen.core.errors import ConfigError, InvalidMessage
from autogen.core.events import Line, Notice
from autogen.core.transcript import received, restored_origin, sent
from autogen.core.wire import ROLES


async def resume_group(
    run: Run,
    manager: Manager,
    messages: list[dict[str, Any]],
    remove: str | Callable[[str], str] | None,
    silent: bool | None,
) -> tuple[Any, dict[str, Any]]:
    """Tell the members all but the last message; (who said the last one, that message).

    remove: text that is taken out of the last message, or a function of it. Raises ConfigError.
    """
    group = manager._groupchat
    checked = [_named(message, manager) for message in _checked(messages)]
    speakers = [_speaker(group, manager, message["name"]) for message in checked]
    for agent in group.agents:
        prepare(agent, manager, True, True)
        manager._state.touch(agent, cleared=True)
        manager._state.histories[agent] = []
    group.reset()
    for message, speaker in zip(checked[:-1], speakers[:-1], strict=True):
        _tell_again(group, manager, message, speaker)
    last, speaker = checked[-1], speakers[-1]
    if remove is not None:
        last = {**last, "content": _without(last.get("content"), remove)}
    if not silent:
        text = f"Prepared group chat with {len(checked)} messages, the last speaker is"
        await Emit(Line(text, name=speaker.name))
    if await is_terminal(manager, last):
        await Emit(
            Notice("the last message ends the chat; give remove_termination_string, so that it goes on", "resume")
        )
    return speaker, last


def _checked(messages: Any) -> list[Mapping[str, Any]]:
    if not isinstance(messages, (list, tuple)) or not all(
        isinstance(one, Mapping) for one in cast("list[object]", messages)
    ):
        raise ConfigError("Messages is not of type str or List[Dict]")
    known = cast("list[Mapping[str, Any]]", messages)
    if not known:
        raise ConfigError(
            "Cannot resume group chat as no messages were provided. Use GroupChatManager.run_chat or "
            "ConversableAgent.initiate_chat to start a new chat."
        )
    for message in known:
        if message.get("role", "user") not in ROLES:
            raise InvalidMessage(f"a message has the role {message['role']!r}; it must be one of {sorted(ROLES)}")
    return list(known)


def _named(message: Mapping[str, Any], manager: Manager) -> dict[str, Any]:
    return {**message, "name": message.get("name") or manager.name}


def _speaker(group: Group, manager: Manager, name: str) -> Any:
    if name == manager.name:
        return manager
    agent = group.agent_by_name(name)
    if agent is None:
        raise ConfigError(
            f"Agent name in message doesn't exist as agent in group chat: {name}; members are "
            f"{', '.join(group.agent_names)}"
        )
    return agent


def _tell_again(group: Group, manager: Manager, message: dict[str, Any], speaker: Any) -> None:
    own = sent(message, speaker.name, restored_origin(message))
    if own is None:
        raise InvalidMessage(f"a message of {speaker.name!r} holds neither content nor calls: {message!r:.80}")
    shared, mine = received(own), manager._state
    for agent in group.agents:
        state = agent._state
        state.touch(manager)
        mine.touch(agent)
        state.histories[manager].append(shared)
        mine.histories[agent].append(own)
    group.append(shared.copy(), speaker)


def _without(content: Any, remove: str | Callable[[str], str]) -> Any:
    if not isinstance(content, str):
        return content
    return remove(content) if callable(remove) else content.replace(remove, "")
