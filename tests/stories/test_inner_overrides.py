"""Programs override 0.2's inner methods, the ones with an underscore: called where 0.2 called them, `super()` works,
and what cannot be called is told when the agent is made."""

import asyncio
import warnings
from collections.abc import Mapping
from typing import Any

import pytest

import autogen
from autogen import ConversableAgent, UserProxyAgent
from autogen.core.errors import InvalidMessage
from autogen.testing import Driven, Script
from tests.stories.cast import a_model, a_user, an_echo, contents, is_over


class Quiet(UserProxyAgent):
    """Nobody to ask; notes which of its inner methods a chat called."""

    def __init__(self, name: str = "user", **given: Any) -> None:
        settings = {"human_input_mode": "NEVER", "code_execution_config": False, "is_termination_msg": is_over}
        self.seen: list[Any] = []
        super().__init__(name, **{**settings, **given})


class Keeper(Quiet):
    def _append_oai_message(self, message: Any, role: str, conversation_id: Any, is_sending: bool) -> bool:
        self.seen.append((message, role, conversation_id.name, is_sending))
        return super()._append_oai_message(message, role, conversation_id, is_sending)


def test_messages_are_kept_through_an_overridden_append(drive: Driven) -> None:
    keeper, parrot = Keeper(), an_echo("parrot", lambda text: f"{text}!")
    result = drive(keeper.initiate_chat, parrot, message="hi", max_turns=1)
    assert keeper.seen == [("hi", "assistant", "parrot", True), ("hi!", "user", "parrot", False)]
    assert result.chat_history == [
        {"content": "hi", "role": "assistant", "name": "user"}, {"content": "hi!", "role": "user", "name": "parrot"},
    ]  # fmt: skip
    assert contents(parrot.chat_messages[keeper]) == ["hi", "hi!"]


def test_what_an_override_keeps_is_its_own_sides_history_only(drive: Driven) -> None:
    class Redacting(Quiet):
        def _append_oai_message(self, message: Any, role: str, conversation_id: Any, is_sending: bool) -> bool:
            return super()._append_oai_message(message.replace("4711", "****"), role, conversation_id, is_sending)

    redacting, parrot = Redacting(), an_echo("parrot")
    result = drive(redacting.initiate_chat, parrot, message="pin 4711", max_turns=1)
    assert contents(result.chat_history) == ["pin ****", "pin ****"]
    assert contents(parrot.chat_messages[redacting]) == ["pin 4711", "pin 4711"]


@pytest.mark.parametrize(("sends", "text"), [(True, "^Message can't be"), (False, "^Received message can't be")])
def test_an_append_that_says_no_refuses_the_message(drive: Driven, sends: bool, text: str) -> None:
    class Picky(Quiet):
        def _append_oai_message(self, message: Any, role: str, conversation_id: Any, is_sending: bool) -> bool:
            return False

    picky, parrot = Picky(), an_echo("parrot")
    with pytest.raises(InvalidMessage, match=text):
        drive(*((picky.initiate_chat, parrot) if sends else (parrot.initiate_chat, picky)), message="hi", max_turns=1)


def test_the_base_append_keeps_what_a_program_gives_it() -> None:
    one, other = a_user("one"), a_user("other")
    assert one._append_oai_message("hello", "user", other, is_sending=False)
    assert one._append_oai_message({"content": "yo"}, "assistant", other, is_sending=True)
    assert not one._append_oai_message({"content": None}, "user", other, is_sending=False)
    call = {
        "content": None,
        "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": ""}}],
    }
    answer = {"content": "x", "role": "tool", "tool_responses": [{"tool_call_id": "1", "role": "tool", "content": "x"}]}
    assert one._append_oai_message(call, "user", other, False) and one._append_oai_message(answer, "user", other, False)
    assert one._append_oai_message({"content": "n", "name": "z", "override_role": "system"}, "user", other, False)
    assert [(m["role"], m.get("name"), m["content"]) for m in one.chat_messages[other]] == [
        ("user", "other", "hello"), ("assistant", "one", "yo"), ("assistant", None, None), ("tool", "other", "x"),
        ("system", "z", "n"),
    ]  # fmt: skip


