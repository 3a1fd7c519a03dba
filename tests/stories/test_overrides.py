"""Programs change agents: subclasses that override, functions put on objects, reply functions, hooks."""

from collections.abc import Mapping
from typing import Any

import pytest

from autogen import AssistantAgent, ConversableAgent, UserProxyAgent
from autogen.core.errors import ConfigError
from autogen.testing import Driven, Script
from tests.stories.cast import a_model, a_user, an_echo, contents, is_over


class Recorder(UserProxyAgent):
    """Nobody to ask; notes which of its methods a chat called."""

    def __init__(self, name: str = "user", **given: Any) -> None:
        settings = {"human_input_mode": "NEVER", "code_execution_config": False, "is_termination_msg": is_over}
        super().__init__(name, **{**settings, **given})
        self.seen: list[Any] = []


def test_an_overridden_get_human_input_is_asked(drive: Driven) -> None:
    class Person(Recorder):
        def get_human_input(self, prompt: str) -> str:
            self.seen.append(prompt.partition(".")[0])
            return "exit" if len(self.seen) > 1 else "mine"

    person = Person(human_input_mode="ALWAYS")
    result = drive(person.initiate_chat, an_echo("parrot"), message="hi")
    assert contents(result.chat_history) == ["hi", "hi", "mine", "mine"]
    assert person.seen == ["Replying as user"] * 2 and result.human_input == []


def test_an_a_override_is_used_in_blocking_chats_too(drive: Driven) -> None:
    class Person(Recorder):
        async def a_get_human_input(self, prompt: str) -> str:
            return "exit"

    result = drive(Person(human_input_mode="ALWAYS").initiate_chat, an_echo("parrot"), message="hi")
    assert result.stop_reason == "human_exit"


def test_each_kind_of_chat_takes_its_own_twin_when_both_are_overridden(drive: Driven) -> None:
    class Person(Recorder):
        def get_human_input(self, prompt: str) -> str:
            self.seen.append("sync")
            return "exit"

        async def a_get_human_input(self, prompt: str) -> str:
            self.seen.append("async")
            return "exit"

    person = Person(human_input_mode="ALWAYS")
    drive(person.initiate_chat, an_echo("parrot"), message="hi")
    assert person.seen == ["async" if drive.driver == "concurrent" else "sync"]


def test_an_overridden_generate_reply_may_ask_super(drive: Driven) -> None:
    class Shouting(AssistantAgent):
        def generate_reply(
            self, messages: list[dict[str, Any]] | None = None, sender: Any = None, **kwargs: Any
        ) -> str | dict[str, Any] | None:
            return str(super().generate_reply(messages=messages, sender=sender, **kwargs)).upper()

    with Script(["fine. terminate"]) as script:
        result = drive(a_user().initiate_chat, Shouting("assistant", llm_config=script.llm_config), message="well?")
    assert contents(result.chat_history) == ["well?", "FINE. TERMINATE"]
    assert result.usage["assistant"].requests == 1


def test_an_overridden_a_generate_reply_may_ask_super(drive: Driven) -> None:
    class Shouting(AssistantAgent):
        async def a_generate_reply(
            self, messages: list[dict[str, Any]] | None = None, sender: Any = None, **kwargs: Any
        ) -> str | dict[str, Any] | None:
            return str(await super().a_generate_reply(messages=messages, sender=sender, **kwargs)).upper()

    with Script(["fine. terminate"]) as script:
        result = drive(a_user().initiate_chat, Shouting("assistant", llm_config=script.llm_config), message="well?")
    assert contents(result.chat_history) == ["well?", "FINE. TERMINATE"]


def test_an_overridden_generate_reply_that_gives_none_ends_the_chat(drive: Driven) -> None:
    mute = an_echo("mute")
    mute.generate_reply = lambda messages=None, sender=None, **_: None  # type: ignore[method-assign]
    result = drive(a_user().initiate_chat, mute, message="hi")
    assert contents(result.chat_history) == ["hi"] and result.stop_reason == "no_reply"


def test_overridden_send_and_receive_hand_on_through_super(drive: Driven) -> None:
    class Post(Recorder):
        def send(self, message: Any, recipient: Any, request_reply: Any = None, silent: Any = False) -> None:
            self.seen.append(("sends", message))
            super().send(f"<{message}>", recipient, request_reply, silent)

        def receive(self, message: Any, sender: Any, request_reply: Any = None, silent: Any = False) -> None:
            self.seen.append(("receives", message))
            super().receive(f"{message} (opened)", sender, request_reply, silent)

    post, parrot = Post(default_auto_reply="again"), an_echo("parrot", lambda text: f"{text}!")
    result = drive(post.initiate_chat, parrot, message="hi", max_turns=2)
    assert contents(result.chat_history) == ["<hi>", "<hi>! (opened)", "<again>", "<again>! (opened)"]
    assert contents(parrot.chat_messages[post]) == ["<hi>", "<hi>!", "<again>", "<again>!"]
    assert post.seen == [("sends", "hi"), ("receives", "<hi>!"), ("sends", "again"), ("receives", "<again>!")]


