"""How a chat becomes a run of a journal: its name, what must be the same for it to go on, its paused result.

Refuses to know how effects are recorded. Imported only where a journal may be in use.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from autogen.agents.base import everybody
from autogen.agents.faces import Opening
from autogen.agents.sessions import frame_here
from autogen.conversation.chat import ChatSettings
from autogen.core.callables import qualified_name
from autogen.core.errors import ConfigError, Parked
from autogen.core.secrets import hide_text
from autogen.core.transcript import texts
from autogen.models.config_keys import CONNECTION, OURS, PIPES
from autogen.runs.asks import question_of
from autogen.runs.beginnings import head_of
from autogen.runs.digest import of_json
from autogen.runs.durable import JournalLike, Scope, current_scope
from autogen.runs.errors import UnknownRun

if TYPE_CHECKING:
    from autogen.agents.conversable import ConversableAgent
    from autogen.conversation.run import Run
    from autogen.conversation.sequence import PlannedChat
    from autogen.core.result import ChatResult
    from autogen.runs.log import RunLog

_TITLE = 120
_UNSENT = CONNECTION | PIPES | OURS
"""Keys of an llm_config that say how a model is reached, not which one is asked what."""


def make_durable(
    opening: Opening,
    sender: "ConversableAgent",
    recipient: "ConversableAgent",
    settings: ChatSettings,
    run_id: str | None,
    journal: "JournalLike | None",
) -> None:
    """Give the chat a log if a journal is in use, and the name by which a journaled run knows it.

    Raises ConfigError for a run_id that cannot be kept, or where there is no journal for it.
    """
    scope = current_scope(journal)
    if run_id is not None:
        check_run_id(run_id, scope)
    frame = frame_here()
    if frame is not None:
        if run_id is not None:
            raise ConfigError(
                f"run_id={run_id!r} names a whole run, but this chat belongs to one already; leave run_id out here"
            )
        opening.key = lambda: (f"{sender.name}>{recipient.name}", of_json(facts_of(sender, recipient, settings)))
        return
    if scope is None:
        if run_id is not None:
            raise ConfigError(
                f"run_id={run_id!r} names a run of a journal, but none is in use; put the chat inside "
                'autogen.durable("runs.db"), give journal="runs.db", or set AUTOGEN_JOURNAL'
            )
        return
    facts = facts_of(sender, recipient, settings) | heads_of(sender, recipient, settings)
    opening.record = _opener(scope, run_id, _title(sender, recipient, settings), facts)

    def paused(run: "Run", parked: Parked) -> "ChatResult":
        return paused_result(run, parked, sender, recipient)

    opening.paused = paused


def make_sequence_durable(
    opening: Opening,
    chats: "Sequence[PlannedChat]",
    results: dict[int, Any],
    run_id: str | None,
    journal: "JournalLike | None",
) -> None:
    """`make_durable` for a sequence of chats, which is one run."""
    from autogen.conversation.sequence import PlannedChat

    scope = current_scope(journal)
    if run_id is not None:
        check_run_id(run_id, scope)
    if frame_here() is not None:
        if run_id is not None:
            raise ConfigError(
                f"run_id={run_id!r} names a whole run, but these chats belong to one already; leave run_id out here"
            )
        opening.key = lambda: (f"chats.{len(chats)}", of_json(_facts_of_all(chats)))
        return
    if scope is None:
        if run_id is not None:
            raise ConfigError(
                f"run_id={run_id!r} names a run of a journal, but none is in use; put the chats inside "
                'autogen.durable("runs.db"), give journal="runs.db", or set AUTOGEN_JOURNAL'
            )
        return
    first = chats[0] if chats else None
    title = "no chats" if first is None else _title(first.sender, first.recipient, first.settings)
    facts = _facts_of_all(chats)
    for number, one in enumerate(chats, 1):
        facts |= heads_of(one.sender, one.recipient, one.settings, f" of chat {number}")
    opening.record = _opener(scope, run_id, f"{len(chats)} chats; {title}"[:_TITLE], facts)

    def paused(run: "Run", parked: Parked) -> dict[int, Any]:
        for place, planned in results.items():
            if isinstance(planned, PlannedChat):
                results[place] = paused_result(run, parked, planned.sender, planned.recipient)
                results[place].chat_id = planned.chat_id
        return results

    opening.paused = paused


def _facts_of_all(chats: "Sequence[PlannedChat]") -> dict[str, str]:
    """What must be the same when the sequence is started again."""
    facts = {
        "chats": of_json([[one.name, one.chat_id, sorted(one.prerequisites), sorted(one.left_out)] for one in chats])
    }
    for number, planned in enumerate(chats, 1):
        known = facts_of(planned.sender, planned.recipient, planned.settings)
        own = ("message", "max_turns", "summary_method", "carryover")
        facts.update({f"{name} of chat {number}" if name in own else name: known[name] for name in known})
    facts.pop("agents", None)
    return facts


def _opener(scope: Scope, run_id: str | None, title: str, facts: Mapping[str, str]) -> "Callable[[], RunLog]":
    def opened() -> "RunLog":
        from autogen.runtime import new_id

        if run_id is not None:
            return scope.begin(run_id, title, facts)
        made = new_id()
        log = scope.begin(made, title, facts)
        scope.forget(made)
        return log

    return opened


def check_run_id(run_id: Any, scope: Scope | None) -> None:
    """Raises ConfigError for an id that cannot be one. With "~" in it, it must be that of a fork that is there."""
    if not isinstance(run_id, str) or not run_id.strip() or len(run_id) > 200 or not run_id.isprintable():
        raise ConfigError(f"a run_id is printable text of 1 to 200 characters, got {run_id!r:.80}")
    if "~" in run_id and (scope is None or not _is_there(scope, run_id)):
        raise ConfigError(f"a run_id with '~' in it is that of a fork, and there is no fork {run_id!r:.80}")


def _is_there(scope: Scope, run_id: str) -> bool:
    try:
        scope.store.run(run_id)
    except UnknownRun:
        return False
    return True


def facts_of(sender: "ConversableAgent", recipient: "ConversableAgent", settings: ChatSettings) -> dict[str, str]:
    """What must be the same when the chat is started again: name -> digest. Keys and endpoints may change."""
    facts = {
        "agents": f"{sender.name}>{recipient.name}",
        "message": of_json(_named(settings.message)),
        "max_turns": of_json(settings.max_turns),
        "summary_method": of_json(_named(settings.summary_method)),
        "carryover": of_json(settings.context.get("carryover")),
    }
    for agent in everybody(sender, recipient):
        facts[f"system message of {agent.name}"] = of_json(agent._oai_system_message)
        facts[f"llm_config of {agent.name}"] = of_json(_model_facts(agent.llm_config))
        facts[f"tools of {agent.name}"] = of_json(
            [[tool.name, tool.parameters] for tool in agent._told_tools()] if agent.llm_config else []
        )
    return facts


def heads_of(
    sender: "ConversableAgent", recipient: "ConversableAgent", settings: ChatSettings, of: str = ""
) -> dict[str, str]:
    """How the texts begin that are among the facts, for people. Never anything of an llm_config."""
    heads = head_of(f"message{of}", _text_of(settings.message))
    for agent in everybody(sender, recipient):
        heads |= head_of(f"system message of {agent.name}", _text_of(agent._oai_system_message[0]))
    return heads


def _text_of(message: Any) -> str:
    """Of a message as it is given to a chat."""
    if callable(message):
        return f"<{qualified_name(message)}>"
    if isinstance(message, Mapping):
        return "\n".join(texts(cast("Mapping[str, Any]", message)))
    return "" if message is None else str(message)


def _model_facts(config: Any) -> Any:
    if not isinstance(config, Mapping):
        return config
    known = cast("Mapping[str, Any]", config)
    entries = cast("list[Mapping[str, Any]]", known.get("config_list") or [known])
    shared = {key: value for key, value in known.items() if key not in _UNSENT and key not in ("tools", "functions")}
    return [shared, [{key: value for key, value in entry.items() if key not in _UNSENT} for entry in entries]]


def _named(value: Any) -> Any:
    return f"callable {qualified_name(value)}" if callable(value) else value


def _title(sender: "ConversableAgent", recipient: "ConversableAgent", settings: ChatSettings) -> str:
    text = " ".join(_text_of(settings.message).split())
    title = hide_text(f"{sender.name} > {recipient.name}: {text}")
    return title if len(title) <= _TITLE else f"{title[: _TITLE - 1]}…"


def paused_result(
    run: "Run", parked: Parked, sender: "ConversableAgent", recipient: "ConversableAgent"
) -> "ChatResult":
    """What a chat gives that waits for a person."""
    from autogen.core.result import PausedResult
    from autogen.models.usage import gather_usage_summary

    log: RunLog = run.table.place.log
    pending = tuple(question_of(entry) for entry in log.entries.values() if entry.state == "waiting")
    state = sender._state
    return PausedResult(
        chat_history=state.histories[recipient],
        cost=gather_usage_summary([sender, recipient]),
        human_input=state.human_input,
        status="paused",
        stop_detail=str(parked),
        run_id=log.id,
        usage=run.usage,
        usd=None if run.spent.unpriced else run.spent.usd,
        pending=pending,
    )
