"""The reply chain: who answers a message, in which order.

An agent's `_reply_func_list` is the truth, in 0.2's form; the built-in functions in it stand for the pure steps of
this package, everything else in it is called as the program's own. Refuses to know what the steps do.
"""

from collections.abc import Callable, Collection, Coroutine, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from autogen.conversation import human, model_turn
from autogen.conversation.callbacks import invoke, of_kind
from autogen.conversation.party import Messages, Party, ReplyEntry, hooks_of, own_method
from autogen.conversation.run import Run, origin_passed_on
from autogen.conversation.sending import Said, origin_of
from autogen.core.callables import is_async, qualified_name
from autogen.core.errors import ConfigAssertion, ConfigError, EngineError, InvalidContent
from autogen.core.wire import MessageDict

if TYPE_CHECKING:
    from autogen.conversation.nested import NestedChats

HOOKS = ("process_last_received_message", "process_all_messages_before_reply")
_ANSWERED_BY = {"function": "function_call", "tools": "tool_calls"}
"""Steps that have something to do only where the last message holds this."""


def reply_to(run: Run, agent: Party, sender: Party, messages: Messages | None = None) -> Coroutine[Any, Any, Any]:
    """The agent's reply to what `sender` sent last; None ends the chat. An overridden `generate_reply` comes first."""
    own = own_method(agent, "generate_reply", run.is_async)
    history: Messages = agent._state.histories[sender] if messages is None else messages
    if own is None:
        return generate_reply(run, agent, history, sender)
    return _own_reply(run, agent, own, history, sender)


async def _own_reply(run: Run, agent: Party, own: Callable[..., Any], history: Messages, sender: Party) -> Any:
    given = {"messages": history, "sender": sender}
    with run.passing_on() as told:
        answer = await invoke(agent.name, "override", "generate_reply", own, (), given)
    if answer is None or isinstance(answer, Said):
        return answer
    return Said(answer, origin_of(answer, origin_passed_on(told, answer)))


async def generate_reply(
    run: Run, agent: Party, messages: Messages, sender: Party | None, exclude: Collection[Callable[..., Any]] = ()
) -> Any:
    """Hooks, then the first step of the chain with a final answer, else the default auto reply."""
    if agent._own_hooks() is not None:
        messages = await _hooked(run, agent, messages)
    chain = agent._standard_chain()
    if chain is not None and not exclude:
        # The same steps, without asking each entry whom it answers.
        for step in chain.steps if matches(chain.trigger, sender) else ():
            key = _ANSWERED_BY.get(step)
            if key is None or (messages and messages[-1].get(key)):
                final, answer = await take_step(step, run, agent, messages, sender)
                if final:
                    return answer
        return agent._default_auto_reply
    return await _chain_reply(run, agent, messages, sender, exclude)


async def _chain_reply(
    run: Run, agent: Party, messages: Messages, sender: Party | None, exclude: Collection[Callable[..., Any]]
) -> Any:
    """The reply by `_reply_func_list`, entry by entry."""
    done: set[str] = set()
    for entry in list(agent._reply_func_list):
        function = entry["reply_func"]
        if function in exclude:
            continue
        step: str | None = getattr(function, "__autogen_step__", None)
        if step in done:
            continue
        known = matches(entry["trigger"], sender)
        if known is False or (known is not True and not await triggered(agent, entry["trigger"], sender)):
            continue
        nested: NestedChats | None = getattr(function, "__autogen_nested__", None)
        if nested is not None:
            if nested.is_async and not run.is_async:
                continue  # as above
            from autogen.conversation.nested import nested_reply

            final, answer = await nested_reply(run, agent, nested, messages, sender, entry["config"])
        elif step is None:
            if is_async(function) and not run.is_async:
                continue  # `initiate_chat` has refused it unless it is to be left out
            final, answer = await _invoke(run, agent, entry, messages, sender)
        elif function.__autogen_async__ and not run.is_async:  # type: ignore[attr-defined]  # marked by `builtin`
            continue
        else:
            done.add(step)
            final, answer = await take_step(step, run, agent, messages, sender, entry["config"])
        if final:
            return answer
    return agent._default_auto_reply


def take_step(
    step: str, run: Run, agent: Party, messages: Messages, sender: Party | None, config: Any = None
) -> Coroutine[Any, Any, tuple[bool, Any]]:
    """One built-in step by its name."""
    match step:
        case "human":
            return human.termination_or_human(run, agent, messages, sender)
        case "function":
            if not messages or not messages[-1].get(_ANSWERED_BY[step]):
                return _nothing()
            from autogen.conversation.tool_turn import function_call

            return function_call(run, agent, messages)
        case "tools":
            if not messages or not messages[-1].get(_ANSWERED_BY[step]):
                return _nothing()
            from autogen.conversation.tool_turn import tool_calls

            return tool_calls(run, agent, messages)
        case "code" | "executor":
            from autogen.conversation.code_turn import run_blocks

            return run_blocks(run, agent, messages, legacy=step == "code")
        case "group":
            from autogen.conversation.group import run_group

            return run_group(run, cast("Any", agent), messages, sender, config)
        case "model":
            return model_turn.model_reply(run, agent, messages, agent.client if config is None else config)
        case _:
            raise EngineError(f"there is no built-in reply step {step!r}")