def test_an_overridden_receive_that_keeps_a_message_back(drive: Driven) -> None:
    class Deaf(Recorder):
        def receive(self, message: Any, sender: Any, request_reply: Any = None, silent: Any = False) -> None:
            self.seen.append(message)

    deaf, parrot = Deaf(), an_echo("parrot")
    result = drive(parrot.initiate_chat, deaf, message="hi", max_turns=1)
    assert deaf.seen == ["hi"] and contents(deaf.chat_messages[parrot])[:1] != ["hi"]
    assert contents(result.chat_history)[0] == "hi"


def test_an_overridden_execute_function_answers_tool_calls(drive: Driven) -> None:
    class Careful(Recorder):
        def execute_function(self, func_call: dict[str, Any], verbose: bool = False) -> tuple[bool, dict[str, Any]]:
            self.seen.append(func_call)
            if func_call["name"] == "forbidden":
                return False, {"name": "forbidden", "role": "function", "content": "not with me"}
            return super().execute_function(func_call)

    careful = Careful()
    model = a_model([{"tool_calls": [["c1", "forbidden", {}], ["c2", "allowed", {"x": 1}]]}, "TERMINATE"])
    careful.register_function({"allowed": lambda x: f"got {x}"})
    result = drive(careful.initiate_chat, model, message="go")
    assert contents(result.chat_history)[2] == "not with me\n\ngot 1"
    assert careful.seen == [{"arguments": "{}", "name": "forbidden"}, {"arguments": '{"x":1}', "name": "allowed"}]


def test_an_overridden_run_code_runs_the_code(drive: Driven) -> None:
    class Dry(Recorder):
        def run_code(self, code: str, **kwargs: Any) -> tuple[int, str, str | None]:
            self.seen.append((code, kwargs["lang"], kwargs["filename"]))
            return 0, "would run", None

    dry = Dry(code_execution_config={"use_docker": False, "work_dir": "unused"})
    model = a_model(["```python\n# filename: a.py\nprint(1)\n```", "TERMINATE"])
    result = drive(dry.initiate_chat, model, message="go")
    assert contents(result.chat_history)[2] == "exitcode: 0 (execution succeeded)\nCode output: \nwould run"
    assert dry.seen == [("# filename: a.py\nprint(1)", "python", "a.py")]


def test_an_overridden_execute_code_blocks_runs_them_all(drive: Driven) -> None:
    class Dry(Recorder):
        def execute_code_blocks(self, code_blocks: list[tuple[str, str]]) -> tuple[int, str]:
            self.seen += code_blocks
            return 1, "would not run"

    dry = Dry(code_execution_config={"use_docker": False, "work_dir": "unused"})
    model = a_model(["```python\nprint(1)\n```\nand\n```sh\nls -la\n```", "TERMINATE"])
    result = drive(dry.initiate_chat, model, message="go")
    assert contents(result.chat_history)[2] == "exitcode: 1 (execution failed)\nCode output: would not run"
    assert dry.seen == [("python", "print(1)"), ("sh", "ls -la")]


def test_an_overridden_init_message_sees_the_chats_arguments(drive: Driven) -> None:
    class Formal(Recorder):
        def generate_init_message(self, message: Any, **kwargs: Any) -> str | dict[str, Any]:
            return f"Dear {kwargs['whom']}, {message}"

    result = drive(Formal().initiate_chat, an_echo("parrot"), message="hello", whom="parrot", max_turns=1)
    assert contents(result.chat_history)[0] == "Dear parrot, hello"


def test_an_overridden_printer_prints_what_is_received(drive: Driven, capsys: pytest.CaptureFixture[str]) -> None:
    class Terse(Recorder):
        def _print_received_message(self, message: Any, sender: Any) -> None:
            print(f"[{sender.name}] {message}")

    drive(Terse().initiate_chat, an_echo("parrot"), message="hi", max_turns=1)
    assert capsys.readouterr().out == f"user (to parrot):\n\nhi\n\n{'-' * 80}\n[parrot] hi\n"


def test_reply_functions_come_first_the_newest_foremost(drive: Driven) -> None:
    calls: list[str] = []

    def older(recipient: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, Any]:
        calls.append("older")
        return True, f"{config['word']} {sender.name}"

    async def newer(recipient: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, Any]:
        calls.append("newer")
        return False, None

    agent = an_echo("agent")
    agent.register_reply(ConversableAgent, older, config={"word": "hello"})
    agent.register_reply("user", newer, ignore_async_in_sync_chat=True)
    result = drive(a_user().initiate_chat, agent, message="hi", max_turns=1)
    assert contents(result.chat_history)[1] == "hello user"
    assert calls == (["newer", "older"] if drive.driver == "concurrent" else ["older"])


