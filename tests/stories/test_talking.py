"""Two agents talk: who begins, who ends, what is carried over, what comes out."""

from typing import Any

import pytest

from autogen import ConversableAgent, StopReason
from autogen.core.errors import ConfigError
from autogen.core.exceptions import InvalidCarryOverType
from autogen.testing import Driven, Script
from tests.stories.cast import a_model, a_user, an_echo, contents


def test_a_question_is_answered_and_the_word_ends_the_chat(drive: Driven) -> None:
    with Script([{"agent": "assistant", "expect": "Oslo", "text": "Rain. TERMINATE"}]) as script:
        user, assistant = a_user(), a_model(script)
        result = drive(user.initiate_chat, assistant, message="Weather in Oslo?")
    assert contents(result.chat_history) == ["Weather in Oslo?", "Rain. TERMINATE"]
    assert result.summary == "Rain. " and result.stop_reason is StopReason.TERMINATION
    assert [message["role"] for message in result.chat_history or ()] == ["assistant", "user"]
    assert [message["role"] for message in assistant.chat_messages[user]] == ["user", "assistant"]
    assert [message["name"] for message in result.chat_history or ()] == ["user", "assistant"]


def test_a_result_tells_what_happened_and_what_it_cost(drive: Driven) -> None:
    script = Script([{"text": "one", "usage": (100, 20)}, {"text": "TERMINATE", "usage": (200, 10)}])
    user, assistant = a_user(), a_model(script)
    result = drive(user.initiate_chat, assistant, message="go")
    assert result.chat_id is None and result.human_input == [] and result.pending == ()
    assert result.status == "done" and result.stop_reason == "termination" and len(result.run_id or "") == 16
    assert result.usage.keys() == {"assistant"}
    used = result.usage["assistant"]
    assert (used.input, used.output, used.total, used.requests) == (300, 30, 330, 2)
    assert result.cost is not None and result.cost["usage_including_cached_inference"]["total_cost"] == 0
    assert result.usd == 0 and result.seconds >= 0


def test_max_turns_counts_round_trips(drive: Driven) -> None:
    user, parrot = a_user(default_auto_reply="again"), an_echo("parrot", lambda text: f"{text}!")
    result = drive(user.initiate_chat, parrot, message="hi", max_turns=3)
    assert contents(result.chat_history) == ["hi", "hi!", "again", "again!", "again", "again!"]
    assert result.stop_reason is StopReason.MAX_TURNS


@pytest.mark.parametrize("turns", [-1, True, 1.5, "3"])
def test_a_max_turns_that_makes_no_sense_is_refused_before_a_word(drive: Driven, turns: Any) -> None:
    user, parrot = a_user(), an_echo("parrot")
    with pytest.raises(ConfigError, match="max_turns"):
        drive(user.initiate_chat, parrot, message="hi", max_turns=turns)
    assert contents(user.chat_messages[parrot]) == []


def test_the_limit_of_auto_replies_ends_the_chat(drive: Driven) -> None:
    user = a_user(max_consecutive_auto_reply=2, default_auto_reply="go on")
    result = drive(user.initiate_chat, an_echo("parrot", lambda text: f"{text}!"), message="hi")
    assert contents(result.chat_history) == ["hi", "hi!", "go on", "go on!", "go on", "go on!"]
    assert result.stop_reason is StopReason.MAX_AUTO_REPLY


def test_a_limit_of_zero_means_no_auto_reply_at_all(drive: Driven) -> None:
    user = a_user(max_consecutive_auto_reply=0)
    result = drive(user.initiate_chat, an_echo("parrot"), message="hi")
    assert contents(result.chat_history) == ["hi", "hi"] and result.stop_reason is StopReason.MAX_AUTO_REPLY


def test_the_limit_may_differ_by_partner(drive: Driven) -> None:
    user, one, other = a_user(default_auto_reply="more"), an_echo("one"), an_echo("other")
    user.update_max_consecutive_auto_reply(1, one)
    user.update_max_consecutive_auto_reply(0, other)
    assert len(drive(user.initiate_chat, one, message="hi").chat_history or ()) == 4
    assert len(drive(user.initiate_chat, other, message="hi").chat_history or ()) == 2


def test_an_agent_that_has_nothing_to_say_ends_the_chat(drive: Driven) -> None:
    result = drive(a_user().initiate_chat, an_echo("mute", lambda _: None), message="hi")
    assert contents(result.chat_history) == ["hi"] and result.stop_reason is StopReason.NO_REPLY