def test_code_that_a_model_wrote_stays_a_models_through_an_override() -> None:
    from autogen.core.wire import MessageDict

    class Noting(Keeper):
        pass

    user, model = Noting(), a_model(["```python\nprint(1)\n```\nTERMINATE"])
    user.initiate_chat(model, message="go")
    kept = user.chat_messages[model][1]
    assert isinstance(kept, MessageDict) and kept.origin == "model"


def test_both_sides_are_prepared_through_overrides(drive: Driven) -> None:
    class Prepared(Quiet):
        def _prepare_chat(
            self, recipient: Any, clear_history: bool, prepare_recipient: bool = True, reply_at_receive: bool = True
        ) -> None:
            self.seen.append((recipient.name, clear_history, prepare_recipient, reply_at_receive))
            super()._prepare_chat(recipient, clear_history, prepare_recipient, reply_at_receive)

    one, other = Prepared("one"), Prepared("other", default_auto_reply="terminate TERMINATE")
    drive(one.initiate_chat, other, message="hi", max_turns=1)
    assert one.seen == [("other", True, True, False)] and other.seen == [("one", True, False, False)]
    drive(one.initiate_chat, other, message="hi", clear_history=False)
    assert one.seen[1:] == [("other", False, True, True)] and other.seen[1:] == [("one", False, False, True)]
    plain = an_echo("plain", lambda _: "TERMINATE")
    assert contents(drive(plain.initiate_chat, other, message="hi", max_turns=1).chat_history)[0] == "hi"
    assert other.seen[2:] == [("plain", True, False, False)]


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_prepare_that_keeps_the_history_keeps_it(face: str) -> None:
    class Never(Quiet):
        def _prepare_chat(self, recipient: Any, clear_history: bool, *given: Any, **more: Any) -> None:
            super()._prepare_chat(recipient, False, *given, **more)

    never, parrot = Never(), an_echo("parrot")
    for _ in range(2):
        if face == "sync":
            result = never.initiate_chat(parrot, message="hi", max_turns=1, clear_history=True)
        else:
            result = asyncio.run(never.a_initiate_chat(parrot, message="hi", max_turns=1, clear_history=True))
    assert contents(result.chat_history) == ["hi"] * 4


def test_the_summary_is_made_by_an_override(drive: Driven) -> None:
    class Summing(Quiet):
        def _summarize_chat(
            self, summary_method: Any, summary_args: Any, recipient: Any = None, cache: Any = None
        ) -> str:
            self.seen.append((summary_method, summary_args, recipient.name, cache))
            return f"[{super()._summarize_chat(summary_method, summary_args, recipient, cache=cache)}]"

    summing = Summing()
    assert drive(summing.initiate_chat, an_echo("parrot"), message="hi", max_turns=1).summary == "[hi]"
    given = {
        "summary_method": lambda sender, recipient, arguments: f"by {arguments['who']}",
        "summary_args": {"who": "me"},
    }
    assert drive(summing.initiate_chat, an_echo("parrot"), message="hi", max_turns=1, **given).summary == "[by me]"
    assert summing.seen == [("last_msg", {}, "parrot", None), (given["summary_method"], {"who": "me"}, "parrot", None)]
    assert drive(summing.initiate_chat, an_echo("x"), message="hi", max_turns=1, summary_method=None).summary == "[]"


def test_the_last_message_is_made_a_summary_by_an_override(drive: Driven) -> None:
    class Short(Quiet):
        @staticmethod
        def _last_msg_as_summary(sender: Any, recipient: Any, summary_args: Mapping[str, Any]) -> str:
            return f"{sender.name} {recipient.name} {ConversableAgent._last_msg_as_summary(sender, recipient, {})}"

    assert drive(Short().initiate_chat, an_echo("parrot"), message="hi", max_turns=1).summary == "user parrot hi"