def test_an_async_reply_function_is_refused_in_a_blocking_chat_before_a_word() -> None:
    async def reply(recipient: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, Any]:
        return True, "never"

    user, agent = a_user(), an_echo("agent")
    agent.register_reply(ConversableAgent, reply)
    with pytest.raises(RuntimeError, match="Async reply functions can only be used with"):
        user.initiate_chat(agent, message="hi")
    assert contents(user.chat_messages[agent]) == []


def test_a_reply_function_of_the_wrong_shape_is_told_so(drive: Driven) -> None:
    agent = an_echo("agent")
    agent.register_reply(ConversableAgent, lambda recipient, messages, sender, config: "just text")
    with pytest.raises(ConfigError, match="must return \\(final, reply\\)"):
        drive(a_user().initiate_chat, agent, message="hi")


@pytest.mark.parametrize(
    ("trigger", "fires"),
    [
        ("user", True),
        ("somebody", False),
        (ConversableAgent, True),
        (AssistantAgent, False),
        (lambda sender: sender.name == "user", True),
        (["somebody", UserProxyAgent], True),
        ([None], False),
    ],
)
def test_a_trigger_decides_whom_a_reply_function_answers(drive: Driven, trigger: Any, fires: bool) -> None:
    agent = an_echo("agent", lambda text: "the rest")
    agent.register_reply(trigger, lambda recipient, messages, sender, config: (True, "fired"))
    result = drive(a_user().initiate_chat, agent, message="hi", max_turns=1)
    assert contents(result.chat_history)[1] == ("fired" if fires else "the rest")


def test_hooks_change_what_is_sent_and_what_is_read(drive: Driven) -> None:
    script = Script([{"expect": "[seen] [sent by user] hi", "text": "TERMINATE"}])
    user, assistant = a_user(), a_model(script)

    def before_send(sender: Any, message: Any, recipient: Any, silent: Any) -> Any:
        return f"[sent by {sender.name}] {message}"

    async def last(content: Any) -> Any:
        return f"[seen] {content}"

    def every(messages: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        return [{"role": "user", "content": "remember"}, *messages]

    user.register_hook("process_message_before_send", before_send)
    assistant.register_hook("process_last_received_message", last)
    assistant.register_hook("process_all_messages_before_reply", every)
    with script:
        result = drive(user.initiate_chat, assistant, message="hi")
    request = script.requests[0][2]
    assert [message.text for message in request.messages[1:]] == ["remember", "[seen] [sent by user] hi"]
    assert contents(result.chat_history)[0] == "[sent by user] hi"
    assert contents(assistant.chat_messages[user])[0] == "[seen] [sent by user] hi"


def test_hooks_of_one_kind_run_in_their_order(drive: Driven) -> None:
    parrot = an_echo("parrot")
    parrot.register_hook("process_last_received_message", lambda content: f"{content}1")
    parrot.register_hook("process_last_received_message", lambda content: f"{content}2")
    assert drive(a_user().initiate_chat, parrot, message="hi", max_turns=1).summary == "hi12"


def test_a_hook_that_returns_no_list_is_told_so(drive: Driven) -> None:
    parrot = an_echo("parrot")
    parrot.register_hook("process_all_messages_before_reply", lambda messages: None)
    with pytest.raises(ConfigError, match="returns the list of messages"):
        drive(a_user().initiate_chat, parrot, message="hi")


def test_a_changed_system_message_reaches_the_next_request(drive: Driven) -> None:
    script = Script(["one", "TERMINATE"])
    user, assistant = a_user(default_auto_reply="go on"), a_model(script)

    def change(content: Any) -> Any:
        assistant.update_system_message("Be brief.")
        return content

    assistant.register_hook("process_last_received_message", change)
    drive(user.initiate_chat, assistant, message="hi")
    assert [request.messages[0].text for _, _, request in script.requests] == ["Be brief."] * 2


def test_a_silent_chat_prints_nothing(drive: Driven, capsys: pytest.CaptureFixture[str]) -> None:
    result = drive(a_user().initiate_chat, an_echo("parrot"), message="hi", max_turns=2, silent=True)
    assert len(result.chat_history or ()) == 4 and capsys.readouterr().out == ""


def test_a_silent_agent_keeps_its_own_words_quiet(drive: Driven, capsys: pytest.CaptureFixture[str]) -> None:
    drive(a_user(silent=True).initiate_chat, an_echo("parrot"), message="hi", max_turns=1)
    assert capsys.readouterr().out == f"parrot (to user):\n\nhi\n\n{'-' * 80}\n"
