"""Wrong arguments of chats, and callbacks that cannot be called or return what nobody can use.

One error each, before anything is said where that is possible; it names the agent, the callback and the way out.
"""

import asyncio
import io
import sys
from typing import Any

import pytest

import autogen
from autogen.conversation.callbacks import CallbackMisfit
from autogen.core.exceptions import InvalidCarryOverType
from tests.failures.agents import contents, person, refused, scripted, survives_pickling, texts


def chat(user: Any = None, model: Any = None, **options: Any) -> Any:
    return (user or person()).initiate_chat(
        model or scripted("a", "b"), **{"message": "hi", "max_turns": 2, "silent": True, **options}
    )


ARGUMENTS: list[tuple[dict[str, Any], str]] = [
    ({"max_turns": -1}, "max_turns must be a number of 0 or more, or None for no limit, got -1"),
    ({"max_turns": "3"}, "max_turns must be a number of 0 or more, or None for no limit, got '3'"),
    ({"max_turns": 1.5}, "max_turns must be a number of 0 or more, or None for no limit, got 1.5"),
    ({"summary_method": "last_message"}, "[`reflection_with_llm`, `last_msg`] or a callable, got 'last_message'"),
    ({"summary_method": 5}, "[`reflection_with_llm`, `last_msg`] or a callable, got 5"),
    ({"summary_args": "short"}, "summary_args must be a dict, got str: 'short'"),
    (
        {"summary_method": "reflection_with_llm", "summary_args": {"summary_prompt": 5}},
        "The summary_prompt must be a string.",
    ),
    ({"budget": {"usd": 1}}, "budget must be an autogen.Budget, such as Budget(usd=1.5), got dict: {'usd': 1}"),
    ({"cache": 41}, "cache must be a Cache, such as Cache.disk(cache_seed=42), got int: 41"),
    ({"messagge": "hi"}, "initiate_chat has no argument 'messagge'; did you mean 'message'?"),
    ({"max_turn": 3}, "initiate_chat has no argument 'max_turn'; did you mean 'max_turns'?"),
    ({"carry_over": "x"}, "initiate_chat has no argument 'carry_over'; did you mean 'carryover'?"),
    ({"message": 5}, "a message's content must be text, a list of parts or None, got int: 5"),
    ({"message": b"hi"}, "a message's content must be text, a list of parts or None, got bytes: b'hi'"),
    ({"message": {}}, "Either content or function_call must be provided"),
    ({"message": {"content": 5}}, "a message's content must be text, a list of parts or None, got int: 5"),
    ({"message": {"content": [5]}}, "a message's content holds int; a list holds text and dicts with a 'type'"),
    ({"message": {"tool_calls": 5}}, "a message's tool_calls must be a list of"),
    ({"message": {"tool_calls": [5]}}, "a message's tool_calls must be a list of"),
    ({"message": {"content": "x", "tool_responses": "y"}}, "a message's tool_responses must be a list of"),
    ({"message": {"function_call": "add"}}, """call must be {"name": ..., "arguments": "<JSON text>"}, got 'add'"""),
]


@pytest.mark.parametrize(("options", "phrase"), ARGUMENTS)
def test_a_wrong_argument_of_a_chat_is_refused_before_any_model_is_asked(options: dict[str, Any], phrase: str) -> None:
    model = scripted()
    error = refused(lambda: chat(model=model, **options), phrase)
    run: Any = getattr(error, "run", None)
    assert run is None or len(run.transcript) <= 1

    async def concurrently() -> None:
        await person().a_initiate_chat(model, **{"message": "hi", "max_turns": 2, "silent": True, **options})

    refused(lambda: asyncio.run(concurrently()), phrase)


def test_a_callable_message_may_read_arguments_of_any_name() -> None:
    def ask(sender: Any, recipient: Any, context: dict[str, Any]) -> str:
        return f"{context['messagge']}!"

    assert contents(chat(message=ask, messagge="hello", max_turns=1).chat_history) == ["hello!", "a"]


def test_no_turns_at_all_say_nothing() -> None:
    result = chat(max_turns=0)
    assert (result.chat_history, result.stop_reason) == ([], autogen.StopReason.MAX_TURNS)