def test_a_reflection_is_made_by_an_override(drive: Driven) -> None:
    class Reflecting(Quiet):
        def _reflection_with_llm(
            self, prompt: str, messages: Any, llm_agent: Any = None, cache: Any = None, role: str | None = None
        ) -> str:
            self.seen.append((prompt, contents(messages), llm_agent.name, cache, role))
            return super()._reflection_with_llm(prompt, messages, llm_agent=llm_agent, cache=cache, role=role).upper()

    script = Script(["yes", {"purpose": "summary", "text": "they agreed"}])
    reflecting, model = Reflecting(), a_model(script)
    given = {"summary_method": "reflection_with_llm", "summary_args": {"summary_prompt": "Sum up."}}
    with script:
        result = drive(reflecting.initiate_chat, model, message="hi", max_turns=1, **given)
    assert result.summary == "THEY AGREED"
    assert reflecting.seen == [("Sum up.", ["hi", "yes"], "assistant", None, None)]
    request = script.requests[1][2]
    assert [(m.role, m.text) for m in request.messages] == [("user", "hi"), ("assistant", "yes"), ("system", "Sum up.")]
    assert request.tools == () and result.usage["user"].requests + result.usage["assistant"].requests == 2


def test_a_model_is_asked_through_an_override(drive: Driven) -> None:
    class Careful(autogen.AssistantAgent):
        seen: list[Any] = []

        def _generate_oai_reply_from_client(self, llm_client: Any, messages: Any, cache: Any) -> Any:
            self.seen.append((llm_client is self.client, contents(messages), cache))
            answer = super()._generate_oai_reply_from_client(
                llm_client, [*messages, {"role": "user", "content": "!"}], cache
            )
            return f"{answer} (checked)"

    script = Script(["yes"])
    careful = Careful("careful", system_message="S", llm_config=script.llm_config)
    with script:
        result = drive(a_user().initiate_chat, careful, message="hi", max_turns=1)
    assert contents(result.chat_history) == ["hi", "yes (checked)"]
    assert Careful.seen.pop() == (True, ["S", "hi"], None) and result.usage["careful"].requests == 1
    assert script.requests[0][2].messages[-1].text == "!"


