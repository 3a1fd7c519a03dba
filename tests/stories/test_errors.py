"""Errors leave a chat with the run attached: nothing said is lost, and the agents go on."""

import pickle
from typing import Any

import pytest

from autogen.core.errors import AutogenError, HumanInputClosed, LimitReached
from autogen.models.errors import CallFailed
from autogen.testing import Driven, Script
from tests.stories.cast import a_model, a_user, an_echo, contents


class OwnError(Exception):
    pass


def said(error: BaseException) -> list[Any]:
    run: Any = error.run  # type: ignore[attr-defined]
    return [entry.message["content"] for entry in run.transcript]


def test_an_error_of_a_reply_function_carries_the_whole_transcript(drive: Driven) -> None:
    def reply(text: str) -> str:
        if text.startswith("second"):
            raise OwnError("broken")
        return "first answer"

    user, agent = a_user(default_auto_reply="second"), an_echo("agent", reply)
    with pytest.raises(OwnError) as left:
        drive(user.initiate_chat, agent, message="first")
    run: Any = left.value.run  # type: ignore[attr-defined]
    assert said(left.value) == ["first", "first answer", "second"]
    assert run.status == "failed" and run.stop_reason == "error" and run.stop_detail == "broken"
    assert contents(user.chat_messages[agent]) == contents(agent.chat_messages[user]) == said(left.value)


def test_an_error_of_a_model_carries_the_run_and_its_usage(drive: Driven) -> None:
    script = Script([{"text": "one", "usage": (3, 4)}, {"error": "auth", "message": "who are you?"}])
    with pytest.raises(CallFailed, match="who are you") as left:
        drive(a_user(default_auto_reply="more").initiate_chat, a_model(script), message="go")
    assert said(left.value) == ["go", "one", "more"]
    assert left.value.run.usage["assistant"].total == 7  # type: ignore[attr-defined]


@pytest.mark.parametrize("place", ["hook", "override", "predicate", "message", "summary", "printer", "trigger"])
def test_an_error_of_any_callback_leaves_with_the_run(drive: Driven, place: str) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise OwnError(place)

    user, agent, given = a_user(), an_echo("agent"), dict[str, Any](message="hi", max_turns=1)
    match place:
        case "hook":
            agent.register_hook("process_last_received_message", broken)
        case "override":
            agent.generate_reply = broken  # type: ignore[method-assign]
        case "predicate":
            agent._reply_func_list.pop(0)  # the echo never asks whether the chat is over
            agent._is_termination_msg = broken
        case "message":
            given["message"] = broken
        case "summary":
            given["summary_method"] = broken
        case "printer":
            agent._print_received_message = broken  # type: ignore[attr-defined]
        case "trigger":
            agent.register_reply(broken, lambda *_, **__: (True, "never"))
    with pytest.raises(OwnError, match=place) as left:
        drive(user.initiate_chat, agent, **given)
    assert left.value.run.status == "failed"  # type: ignore[attr-defined]


def test_a_nested_error_carries_the_inner_run_and_the_outer_one_as_its_parent(drive: Driven) -> None:
    inner_user, inner = a_user("inner_user"), an_echo("inner", lambda _: 1 // 0 and "")

    def ask(text: str) -> str:
        return str(inner_user.initiate_chat(inner, message="inner").summary)

    with pytest.raises(ZeroDivisionError) as left:
        drive(a_user().initiate_chat, an_echo("outer", ask), message="go")
    run: Any = left.value.run  # type: ignore[attr-defined]
    assert said(left.value) == ["inner"] and [entry.message["content"] for entry in run.parent.transcript] == ["go"]
    assert run.id == f"{run.parent.id}/1"


def test_an_error_raised_again_by_a_later_chat_carries_the_later_run(drive: Driven) -> None:
    error = OwnError("always this one")

    def reply(_: str) -> str:
        raise error

    agent = an_echo("agent", reply)
    for word in ("first", "second"):
        with pytest.raises(OwnError) as left:
            drive(a_user().initiate_chat, agent, message=word)
        assert said(left.value) == [word]


def test_an_error_that_has_a_run_of_its_own_keeps_it(drive: Driven) -> None:
    class Marathon(Exception):
        run = "42 km"

    def reply(_: str) -> str:
        raise Marathon

    with pytest.raises(Marathon) as left:
        drive(a_user().initiate_chat, an_echo("agent", reply), message="hi")
    assert left.value.run == "42 km"


def test_after_an_error_the_same_agents_go_on(drive: Driven) -> None:
    answers = iter([ZeroDivisionError("once"), "fine"])

    def reply(_: str) -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    user, agent = a_user(), an_echo("agent", reply)
    with pytest.raises(ZeroDivisionError):
        drive(user.initiate_chat, agent, message="first")
    result = drive(user.initiate_chat, agent, message="second", max_turns=1)
    assert contents(result.chat_history) == ["second", "fine"] and result.status == "done"


@pytest.mark.parametrize("error", [HumanInputClosed("user", "> "), LimitReached("max_turns", "enough")])
def test_errors_survive_pickling(error: AutogenError) -> None:
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is type(error) and str(twin) == str(error) and vars(twin) == vars(error)
