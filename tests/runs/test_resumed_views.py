"""What functions of the program did to views and to what may run, when they are recalled and not called again."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen import ConversableAgent
from autogen.runs.rows import Entry, RunChange
from autogen.runs.sqlite import SqliteStore
from tests.stories.cast import a_model, a_user, an_echo, contents


class FailingStore(SqliteStore):
    """The process ends (in place) at the first entry that it is to write after so many."""

    def __init__(self, path: Path, most: int) -> None:
        super().__init__(path)
        self.left = most

    def append(self, *args: Any, **kwargs: Any) -> list[int]:
        if not self.left:
            raise Died
        self.left -= 1
        return super().append(*args, **kwargs)

    def settle(self, run_id: str, generation: int, change: RunChange) -> None:
        """It is not there any more to write this."""


class Died(BaseException):
    pass


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def entries(journal: Path, run_id: str = "r") -> Iterator[Entry]:
    yield from SqliteStore(journal).read(run_id)


# ---- agents that only a recalled function knows --------------------------------------------------------------------


def advised(journal: Path, calls: list[str], **where: Any) -> tuple[Any, dict[str, ConversableAgent]]:
    """The user asks an adviser, who asks an expert; nobody else knows these two."""
    user, model = a_user(), a_model(["Draft.", "TERMINATE"])
    adviser, expert = an_echo("adviser", lambda text: f"advice: {text}"), an_echo("expert")

    def advise(recipient: Any, messages: Any, sender: Any, config: Any) -> Any:
        calls.append(messages[-1]["content"])
        expert.initiate_chat(adviser, message="Again?", max_turns=1, silent=True)
        return True, recipient.initiate_chat(adviser, message="What now?", max_turns=1, silent=True).summary

    user.register_reply(model, advise)
    with autogen.durable(journal):
        result = user.initiate_chat(model, message="Go.", run_id="r", silent=True, max_turns=2)
    return result, {agent.name: agent for agent in (user, model, adviser, expert)}


def seen(agents: Mapping[str, ConversableAgent]) -> dict[str, dict[str, list[Any]]]:
    return {
        name: {partner.name: contents(talk) for partner, talk in agent.chat_messages.items()}
        for name, agent in agents.items()
    }


def test_agents_that_only_a_recalled_function_knows_get_their_views_back(journal: Path) -> None:
    calls: list[str] = []
    first, agents = advised(journal, calls)
    before = seen(agents)
    assert before["expert"] == {"adviser": ["Again?", "advice: Again?"]}
    again, agents = advised(journal, calls)
    assert calls == ["Draft."]
    assert seen(agents) == before
    assert again.chat_history == first.chat_history


def test_an_agent_that_no_function_leads_to_gets_its_view_when_the_run_meets_it(journal: Path) -> None:
    """Looked up by a name in a table: nothing in the function leads to it."""
    made: list[str] = []

    def hold(die: bool) -> dict[str, Any]:
        user, model = a_user(), a_model(["One.", "Two.", "TERMINATE"])
        hidden = an_echo("hidden")
        kept = Hiding(hidden)

        def first(recipient: Any, messages: Any, sender: Any, config: Any) -> Any:
            made.append("first")
            recipient.send("A note.", kept.get(), request_reply=False, silent=True)
            return False, None

        def then(recipient: Any, messages: Any, sender: Any, config: Any) -> Any:
            if len(messages) > 3:
                recipient.send("Another.", kept.get(), request_reply=False, silent=True)
            return False, None

        user.register_reply(model, then)
        user.register_reply(model, first)
        store = FailingStore(journal, 3) if die else SqliteStore(journal)
        with autogen.durable(store):
            user.initiate_chat(model, message="Go.", run_id="r", silent=True, max_turns=3)
        return seen({"user": user, "hidden": hidden})

    with pytest.raises(Died):
        hold(die=True)
    store = SqliteStore(journal)
    row = store.run("r")
    store.claim("r", "nobody", row.updated, 1e-9, dead=row.owner)
    assert [entry.label for entry in entries(journal)][-1] != "reply"
    views = hold(die=False)
    assert views["hidden"] == {"user": ["A note.", "A note.", "Another."]}
    assert made == ["first", "first"], "the first call was recalled"


class Hiding:
    """Holds an agent where no attribute shows it."""

    __slots__ = ("__weakref__",)
    _held: dict[int, Any] = {}

    def __init__(self, agent: Any) -> None:
        Hiding._held[id(self)] = agent

    def get(self) -> Any:
        return Hiding._held[id(self)]


# ---- what may run is the same --------------------------------------------------------------------------------------


@pytest.mark.parametrize("passed_on", ["a page", "its own words"])
def test_code_that_a_recalled_function_passed_on_is_judged_as_before(
    journal: Path, tmp_path: Path, passed_on: str
) -> None:
    """A reply function asks an agent that read a page, and hands its block on: nobody runs it, resumed or not."""
    block = "```python\nprint('from the page, ' + 'as it stood')\n```"

    def hold() -> Any:
        runner = autogen.UserProxyAgent(
            "runner", human_input_mode="NEVER", code_execution_config={"work_dir": str(tmp_path / "work")}
        )
        reader = a_model([{"tool_calls": [["c1", "fetch", {}]]}, block], name="reader")
        user = ConversableAgent("user", human_input_mode="NEVER", llm_config=False)
        tools = a_user("tools")

        @tools.register_for_execution()
        @reader.register_for_llm(description="Fetch.")
        def fetch() -> str:
            return block if passed_on == "a page" else "nothing"

        def hand_on(recipient: Any, messages: Any, sender: Any, config: Any) -> Any:
            if len(messages) > 1:
                return True, None
            found = tools.initiate_chat(reader, message="Read.", max_turns=2, silent=True)
            return True, found.chat_history[-1]["content"]

        user.register_reply(runner, hand_on)
        with autogen.durable(journal):
            return runner.initiate_chat(user, message="Go.", run_id="r", silent=True, max_turns=2)

    first = hold()
    told = list(entries(journal))
    again = hold()
    assert again.chat_history == first.chat_history
    assert list(entries(journal)) == told
    ran = any(entry.kind == "code" for entry in told)
    assert ran is (passed_on == "its own words")
    # killed before the code step: what runs then is the same
    other = SqliteStore(":memory:")
    row = SqliteStore(journal).run("r")
    made = other.create(autogen.runs.rows.RunRow(id="r", created=row.created, facts=row.facts))
    for entry in told:
        if entry.kind == "code":
            break
        other.append("r", made.generation, (entry,))
    journal = other  # type: ignore[assignment]
    resumed = hold()
    assert resumed.chat_history[:3] == first.chat_history[:3]
    assert any(entry.kind == "code" for entry in other.read("r")) is ran


# ---- failures ------------------------------------------------------------------------------------------------------


def test_a_failed_model_call_that_the_program_lived_with_stays_failed(journal: Path) -> None:
    """The chat that failed is over; a model that answers now must not change what was said."""

    def hold(lines: list[Any]) -> Any:
        user, model, critic = a_user(), a_model(["One.", "TERMINATE"]), a_model(lines, name="critic")

        def ask(recipient: Any, messages: Any, sender: Any, config: Any) -> Any:
            try:
                return True, recipient.initiate_chat(critic, message="Well?", max_turns=1, silent=True).summary
            except autogen.core.errors.ModelError as failed:
                return True, type(failed).__name__

        user.register_reply(model, autogen.on_resume("rerun")(ask))
        with autogen.durable(journal):
            return user.initiate_chat(model, message="Go.", run_id="r", silent=True, max_turns=2)

    first = hold([{"error": "bad_request"}])
    assert contents(first.chat_history) == ["Go.", "One.", "BadRequest", "TERMINATE"]
    again = hold(["I answer now."])
    assert again.chat_history == first.chat_history


def test_a_script_counts_the_failures_that_a_journal_recalls(journal: Path) -> None:
    """So that the next call of a program that goes on takes the next line, as it did in the other process."""

    def hold(store: Any) -> Any:
        user, model = a_user(), a_model(["One.", "Two.", "TERMINATE"])
        critic = a_model([{"error": "bad_request"}, "Fine now."], name="critic")

        @autogen.on_resume("rerun")
        def ask(recipient: Any, messages: Any, sender: Any, config: Any) -> Any:
            try:
                return True, recipient.initiate_chat(critic, message="Well?", max_turns=1, silent=True).summary
            except autogen.core.errors.ModelError as failed:
                return True, type(failed).__name__

        user.register_reply(model, ask)
        with autogen.durable(store):
            return user.initiate_chat(model, message="Go.", run_id="r", silent=True, max_turns=3)

    with pytest.raises(Died):
        hold(FailingStore(journal, 4))
    store = SqliteStore(journal)
    row = store.run("r")
    assert [entry.state for entry in store.read("r")] == ["done", "failed", "done", "done"]
    store.claim("r", "nobody", row.updated, 1e-9, dead=row.owner)
    assert contents(hold(store).chat_history) == ["Go.", "One.", "BadRequest", "Two.", "Fine now.", "TERMINATE"]
