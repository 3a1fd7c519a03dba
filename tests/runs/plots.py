"""Random conversations for property tests: a plot is a value, and `hold` is the whole program that plays it.

Whatever the plot's functions do depends on what they are given, never on what they remember: so a program that is
started again does the same.
"""

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

import autogen
from autogen import ConversableAgent
from autogen.io.base import IOStream
from autogen.runs.durable import Scope, here
from autogen.runs.errors import Damaged
from autogen.runs.log import Policy
from autogen.runs.recorded import named_in
from autogen.runs.replaying import ReplayScope
from autogen.runs.rows import Entry, RunChange, RunQuery, RunRow
from autogen.runs.sqlite import SqliteStore
from autogen.runs.store import Store
from autogen.testing import Driven, Script

CANARY = "sk-canary7Zq4tW9xK2mP8vL3"
"""What a tool and an error of the program say: a key by its form."""
API_KEY = "canary of no known form, the models' own"
"""What the configuration holds: known by its value only."""
RUN = "plot"


class Plot(Struct, frozen=True):
    """A conversation of `user` and `assistant`, with `critic` and `expert` beside them."""

    lines: tuple[Any, ...]
    """What the assistant's model says, one after the other; then TERMINATE for ever."""
    mode: str = "NEVER"
    answers: tuple[str, ...] = ()
    """What the person says, by how many things they have said before; then "exit"."""
    turns: int | None = None
    chats: int = 1
    clear: bool = True
    summary: str = "last_msg"
    twists: frozenset[str] = frozenset()


CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("add", {"a": 1, "b": 2}),
    ("add", {"a": 3, "b": 4}),
    ("later", {"text": "tea"}),
    ("boom", {}),
    ("consult", {"question": "why?"}),
    ("consult", {"question": "how?"}),
    ("ask_around", {"question": "who?"}),
    ("leak", {}),
    ("missing", {}),
)
TWISTS = (
    "nested_reply", "deep_reply", "passing_reply", "raising_reply", "writing_reply", "caught_reply", "rerun_reply",
    "hook_send", "hook_last", "hook_all", "receive", "send", "generate_reply", "init_message",
    "callable_message", "predicate", "process",
)  # fmt: skip


CHATS = frozenset({4, 5, 6})
"""Of the calls: those that hold a chat."""


def one_chat(calls: list[int]) -> tuple[int, ...]:
    """The calls without a second, other chat.

    Of two chats of one pair that go on side by side, threads decide which ends last and so stands in the views, also
    in a run that nobody kills.
    """
    first = next((call for call in calls if call in CHATS), None)
    return tuple(call for call in calls if call not in CHATS or call == first)


def _lines() -> st.SearchStrategy[Any]:
    said = st.sampled_from(["Hello.", "Go on.", "Look: 1 + 1 is 2.", "Done. TERMINATE", ""])
    call = st.integers(0, len(CALLS) - 1)
    return st.one_of(
        said.map(lambda text: {"text": text}),
        st.lists(call, min_size=1, max_size=3).map(lambda calls: {"calls": one_chat(calls)}),
        st.just({"error": "bad_request"}),
    )


def plots() -> st.SearchStrategy[Plot]:
    return st.builds(
        Plot,
        lines=st.lists(_lines(), min_size=1, max_size=5).map(tuple),
        mode=st.sampled_from(["NEVER", "NEVER", "ALWAYS", "TERMINATE"]),
        answers=st.lists(st.sampled_from(["", "more", "exit", "why?"]), max_size=4).map(tuple),
        turns=st.sampled_from([None, 1, 2, 4]),
        chats=st.sampled_from([1, 1, 2]),
        clear=st.booleans(),
        summary=st.sampled_from(["last_msg", "reflection_with_llm", "callable", "nested"]),
        twists=st.frozensets(st.sampled_from(TWISTS), max_size=4),
    )