def test_a_model_override_may_give_calls_or_nothing(drive: Driven) -> None:
    call = {
        "content": None,
        "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }

    class Own(autogen.AssistantAgent):
        answers: list[Any] = []

        def _generate_oai_reply_from_client(self, llm_client: Any, messages: Any, cache: Any) -> Any:
            return self.answers.pop(0)

    Own.answers = [call, None]
    own = Own("own", llm_config=Script([]).llm_config, default_auto_reply="nothing TERMINATE")
    user = a_user(function_map={"f": lambda: "done"})
    result = drive(user.initiate_chat, own, message="go")
    assert contents(result.chat_history) == ["go", None, "done", "nothing TERMINATE"]


@pytest.mark.parametrize("message", ["hi", {"content": "hi"}, {"content": [{"type": "text", "text": "hi"}]}])
def test_carryover_is_put_in_by_overrides(drive: Driven, message: Any) -> None:
    class Carrying(Quiet):
        def _process_carryover(self, content: str, kwargs: dict[str, Any]) -> str:
            self.seen.append((content, kwargs))
            return f"{super()._process_carryover(content, kwargs)}?"

    carrying = Carrying()
    result = drive(
        carrying.initiate_chat, an_echo("parrot", lambda _: "TERMINATE"), message=message, carryover=["a", "b"]
    )
    first = contents(result.chat_history)[0]
    text = first if isinstance(first, str) else "".join(part["text"] for part in first)
    assert text in ("hi\nContext: \na\nb?", "\nContext: \na\nb?hi")
    assert carrying.seen == [("hi" if isinstance(first, str) else "", {"carryover": ["a", "b"]})]
    carrying.seen.clear()
    drive(carrying.initiate_chat, an_echo("parrot", lambda _: "TERMINATE"), message="hi")
    assert carrying.seen == []


def test_the_whole_handling_of_carryover_may_be_overridden(drive: Driven) -> None:
    class Carrying(Quiet):
        def _handle_carryover(self, message: Any, kwargs: dict[str, Any]) -> Any:
            return f"<{super()._handle_carryover(message, kwargs)}>"

        def _process_multimodal_carryover(self, content: list[Any], kwargs: dict[str, Any]) -> list[Any]:
            return [{"type": "text", "text": "no pictures"}]

    assert Carrying()._handle_carryover("hi", {}) == "<hi>"
    result = drive(Carrying().initiate_chat, an_echo("parrot", lambda _: "TERMINATE"), message="hi", carryover="c")
    assert contents(result.chat_history)[0] == "<hi\nContext: \nc>"
    pictures = {"content": [{"type": "text", "text": "hi"}]}
    assert "no pictures" in Carrying()._handle_carryover(pictures, {"carryover": "c"})


def test_the_look_for_async_reply_functions_may_be_overridden() -> None:
    class Daring(Quiet):
        def _raise_exception_on_async_reply_functions(self) -> None:
            self.seen.append("asked")

    async def reply(recipient: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, Any]:
        return True, "never"

    daring = Daring("daring", default_auto_reply="TERMINATE")
    daring.register_reply(ConversableAgent, reply)
    a_user().initiate_chat(daring, message="hi", max_turns=1)
    assert daring.seen == ["asked"]
    daring.seen.clear()
    asyncio.run(a_user().a_initiate_chat(daring, message="hi", max_turns=1))
    assert daring.seen == []


def test_what_goes_out_passes_an_override_with_the_hooks_inside(drive: Driven) -> None:
    class Stamping(Quiet):
        def _process_message_before_send(self, message: Any, recipient: Any, silent: bool) -> Any:
            self.seen.append((message, recipient.name, silent))
            return f"{super()._process_message_before_send(message, recipient, silent)}."

    stamping = Stamping()
    stamping.register_hook("process_message_before_send", lambda sender, message, recipient, silent: message.upper())
    result = drive(stamping.initiate_chat, an_echo("parrot"), message="hi", max_turns=1, silent=True)
    assert contents(result.chat_history) == ["HI.", "HI."] and stamping.seen == [("hi", "parrot", True)]


def test_the_async_twin_comes_first_in_async_chats() -> None:
    class Both(Quiet):
        def _process_message_before_send(self, message: Any, recipient: Any, silent: bool) -> Any:
            return f"{message} sync"

        async def _a_process_message_before_send(self, message: Any, recipient: Any, silent: bool) -> Any:
            return f"{await super()._a_process_message_before_send(message, recipient, silent)} async"

    async def chat() -> Any:
        return await Both().a_initiate_chat(an_echo("parrot"), message="hi", max_turns=1)

    assert contents(asyncio.run(chat()).chat_history)[0] == "hi async"
    assert contents(Both().initiate_chat(an_echo("parrot"), message="hi", max_turns=1).chat_history)[0] == "hi sync"


def test_functions_put_on_an_object_count_as_overrides(drive: Driven) -> None:
    user, kept = a_user(), list[Any]()
    standard = user._append_oai_message

    def append(message: Any, role: str, conversation_id: Any, is_sending: bool) -> bool:
        kept.append(message)
        return standard(message, role, conversation_id, is_sending)

    user._append_oai_message = append  # type: ignore[method-assign]
    drive(user.initiate_chat, an_echo("parrot"), message="hi", max_turns=1)
    assert kept == ["hi", "hi"]


# ---- what is not called ----------------------------------------------------------------------------------------------


def made(kind: type[ConversableAgent]) -> list[warnings.WarningMessage]:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        kind("one", human_input_mode="NEVER")
        kind("two", human_input_mode="NEVER")
    return seen


def test_an_override_that_is_never_called_is_told_once_at_construction() -> None:
    class Old(ConversableAgent):
        def _match_trigger(self, trigger: Any, sender: Any) -> bool:
            return True

        def _append_oai_message(self, *given: Any, **more: Any) -> bool:
            return super()._append_oai_message(*given, **more)

    (told,) = made(Old)
    text = str(told.message)
    assert "Old overrides `_match_trigger`, which this engine does not call" in text and "register_reply" in text
    assert "_append_oai_message" not in text and told.filename == __file__


def test_each_class_is_told_of_its_own_and_in_one_warning() -> None:
    class Base(ConversableAgent):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)

        @staticmethod
        def _message_to_dict(message: Any) -> Any:
            return message

        def _str_for_tool_response(self, tool_response: Any) -> str:
            return ""

    class Further(Base): ...

    (first,) = made(Base)
    (second,) = made(Further)
    assert all(name in str(first.message) for name in ("`_message_to_dict`", "`_str_for_tool_response`"))
    assert "Further overrides" in str(second.message) and first.filename == __file__


def test_agents_that_override_nothing_of_it_are_told_nothing() -> None:
    class Plain(ConversableAgent):
        def _helper(self) -> None: ...

        def _print_received_message(self, message: Any, sender: Any) -> None: ...

    assert made(Plain) == made(ConversableAgent) == []