async def _nothing() -> tuple[bool, Any]:
    return False, None


async def _invoke(
    run: Run, agent: Party, entry: ReplyEntry, messages: Messages, sender: Party | None
) -> tuple[bool, Any]:
    function = entry["reply_func"]
    arguments = {"messages": messages, "sender": sender, "config": entry["config"]}
    name = qualified_name(function)
    with run.passing_on() as told:
        answer = await invoke(agent.name, "reply_function", "reply function", function, (agent,), arguments, name)
    if not of_kind(answer, tuple) or len(answer) != 2:
        raise ConfigError(
            f"the reply function {name!r} of agent {agent.name!r} returned {type(answer).__name__}; "
            "it must return (final, reply): (True, reply) to answer, (False, None) to leave it to the next"
        )
    final, reply = answer
    if final and not (reply is None or of_kind(reply, str, Mapping)):
        raise InvalidContent(
            f"the reply function {name!r} of agent {agent.name!r} returned the reply {reply!r:.80}, which is "
            f"{type(reply).__name__}; a reply is text, a message dict, or None to end the chat"
        )
    if final and reply is not None and getattr(reply, "origin", None) is None:
        reply = Said(reply, origin_passed_on(told, reply)) if of_kind(reply, str, dict) else reply
    return bool(final), reply


async def _hooked(run: Run, agent: Party, messages: Messages) -> Messages:
    """The messages after the agent's hooks: the last message's first, then all messages', as 0.2's sync chats do."""
    hooked: Messages = await hook_all(run, agent, await hook_last(run, agent, messages))
    return hooked


async def hook_all(run: Run, agent: Party, messages: Messages) -> Any:
    """The messages after the hooks that see all of them."""
    hooked: Any = messages
    for hook in hooks_of(agent, HOOKS[1], run.is_async):
        hooked = await invoke(agent.name, "hook", HOOKS[1], hook, (hooked,))
        if not of_kind(hooked, list):
            raise ConfigError(
                f"the hook {qualified_name(hook)!r} of agent {agent.name!r} returned {type(hooked).__name__}, "
                "a process_all_messages_before_reply hook returns the list of messages"
            )
    return hooked


async def hook_last(run: Run, agent: Party, messages: Messages) -> Any:
    """The messages with the last one's content after the hooks that see only that; as in 0.2, it stays changed."""
    hooks = hooks_of(agent, HOOKS[0], run.is_async)
    if not hooks or not messages:
        return messages
    last = messages[-1]
    content: Any = last.get("content")
    if "function_call" in last or "context" in last or content is None or content == human.EXIT:
        return messages
    changed = content
    for hook in hooks:
        changed = await invoke(agent.name, "hook", HOOKS[0], hook, (changed,))
        if not of_kind(changed, str, list):
            raise InvalidContent(
                f"the hook {qualified_name(hook)!r} of agent {agent.name!r} returned {type(changed).__name__}, "
                "a process_last_received_message hook returns the content, text or a list of parts"
            )
    if changed == content:
        return messages
    if isinstance(last, MessageDict) and isinstance(messages, list):
        own = last.copy()  # the message may stand in the histories of others, too
        own["content"] = changed
        messages[-1] = own
        return cast("Messages", messages)
    return [*messages[:-1], {**last, "content": changed}]


async def triggered(agent: Party, trigger: Any, sender: Party | None) -> bool:
    """Does `trigger` (0.2's kinds: None, name, class, agent, callable, list of these) match the sender?"""
    known = matches(trigger, sender)
    if isinstance(known, bool):
        return known
    for asked in known:
        answer = await invoke(agent.name, "predicate", "trigger", asked, (sender,))
        if answer not in (True, False):
            raise ConfigAssertion(f"trigger {qualified_name(asked)!r} must return a boolean value, got {answer!r}")
        if answer:
            return True
    return False


def matches(trigger: Any, sender: Party | None) -> bool | list[Callable[..., Any]]:
    """Whether `trigger` matches, or the callables that have to be asked."""
    if trigger is None:
        return sender is None
    if isinstance(trigger, type):
        return sender is not None and is_kind(type(sender), trigger)
    if isinstance(trigger, list):
        asked: list[Callable[..., Any]] = []
        for one in cast("list[Any]", trigger):
            known = matches(one, sender)
            if known is True:
                return True
            if known:
                asked += known
        return asked or False
    if isinstance(trigger, str):
        if sender is None:
            from autogen.core.exceptions import SenderRequired

            raise SenderRequired
        return trigger == sender.name
    if hasattr(trigger, "generate_reply"):
        return bool(trigger == sender)
    if callable(trigger):
        return [trigger]
    raise ConfigError(f"trigger {trigger!r} is not a class, an agent, a name, a callable, None or a list of these")


@cache
def is_kind(kind: type, trigger: type) -> bool:
    """Is an agent of class `kind` a `trigger`? Remembered: 0.2's `Agent` is a protocol, and slow to ask."""
    try:
        return issubclass(kind, trigger)
    except TypeError:  # a protocol with properties is matched by its members' names
        return all(
            hasattr(kind, member) for member in getattr(trigger, "__protocol_attrs__", None) or _members(trigger)
        )


def _members(protocol: type) -> set[str]:
    return {name for base in protocol.__mro__[:-1] for name in vars(base) if not name.startswith("_")}