def script_of(plot: Plot) -> Script:
    lines: list[dict[str, Any]] = []
    for number, line in enumerate(plot.lines):
        if "calls" in line:
            calls = [[f"c{number}_{index}", *CALLS[call]] for index, call in enumerate(line["calls"])]
            lines.append({"agent": "assistant", "purpose": "reply", "tool_calls": calls})
        else:
            lines.append({"agent": "assistant", "purpose": "reply", **line})
    lines += [
        {"agent": "assistant", "purpose": "reply", "text": "TERMINATE", "times": 0},
        {"purpose": "summary", "text": "In short.", "times": 0},
        {"agent": "critic", "text": "Critic: fine.", "times": 0},
        {"agent": "expert", "text": "Expert: because.", "times": 0},
    ]
    return Script(lines)


class Person:
    """Says what the plot has them say, by how much they have said in this run."""

    def __init__(self, plot: Plot, user: ConversableAgent) -> None:
        self.plot, self.user = plot, user

    def print(self, *objects: Any, sep: str = " ", end: str = "\n", flush: bool = False) -> None:
        """Nothing is shown."""

    def input(self, prompt: str = "", *, password: bool = False) -> str:
        return said_after(self.plot, len(self.user._human_input))


def said_after(plot: Plot, number: int) -> str:
    return plot.answers[number] if number < len(plot.answers) else "exit"


class Cast:
    """Agents of one start of the program."""

    def __init__(self, plot: Plot) -> None:
        self.plot = plot
        self.script = script_of(plot)
        config = {
            "config_list": [{"model": "m", "api_type": "scripted", "script": self.script, "api_key": API_KEY}],
            "cache_seed": None,
        }
        quiet: dict[str, Any] = {"human_input_mode": "NEVER", "silent": True}
        self.assistant = ConversableAgent("assistant", llm_config=config, **quiet)
        self.critic = ConversableAgent("critic", llm_config=config, **quiet)
        self.expert = ConversableAgent("expert", llm_config=config, **quiet)
        self.user = _user_class(plot)(
            "user",
            llm_config=False,
            human_input_mode=plot.mode,
            code_execution_config=False,
            default_auto_reply="go on",
            is_termination_msg=None if "predicate" not in plot.twists else _is_over,
            silent=True,
        )
        self._tools()
        self._hooks()
        self._replies()

    def agents(self) -> tuple[ConversableAgent, ...]:
        return (self.user, self.assistant, self.critic, self.expert)

    def _tools(self) -> None:
        user, critic, expert = self.user, self.critic, self.expert

        def add(a: int, b: int) -> int:
            return a + b

        async def later(text: str) -> str:
            return text.upper()

        def boom() -> str:
            raise ValueError(f"no such thing, with {CANARY}")

        @autogen.tool(repeat="resume")
        def consult(question: str) -> str:
            found = critic.initiate_chat(expert, message=question, max_turns=2, silent=True)
            return str(found.summary)

        def ask_around(question: str) -> str:
            """Starts a chat, and must not run twice."""
            return str(user.initiate_chat(critic, message=question, max_turns=1, silent=True).summary)

        def leak() -> str:
            return f"the key is {CANARY}"

        for function in (add, later, boom, consult, ask_around, leak):
            autogen.register_function(function, caller=self.assistant, executor=user, description="A tool.")

    def _hooks(self) -> None:
        twists = self.plot.twists
        if "hook_send" in twists:
            self.user.register_hook("process_message_before_send", _polite)
        if "hook_last" in twists:
            self.assistant.register_hook("process_last_received_message", lambda content: f"{content} (read)")
        if "hook_all" in twists:
            self.assistant.register_hook("process_all_messages_before_reply", lambda messages: messages[-3:])

    def _replies(self) -> None:
        critic, expert, twists = self.critic, self.expert, self.plot.twists

        def nested_reply(recipient: Any, messages: Any, sender: Any, config: Any) -> Any:
            if len(messages) % 4 != 2:
                return False, None
            found = recipient.initiate_chat(critic, message=f"Judge {_text(messages[-1])}", max_turns=1, silent=True)
            return True, f"The critic said {found.summary}"

        def deep_reply(recipient: Any, messages: Any, sender: Any, config: Any) -> Any:
            """Holds a chat of two others, and goes on with it each time."""
            found = critic.initiate_chat(expert, message="Well?", max_turns=1, clear_history=False, silent=True)
            return False, len(found.chat_history)

        def passing_reply(recipient: Any, messages: Any, sender: Any, config: Any) -> Any:
            return len(messages) > 6, "That is enough."

        def raising_reply(recipient: Any, messages: Any, sender: Any, config: Any) -> Any:
            if len(messages) > 3:
                recipient.send("One more word.", expert, request_reply=False, silent=True)
                raise KeyError(f"lost at {len(messages)} with {CANARY}")
            return False, None

        def writing_reply(recipient: Any, messages: Any, sender: Any, config: Any) -> Any:
            recipient.chat_messages[sender][-1]["content"] = "rewritten"
            recipient.update_system_message(f"After {len(messages)}.")
            recipient.send("A note.", expert, request_reply=False, silent=True)
            return False, None

        def caught_reply(recipient: Any, messages: Any, sender: Any, config: Any) -> Any:
            """A chat in it fails; the program goes on."""
            try:
                expert.initiate_chat(critic, message=_raising_message, silent=True)
            except ZeroDivisionError:
                return False, None
            raise AssertionError("it did not fail")

        @autogen.on_resume("rerun")
        def rerun_reply(recipient: Any, messages: Any, sender: Any, config: Any) -> Any:
            if len(messages) % 4 != 2:
                return False, None
            found = expert.initiate_chat(critic, message="Again?", max_turns=1, silent=True)
            return True, f"Again: {found.summary}"

        known: dict[str, Callable[..., Any]] = {
            one.__name__: one
            for one in (
                nested_reply, deep_reply, passing_reply, raising_reply, writing_reply, caught_reply, rerun_reply,
            )
        }  # fmt: skip
        for name in sorted(twists & set(known)):
            self.user.register_reply(self.assistant, known[name])


