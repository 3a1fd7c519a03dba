"""`agent.state`: what a program keeps on its agents for itself; and tools that are called again to rebuild their own.

Outside of a journal it is a plain dict. In a journaled run it belongs to the run: whoever carries the run on finds it
as it was, although the functions that wrote it are not called again.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen import ConversableAgent
from autogen.core.errors import ConfigError
from autogen.core.events import Event, ToolFinished
from autogen.runs.errors import Diverged, NotStorable
from tests.runs.payments import acts, note
from tests.stories.cast import a_model, a_user, an_echo, tool_call


@pytest.fixture(autouse=True)
def no_journal_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOGEN_JOURNAL", raising=False)


def counting(folder: Path, name: str = "clerk") -> ConversableAgent:
    """An agent whose reply function counts in its state; a real call of it leaves a line."""
    clerk = ConversableAgent(name, human_input_mode="NEVER")

    def reply(recipient: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, str]:
        note(folder, "replied")
        clerk.state["count"] = clerk.state.get("count", 0) + 1
        clerk.state.setdefault("seen", []).append(messages[-1]["content"])
        return True, f"number {clerk.state['count']}"

    clerk.register_reply([ConversableAgent, None], reply)
    return clerk


# ---- without a journal ----------------------------------------------------------------------------------------------


def test_outside_of_a_journal_it_is_a_plain_dict_that_chats_go_on_with(tmp_path: Path) -> None:
    clerk, handle = counting(tmp_path), object()
    clerk.state["handle"] = handle
    assert type(clerk.state) is dict
    for turns in (2, 1):
        an_echo("user").initiate_chat(clerk, message="Hi", max_turns=turns, silent=True)
    assert clerk.state["count"] == 3 and clerk.state["handle"] is handle


def test_each_context_has_its_own_as_with_histories(tmp_path: Path) -> None:
    clerk = counting(tmp_path)
    seen: list[dict[str, Any]] = []

    def elsewhere() -> None:
        an_echo("user").initiate_chat(clerk, message="Hi", max_turns=1, silent=True)
        seen.append(dict(clerk.state))

    an_echo("user").initiate_chat(clerk, message="Hi", max_turns=2, silent=True)
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert clerk.state["count"] == 2, "what another thread wrote is not seen here"
    assert seen[0]["seen"] is not clerk.state["seen"]


def test_a_program_that_has_an_attribute_of_that_name_keeps_it() -> None:
    class Window(ConversableAgent):
        def __init__(self) -> None:
            super().__init__("window", llm_config=False)
            self.state = "idle"

    assert Window().state == "idle"
    assert ConversableAgent("other", llm_config=False).state == {}


# ---- in a journal ---------------------------------------------------------------------------------------------------


def asked(folder: Path, **more: Any) -> Any:
    """Two replies that count, then a person is asked, as a new process would do it; agents are new each time."""
    clerk = counting(folder)
    user = a_user(human_input_mode="ALWAYS" if more.pop("ask", True) else "NEVER")
    with autogen.durable(folder / "runs.db", on_human="park"):
        result = user.initiate_chat(clerk, message="Hi", run_id="r", silent=True, max_turns=3, **more)
    return result, clerk


def answer(folder: Path, run: Any, words: str) -> None:
    autogen.answer("r", run.pending[0].id, words, journal=folder / "runs.db")


def test_what_a_recalled_function_wrote_is_there_when_the_run_goes_on(tmp_path: Path) -> None:
    first, _ = asked(tmp_path)
    answer(tmp_path, first, "more")
    second, _ = asked(tmp_path)
    answer(tmp_path, second, "exit")
    done, clerk = asked(tmp_path)
    assert done.status == "done"
    assert clerk.state == {"count": 2, "seen": ["Hi", "more"]}
    assert [message["content"] for message in done.chat_history] == ["Hi", "number 1", "more", "number 2"]
    assert acts(tmp_path) == ["replied", "replied"]


def test_a_run_that_waits_leaves_nothing_behind_for_its_next_beginning(tmp_path: Path) -> None:
    """The same agents carry the run on again, in the same process: hooks would count twice."""
    clerk, user = counting(tmp_path), a_user(human_input_mode="ALWAYS")

    def counted(message: dict[str, Any]) -> bool:
        user.state["tests"] = user.state.get("tests", 0) + 1
        return user.state["tests"] > 5

    user._is_termination_msg = counted
    for words in ("more", "exit", None):
        with autogen.durable(tmp_path / "runs.db", on_human="park"):
            result = user.initiate_chat(clerk, message="Hi", run_id="r", silent=True)
        if words is not None:
            answer(tmp_path, result, words)
    assert result.status == "done"
    assert (user.state["tests"], clerk.state["count"]) == (2, 2)
    with autogen.durable(tmp_path / "runs.db"):
        user.initiate_chat(clerk, message="Hi", run_id="r", silent=True)
    assert (user.state["tests"], clerk.state["count"]) == (2, 2), "and a finished one gives what it gave"


def with_tool(folder: Path, work: Callable[..., Any], *, calls: int = 1, **marks: Any) -> Any:
    user = a_user(human_input_mode="TERMINATE")
    model = a_model([{"tool_calls": [tool_call("work", {"n": n}, f"c{n}") for n in range(calls)]}, "TERMINATE"])

    @autogen.tool(**marks)
    def tool(n: int) -> str:
        note(folder, f"worked {n}")
        return str(work(user, n))

    autogen.register_function(tool, caller=model, executor=user, name="work", description="Work.")
    with autogen.durable(folder / "runs.db", on_human="park"):
        return user.initiate_chat(model, message="Go.", run_id="r", silent=True), user


@pytest.mark.parametrize("parallel", [False, True])
def test_what_tools_wrote_is_there_too_each_its_own(tmp_path: Path, parallel: bool) -> None:
    def work(user: Any, n: int) -> str:
        user.state[f"tool {n}"] = n
        return "done"

    first, user = with_tool(tmp_path, work, calls=3, parallel=parallel)
    assert first.status == "paused"
    answer(tmp_path, first, "exit")
    _, user = with_tool(tmp_path, work, calls=3, parallel=parallel)
    assert user.state == {"tool 0": 0, "tool 1": 1, "tool 2": 2}
    assert len(acts(tmp_path)) == 3


def test_what_a_nested_chat_wrote_belongs_to_the_run_and_is_there_again(tmp_path: Path) -> None:
    def work(user: Any, n: int) -> str:
        inner = counting(tmp_path, "inner")
        user.inner = inner
        an_echo("outer").initiate_chat(inner, message="Hi", max_turns=2, silent=True)
        user.state["inner count"] = inner.state["count"]
        del user.state["inner count"]
        user.state["kept"] = {"count": inner.state["count"]}
        return "done"

    first, _ = with_tool(tmp_path, work)
    answer(tmp_path, first, "exit")
    _, user = with_tool(tmp_path, work)
    assert user.state == {"kept": {"count": 2}}
    assert acts(tmp_path).count("replied") == 2


def test_a_tool_that_is_entered_again_leaves_what_its_recalled_chats_wrote(tmp_path: Path) -> None:
    """The third process recalls the tool as a whole: what the second one only applied must be in its entry."""
    clerks: list[ConversableAgent] = []

    def work(user: Any, n: int) -> str:
        clerk = clerks[-1]
        person = a_user("person", human_input_mode="ALWAYS")
        person.initiate_chat(clerk, message="Hi", max_turns=2, silent=True)
        return "asked"

    for words in ("fine", "exit", None):
        clerks[:] = [counting(tmp_path)]
        result, user = with_tool(tmp_path, work, repeat="resume")
        user.clerk = clerks[-1]
        if words is not None:
            answer(tmp_path, result, words)
    assert result.status == "done" and acts(tmp_path).count("replied") == 2
    fresh = counting(tmp_path)
    clerks[:] = [fresh]
    _, user = with_tool(tmp_path, work, repeat="resume")
    assert fresh.state["count"] == 2
    assert acts(tmp_path).count("replied") == 2


BAD = {
    "object": (object(), r"state\['x'\] is object"),
    "deep": ({"a": [1, {2}]}, r"state\['x'\]\.?.*a.*1.* is set"),
    "tuple": ((1, 2), r"state\['x'\]"),
    "half": ("\ud83d", r"state\['x'\]"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("where", ["reply", "hook", "tool"])
def test_a_value_that_is_no_json_fails_when_the_function_ends_naming_the_key(
    tmp_path: Path, bad: str, where: str
) -> None:
    value, named = BAD[bad]
    agent = an_echo("clerk")

    def write(*_: Any, **__: Any) -> Any:
        agent.state["x"] = value
        return (True, "ok") if where == "reply" else "ok"

    user, partner = a_user(), agent
    if where == "tool":
        partner = a_model([{"tool_calls": [tool_call("write")]}, "TERMINATE"])
        autogen.register_function(lambda: write(), caller=partner, executor=user, name="write", description="Write.")
    if where == "reply":
        agent.register_reply([ConversableAgent, None], write)
    if where == "hook":
        agent.register_hook("process_last_received_message", write)
    with autogen.durable(tmp_path / "runs.db"), pytest.raises(NotStorable, match=named):
        user.initiate_chat(partner, message="Hi", run_id="r", max_turns=2, silent=True)


def test_a_key_that_is_no_text_is_refused(tmp_path: Path) -> None:
    def work(user: Any, n: int) -> str:
        user.state[1] = "one"
        return "done"

    with pytest.raises(NotStorable, match=r"state\[1\] is a key of type int"):
        with_tool(tmp_path, work)


def test_entry_functions_share_it_between_their_chats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from autogen.agents import entrypoints

    monkeypatch.setattr(entrypoints, "_registered", {})
    monkeypatch.setenv("AUTOGEN_JOURNAL", str(tmp_path / "runs.db"))

    @autogen.entrypoint(name="count")
    def count() -> Any:
        clerk = counting(tmp_path)
        clerk.state["count"] = 10
        for mode in ("NEVER", "ALWAYS"):
            a_user(human_input_mode=mode).initiate_chat(clerk, message="Hi", max_turns=2 if mode == "ALWAYS" else 1)
        return clerk.state["count"]

    run = autogen.advance(autogen.start("count"), on_human="park")
    autogen.answer(run.id, run.pending[0].id, "go on")
    run = autogen.advance(run.id, on_human="park")
    assert (run.status, run.result) == ("done", 13)
    assert acts(tmp_path) == ["replied"] * 3


# ---- tools that are called again ------------------------------------------------------------------------------------


class Shop:
    """Loads a catalogue into memory by a tool; a later tool reads it from there."""

    def __init__(self, folder: Path, *, loaded: str = "12 things", repeat: Any = "free") -> None:
        self.folder, self.loaded, self.repeat = folder, loaded, repeat
        self.catalogue = ""
        self.events: list[Event] = []

    def go(self, **policy: Any) -> Any:
        user = a_user(human_input_mode="TERMINATE")
        model = a_model([{"tool_calls": [tool_call("load")]}, "TERMINATE", {"tool_calls": [tool_call("look")]}, "Bye."])

        @autogen.on_resume("rerun")
        @autogen.tool(repeat=self.repeat)
        def load() -> str:
            note(self.folder, "loaded")
            self.catalogue = self.loaded
            return self.loaded

        def look() -> str:
            return f"there are {self.catalogue}"

        autogen.register_function(load, caller=model, executor=user, name="load", description="Load.")
        autogen.register_function(look, caller=model, executor=user, name="look", description="Look.")
        with autogen.durable(self.folder / "runs.db", on_human="park", **policy), autogen.observing(self.events.append):
            return user.initiate_chat(model, message="Go.", run_id="r", silent=True, max_turns=4)


def test_a_free_tool_marked_rerun_rebuilds_what_it_keeps_in_memory(tmp_path: Path) -> None:
    answer(tmp_path, Shop(tmp_path).go(), "look")
    shop = Shop(tmp_path)
    result = shop.go()
    assert "there are 12 things" in str(result.chat_history)
    assert acts(tmp_path) == ["loaded", "loaded"]
    told = [(event.outcome.name, event.replayed) for event in shop.events if isinstance(event, ToolFinished)]
    assert told == [("load", True), ("look", False)]


def test_it_must_give_what_it_gave(tmp_path: Path) -> None:
    answer(tmp_path, Shop(tmp_path).go(), "look")
    with pytest.raises(Diverged, match='(?s)\'load\' gave "12 things".*it gives "11 things"'):
        Shop(tmp_path, loaded="11 things").go()
    forked = Shop(tmp_path, loaded="11 things").go(on_diverge="fork")
    assert forked.run_id == "r~1" and "11 things" in str(forked.chat_history)


@pytest.mark.parametrize("repeat", ["never", "idempotent", "resume"])
def test_only_free_tools_can_be_called_again(tmp_path: Path, repeat: str) -> None:
    with pytest.raises(ConfigError, match=f"'load' is marked.*repeat='{repeat}'"):
        Shop(tmp_path, repeat=repeat).go()
    assert acts(tmp_path) == []