@pytest.mark.parametrize("wrong", [5, {"a": 1}])
def test_a_carryover_of_another_type_is_refused_as_in_0_2(wrong: Any) -> None:
    with pytest.raises(InvalidCarryOverType, match="Carryover should be a string or a list of strings") as caught:
        chat(carryover=wrong)
    assert type(wrong).__name__ in str(caught.value)
    survives_pickling(caught.value)


NO_AGENTS = [None, "bot", 5, print, {}]


@pytest.mark.parametrize("wrong", NO_AGENTS)
def test_what_is_no_agent_is_no_recipient(wrong: Any) -> None:
    kind = type(wrong).__name__
    refused(lambda: chat(model=wrong) if wrong else person().initiate_chat(wrong, message="hi"), "initiate_chat", kind)
    refused(lambda: person().send("hi", wrong), "send: the recipient must be an agent such as ConversableAgent", kind)


def test_a_class_is_no_recipient() -> None:
    refused(lambda: chat(model=autogen.AssistantAgent), "the recipient is the class AssistantAgent; give an agent")
    refused(lambda: person().send("hi", autogen.AssistantAgent), "the recipient is the class AssistantAgent")  # type: ignore[arg-type]


def test_two_agents_of_one_name_cannot_chat() -> None:
    error = refused(lambda: chat(person("anna"), scripted(name="anna")), "both agents of this chat are called 'anna'")
    assert "give one of them another name" in str(error)


def test_without_a_message_at_the_end_of_input_the_error_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(EOFError) as caught:
        person().initiate_chat(scripted("a"), max_turns=1, silent=True)
    assert str(caught.value) == (
        "agent 'user' asked for human input, but the input is at its end; run it in a terminal, pipe the answers in, "
        "or set human_input_mode='NEVER'"
    )
    survives_pickling(caught.value)


# ---- callbacks with a wrong signature -------------------------------------------------------------------------------


def nothing() -> Any:
    return True


def two(first: Any, second: Any) -> Any:
    return True


def other_names(agent: Any, msgs: Any, who: Any, settings: Any) -> Any:
    return True, "x"


def register(kind: str, function: Any) -> Any:
    agent = scripted("a", "b")
    if kind == "reply function":
        agent.register_reply([autogen.Agent, None], function)
    else:
        agent.register_hook(kind, function)
    return agent


MISFITS: list[tuple[str, Any, str, str]] = [
    ("is_termination_msg", nothing, "(message)", "it takes no arguments"),
    ("is_termination_msg", two, "(message)", "it also needs 'second'"),
    ("reply function", nothing, "(recipient, messages=, sender=, config=)", "it takes no arguments"),
    ("reply function", other_names, "(recipient, messages=, sender=, config=)", "it has no parameter 'messages'"),
    ("process_last_received_message", nothing, "(content)", "it takes no arguments"),
    ("process_all_messages_before_reply", two, "(messages)", "it also needs 'second'"),
    (
        "process_message_before_send",
        two,
        "(sender=, message=, recipient=, silent=)",
        "it has no parameter 'sender'",
    ),
    ("message", nothing, "(sender, recipient, context)", "it takes no arguments"),
    ("summary_method", two, "(sender, recipient, summary_args)", "it takes 2 arguments"),
]


@pytest.mark.parametrize(("role", "function", "called", "why"), MISFITS)
def test_a_callback_that_cannot_be_called_is_refused_before_the_chat(
    role: str, function: Any, called: str, why: str
) -> None:
    def use() -> Any:
        if role == "is_termination_msg":
            return scripted("a", is_termination_msg=function)
        if role in ("message", "summary_method"):
            return chat(person("bot"), scripted(name="other"), **{role: function})
        return register(role, function)

    error = refused(use)
    assert isinstance(error, TypeError)
    assert str(error) == (
        f"agent 'bot': its {role} {function.__name__!r} is called with {called}, but {why}; change its parameters"
    )
    run: Any = getattr(error, "run", None)
    assert run is None or texts(run) == []


@pytest.mark.parametrize("kind", ["reply function", "process_last_received_message", "process_message_before_send"])
def test_what_cannot_be_called_is_no_callback(kind: str) -> None:
    refused(lambda: register(kind, 5), f"agent 'bot': its {kind} must be callable, got int: 5")