def test_either_side_may_find_the_chat_over(drive: Driven) -> None:
    assistant = a_model(["never said"], is_termination_msg=lambda message: message["content"] == "stop")
    result = drive(a_user().initiate_chat, assistant, message="stop")
    assert contents(result.chat_history) == ["stop"] and result.stop_reason is StopReason.TERMINATION


def test_a_termination_test_reads_a_message_without_text_as_empty(drive: Driven) -> None:
    user = a_user(is_termination_msg=lambda message: message["content"].endswith("TERMINATE"))
    assistant = a_model([{"tool_calls": [["nothing", {}]]}, "TERMINATE"])
    result = drive(user.initiate_chat, assistant, message="go")
    assert contents(result.chat_history)[1] is None and result.stop_reason is StopReason.TERMINATION


@pytest.mark.parametrize(
    ("carryover", "tail"),
    [
        ("old news", "\nContext: \nold news"),
        (["one", "two"], "\nContext: \none\ntwo"),
        ([{"content": "from a dict"}, 3], "\nContext: \nfrom a dict\n3"),
        ("", ""),
        ([], ""),
    ],
)
def test_what_is_carried_over_follows_the_message(drive: Driven, carryover: Any, tail: str) -> None:
    result = drive(a_user().initiate_chat, an_echo("parrot"), message="task", carryover=carryover, max_turns=1)
    assert contents(result.chat_history)[0] == "task" + tail


def test_a_carryover_of_another_kind_is_refused_and_the_error_carries_the_run(drive: Driven) -> None:
    with pytest.raises(InvalidCarryOverType) as refused:
        drive(a_user().initiate_chat, an_echo("parrot"), message="task", carryover=7)
    assert len(refused.value.run.transcript) == 0  # type: ignore[attr-defined]


def test_a_message_may_be_a_dict_with_a_context(drive: Driven) -> None:
    result = drive(
        a_user().initiate_chat,
        an_echo("parrot"),
        message={"content": "hi", "context": {"a": 1}, "role": "x"},
        max_turns=1,
    )
    first = (result.chat_history or [{}])[0]
    assert first["content"] == "hi" and first["context"] == {"a": 1} and first["role"] == "assistant"


def test_a_template_is_filled_for_the_model_and_stays_a_template_in_the_history(drive: Driven) -> None:
    script = Script([{"expect": "Weather in Oslo?", "text": "Rain. TERMINATE"}])
    assistant = a_model(script)
    assistant.llm_config["allow_format_str_template"] = True
    message = {"content": "Weather in {city}?", "context": {"city": "Oslo"}}
    result = drive(a_user().initiate_chat, assistant, message=message)
    assert contents(result.chat_history)[0] == "Weather in {city}?"
    script.check_used()


def test_a_callable_content_is_called_with_the_context_of_its_message(drive: Driven) -> None:
    script = Script([{"expect": "Weather in Oslo?", "text": "Rain. TERMINATE"}])
    message: Any = {"content": lambda context: f"Weather in {context['city']}?", "context": {"city": "Oslo"}}
    drive(a_user().initiate_chat, a_model(script), message=message)
    script.check_used()


def test_a_callable_message_is_called_with_both_agents_and_the_context(drive: Driven) -> None:
    def ask(sender: Any, recipient: Any, context: dict[str, Any]) -> str:
        return f"{sender.name} asks {recipient.name} about {context['city']}"

    result = drive(a_user().initiate_chat, an_echo("parrot"), message=ask, city="Oslo", max_turns=1)
    assert contents(result.chat_history)[0] == "user asks parrot about Oslo"


def test_an_async_callable_message_works_as_well(drive: Driven) -> None:
    async def ask(sender: Any, recipient: Any, context: dict[str, Any]) -> dict[str, str]:
        return {"content": "asked on a loop"}

    result = drive(a_user().initiate_chat, an_echo("parrot"), message=ask, max_turns=1)
    assert contents(result.chat_history)[0] == "asked on a loop"


def test_a_callable_message_that_gives_none_opens_no_chat(drive: Driven) -> None:
    result = drive(a_user().initiate_chat, an_echo("parrot"), message=lambda *_: None)
    assert result.chat_history == [] and result.stop_reason is StopReason.NO_REPLY and result.summary == ""