def _raising_message(sender: Any, recipient: Any, context: Any) -> str:
    return str(1 // 0)


def _is_over(message: Mapping[str, Any]) -> bool:
    return "TERMINATE" in (message.get("content") or "")


def _polite(sender: Any, message: Any, recipient: Any, silent: Any) -> Any:
    return f"Please: {message}" if isinstance(message, str) else message


def _text(message: Mapping[str, Any]) -> str:
    return str(message.get("content") or "")


def _user_class(plot: Plot) -> type[ConversableAgent]:
    made: dict[str, Any] = {}
    if "receive" in plot.twists:

        def receive(self: Any, message: Any, sender: Any, request_reply: Any = None, silent: Any = None) -> Any:
            ConversableAgent.receive(self, message, sender, request_reply, silent)

        made["receive"] = receive
    if "send" in plot.twists:

        def send(self: Any, message: Any, recipient: Any, request_reply: Any = None, silent: Any = False) -> Any:
            ConversableAgent.send(self, message, recipient, request_reply, silent)

        made["send"] = send
    if "generate_reply" in plot.twists:

        def generate_reply(self: Any, messages: Any = None, sender: Any = None, **kwargs: Any) -> Any:
            return ConversableAgent.generate_reply(self, messages, sender, **kwargs)

        made["generate_reply"] = generate_reply
    if "init_message" in plot.twists:
        made["generate_init_message"] = lambda self, message, **kwargs: f"First of all: {message}"
    if "process" in plot.twists:

        def _process_received_message(self: Any, message: Any, sender: Any, silent: Any) -> Any:
            ConversableAgent._process_received_message(self, message, sender, silent)

        made["_process_received_message"] = _process_received_message
    return type("User", (ConversableAgent,), made)


# ---- playing it ----------------------------------------------------------------------------------------------------


def hold(plot: Plot, store: Store, drive: Driven, replayed: bool = False, **policy: Any) -> dict[str, Any]:
    """The whole program, from its top; what came of it as its user sees it."""
    cast = Cast(plot)
    person = Person(plot, cast.user)
    scope = Scope(store, replace(Policy(on_unknown="retry"), **policy))
    if replayed:
        scope = ReplayScope(store, list(reversed(store.runs(RunQuery()))), None)
    outcomes: list[Any] = []
    token = here.set(scope)
    try:
        with IOStream.set_default(person):
            for number in range(plot.chats):
                outcomes.append(_chat(plot, cast, drive, number))
                if outcomes[-1][0] != "done":
                    break
    finally:
        here.reset(token)
    return {"outcomes": outcomes, **views(cast)}


def _chat(plot: Plot, cast: Cast, drive: Driven, number: int) -> tuple[Any, ...]:
    def callable_message(sender: Any, recipient: Any, context: Any) -> str:
        return f"Made by a function for {recipient.name}, {context['number']}."

    def summing_up(sender: Any, recipient: Any, arguments: Any) -> str:
        return f"{len(sender.chat_messages[recipient])} messages"

    def nested_summary(sender: Any, recipient: Any, arguments: Any) -> str:
        return str(cast.expert.initiate_chat(cast.critic, message="Sum up.", max_turns=1, silent=True).summary)

    methods: dict[str, Any] = {"callable": summing_up, "nested": nested_summary}
    try:
        result = drive(
            cast.user.initiate_chat,
            cast.assistant,
            message=callable_message if "callable_message" in plot.twists else f"Begin {number}.",
            max_turns=plot.turns,
            clear_history=plot.clear,
            summary_method=methods.get(plot.summary, plot.summary),
            silent=True,
            run_id=RUN,
            number=number,
        )
    except Exception as raised:
        run: Any = getattr(raised, "run", None)
        reason = (run.status, str(run.stop_reason), len(run.transcript), by_name(run.usage)) if run else None
        # a journal keeps errors without what looks like a key
        return ("raised", type(raised).__name__, str(raised).replace(CANARY, "[redacted:api-key]"), reason)
    if result.status == "paused":
        return ("paused", [question.id for question in result.pending], len(result.human_input), result.run_id)
    return (
        "done", result.chat_history, result.summary, result.cost, result.human_input, str(result.stop_reason),
        result.stop_detail, result.run_id, by_name(result.usage), result.usd,
    )  # fmt: skip


def by_name(told: dict[str, Any]) -> dict[str, Any]:
    """Chats that are held at the same time begin and end in any order."""
    return dict(sorted(told.items()))


def views(cast: Cast) -> dict[str, Any]:
    """All that 0.2 shows of the agents."""
    names = {agent: agent.name for agent in cast.agents()}
    return {
        agent.name: {
            "messages": by_name(
                {names[partner]: [dict(m) for m in talk] for partner, talk in agent.chat_messages.items() if talk}
            ),
            "origins": by_name(
                {
                    names[partner]: [getattr(m, "origin", None) for m in talk]
                    for partner, talk in agent.chat_messages.items()
                    if talk
                }
            ),
            "counters": by_name(
                {names[p]: count for p, count in agent._consecutive_auto_reply_counter.items() if count}
            ),
            "human": list(agent._human_input),
            "system": agent.system_message,
            "used": agent.get_total_usage(),
        }
        for agent in cast.agents()
    }


# ---- prefixes ------------------------------------------------------------------------------------------------------


def prefixes(store: Store) -> list[tuple[str, int]]:
    """Every place at which the program may have been killed: (run, entries that it had written)."""
    places: list[tuple[str, int]] = []
    for row in reversed(store.runs(RunQuery())):
        places += [(row.id, count) for count in range(len(store.read(row.id)) + 1)]
    return places


def killed_at(store: Store, run_id: str, count: int) -> Store:
    """A journal as the process left it when it was killed after so many entries of that run."""
    left = SqliteStore(":memory:")
    for row in reversed(store.runs(RunQuery())):
        last = row.id == run_id
        made = left.create(
            RunRow(id=row.id, created=row.created, updated=row.created, title=row.title, facts=row.facts)
        )
        for entry in store.read(row.id)[: count if last else None]:
            left.append(row.id, made.generation, (entry,), _blobs(store, row.id, entry))
        for answer in store.answers(row.id).values():
            left.keep_answer(row.id, answer)
        if last:
            break
        names = RunChange.__struct_fields__
        left.settle(row.id, made.generation, RunChange(**{name: getattr(row, name) for name in names}))
    return left


def _blobs(store: Store, run_id: str, entry: Entry) -> dict[str, bytes]:

    blobs: dict[str, bytes] = {}
    for digest in named_in(entry):
        try:
            blobs[digest] = store.blob(run_id, digest)
        except Damaged:
            continue
    return blobs