OVERRIDES: list[tuple[str, Any, str]] = [
    (
        "get_human_input",
        lambda self: "x",
        "get_human_input '<lambda>' is called with (prompt), but it takes no arguments",
    ),
    (
        "generate_reply",
        lambda self: "x",
        "generate_reply '<lambda>' is called with (messages=, sender=), but it has no",
    ),
    ("send", lambda self, message: None, "send '<lambda>' is called with (message, recipient, request_reply, silent)"),
    (
        "receive",
        lambda self, message: None,
        "receive '<lambda>' is called with (message, sender, request_reply, silent)",
    ),
]


@pytest.mark.parametrize(("method", "own", "phrase"), OVERRIDES)
def test_an_overridden_method_of_other_parameters_is_told_by_its_name(method: str, own: Any, phrase: str) -> None:
    kind = type("Own", (autogen.UserProxyAgent,), {method: own})
    user = kind("anna", human_input_mode="ALWAYS", code_execution_config=False)
    with pytest.raises(CallbackMisfit) as caught:
        chat(user)
    assert str(caught.value).startswith(f"agent 'anna': its {phrase}")
    survives_pickling(caught.value)


def test_a_type_error_inside_a_callback_stays_as_it_is() -> None:
    def broken(recipient: Any, messages: Any, sender: Any, config: Any) -> Any:
        return True, 1 + "x"  # type: ignore[operator]

    with pytest.raises(TypeError, match="unsupported operand") as caught:
        chat(model=register("reply function", broken))
    assert type(caught.value) is TypeError
    assert texts(caught.value.run) == ["hi"]  # type: ignore[attr-defined]
    survives_pickling(caught.value)


@pytest.mark.parametrize(
    "fitting",
    [
        lambda recipient, messages, sender, config: (False, None),
        lambda *args, **kwargs: (False, None),
        lambda agent, messages=None, sender=None, config=None, extra=1: (False, None),
        lambda agent, **rest: (False, None),
    ],
)
def test_every_form_that_python_can_call_is_taken(fitting: Any) -> None:
    assert contents(chat(model=register("reply function", fitting), max_turns=1).chat_history) == ["hi", "a"]


# ---- callbacks that return what nobody can use ----------------------------------------------------------------------

RETURNS: list[tuple[str, Any, str]] = [
    ("reply function", "x", "returned str; it must return (final, reply): (True, reply) to answer"),
    ("reply function", None, "returned NoneType; it must return (final, reply)"),
    (
        "reply function",
        (True, 5),
        "returned the reply 5, which is int; a reply is text, a message dict, or None to end",
    ),
    ("process_last_received_message", None, "a process_last_received_message hook returns the content"),
    ("process_last_received_message", 5, "a process_last_received_message hook returns the content"),
    (
        "process_all_messages_before_reply",
        None,
        "a process_all_messages_before_reply hook returns the list of messages",
    ),
    ("process_message_before_send", None, "it must return the message, text or a dict"),
    ("process_message_before_send", 5, "it must return the message, text or a dict"),
]


@pytest.mark.parametrize(("role", "returned", "phrase"), RETURNS)
def test_what_a_callback_returns_wrongly_is_told_with_its_name(role: str, returned: Any, phrase: str) -> None:
    def forgetful(*args: Any, **kwargs: Any) -> Any:
        return returned

    error = refused(lambda: chat(model=register(role, forgetful)), phrase, "forgetful", "'bot'")
    assert texts(error.run)[:1] == ["hi"]  # type: ignore[attr-defined]


def test_a_callable_message_of_another_type_is_told_with_its_name() -> None:
    def number(sender: Any, recipient: Any, context: Any) -> Any:
        return 5

    refused(lambda: chat(message=number), "agent 'user': its message", "number' returned int; it must return text")


def test_an_unknown_hook_is_told_with_the_known_ones() -> None:
    with pytest.raises(AssertionError, match="process_everything is not a hookable method. The hookable methods are: "):
        scripted("a").register_hook("process_everything", print)


@pytest.mark.parametrize("trigger", [5, [5], [autogen.Agent, 5]])
def test_a_trigger_of_another_kind_is_refused_when_it_is_registered(trigger: Any) -> None:
    agent = scripted("a")
    before = len(agent._reply_func_list)
    refused(
        lambda: agent.register_reply(trigger, lambda *a, **k: (False, None), remove_other_reply_funcs=True),
        "trigger must be a class, a string, an agent, a callable or a list. Agent 'bot' got",
    )
    assert len(agent._reply_func_list) == before