def test_a_message_that_holds_nothing_is_refused(drive: Driven) -> None:
    user, parrot = a_user(), an_echo("parrot")
    with pytest.raises(ValueError, match="can't be converted into a valid ChatCompletion message"):
        drive(user.initiate_chat, parrot, message={"role": "user"})
    with pytest.raises(ConfigError, match="content must be text"):
        drive(user.initiate_chat, parrot, message={"content": 7})
    with pytest.raises(ConfigError, match="such as ConversableAgent, got str"):
        drive(user.initiate_chat, "parrot", message="hi")  # type: ignore[arg-type]


def test_a_summary_by_the_last_message_leaves_the_word_out(drive: Driven) -> None:
    result = drive(a_user().initiate_chat, a_model(["All done. TERMINATE"]), message="go")
    assert result.summary == "All done. "


def test_a_summary_by_reflection_asks_the_recipients_model_for_that_purpose(drive: Driven) -> None:
    script = Script(
        [
            {"purpose": "summary", "expect": "In one word", "text": "Rain", "usage": (5, 1)},
            {"purpose": "reply", "text": "It will rain. TERMINATE", "usage": (5, 1)},
        ]
    )
    arguments = {"summary_prompt": "In one word"}
    with script:
        result = drive(
            a_user().initiate_chat,
            a_model(script),
            message="Weather?",
            summary_method="reflection_with_llm",
            summary_args=arguments,
        )
    assert result.summary == "Rain" and result.usage["assistant"].requests == 2
    assert [message.role for message in script.requests[-1][2].messages] == ["user", "assistant", "system"]


def test_a_summary_by_the_programs_own_function(drive: Driven) -> None:
    def sum_up(sender: Any, recipient: Any, arguments: dict[str, Any]) -> str:
        return f"{len(recipient.chat_messages[sender])} messages, {arguments['mood']}"

    async def a_sum_up(sender: Any, recipient: Any, arguments: dict[str, Any]) -> str:
        return sum_up(sender, recipient, arguments)

    for method in (sum_up, a_sum_up):
        result = drive(
            a_user().initiate_chat,
            an_echo("parrot"),
            message="hi",
            max_turns=2,
            summary_method=method,
            summary_args={"mood": "calm"},
        )
        assert result.summary == "4 messages, calm"


def test_without_a_summary_method_the_summary_is_empty(drive: Driven) -> None:
    result = drive(a_user().initiate_chat, an_echo("parrot"), message="hi", max_turns=1, summary_method=None)
    assert result.summary == ""


@pytest.mark.parametrize(("method", "words"), [("haiku", "summary_method"), ("reflection_with_llm", "llm client")])
def test_a_summary_that_cannot_be_made_is_refused_before_a_word(drive: Driven, method: str, words: str) -> None:
    user, parrot = a_user(), an_echo("parrot")
    with pytest.raises(ConfigError, match=words):
        drive(user.initiate_chat, parrot, message="hi", summary_method=method)
    assert contents(user.chat_messages[parrot]) == []


def test_a_bare_send_goes_on_with_the_conversation() -> None:
    user, parrot = a_user(), an_echo("parrot", lambda text: f"{text}!")
    user.initiate_chat(parrot, message="hi", max_turns=1)
    user.send("more", parrot, request_reply=False)
    assert contents(user.chat_messages[parrot]) == ["hi", "hi!", "more"]
    assert parrot.generate_reply(sender=user) == "more!"
    assert contents(parrot.chat_messages[user]) == ["hi", "hi!", "more"]


def test_a_bare_receive_is_answered_if_it_asks_for_a_reply_or_the_agent_replies_on_receipt() -> None:
    user, parrot = a_user(max_consecutive_auto_reply=1, default_auto_reply="thanks"), an_echo("parrot")
    parrot.receive("unanswered", user)
    parrot.receive("hi", user, request_reply=True)
    assert contents(parrot.chat_messages[user]) == ["unanswered", "hi", "hi"]
    user.reply_at_receive[parrot] = parrot.reply_at_receive[user] = True
    parrot.receive("more", user)
    assert contents(parrot.chat_messages[user])[3:] == ["more", "more", "thanks", "thanks"]


def test_an_agent_may_talk_to_itself(drive: Driven) -> None:
    thinker = an_echo("thinker", lambda text: f"{text}?")
    result = drive(thinker.initiate_chat, thinker, message="why", max_turns=1)
    assert result.summary == "why?"


def test_every_name_works_as_a_name(drive: Driven) -> None:
    one, other = an_echo("Fräulein 1"), an_echo("x" * 100)
    assert contents(drive(one.initiate_chat, other, message="hi", max_turns=1).chat_history) == ["hi", "hi"]
    with pytest.raises(ConfigError, match="name must be text"):
        ConversableAgent("  ")
