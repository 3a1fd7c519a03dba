"""A queue of chats as programs write it, a list of dicts in 0.2's form, made into what a sequence is held from.

Decides which queues make no sequence, and tells so before anything is said. The program's dicts are left as they are.
Refuses to know how chats are held.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from autogen.agents.checks import check_opening, check_recipient
from autogen.conversation.callbacks import refuse_misfit
from autogen.conversation.chat import ChatSettings, check
from autogen.conversation.sequence import PlannedChat, ordered, refuse_unknown
from autogen.core.callables import level_of_program
from autogen.core.errors import ConfigAssertion, ConfigError
from autogen.core.exceptions import InvalidCarryOverType

EXCLUDED: Final = "finished_chat_indexes_to_exclude_from_carryover"
NAMED: Final = (
    "recipient", "clear_history", "silent", "cache", "max_turns", "summary_method", "summary_args", "message", "budget",
    "no_progress",
)  # fmt: skip
"""What a chat takes by name; the rest of an entry is the context of a callable message."""
READ: Final = ("sender", "chat_id", "prerequisites", "carryover", "verbose", EXCLUDED)

REPEATED: Final = (
    "Repetitive recipients detected: The chat history will be cleared by default if a recipient appears more than "
    "once. To retain the chat history, please set 'clear_history=False' in the configuration of the repeating agent."
)
NO_MESSAGE: Final = "message is not provided in a chat_queue entry. input() will be called to get the initial message."


class QueueError(ConfigAssertion, TypeError):
    """A queue of chats that is none, or an entry that makes no chat."""


def planned_queue(queue: Any, sender: Any = None, *, by_id: bool) -> tuple[PlannedChat, ...]:
    """The chats of `initiate_chats`, or with `by_id` those of `a_initiate_chats`, checked.

    sender: of entries that name none. Raises ConfigError (AssertionError as well where 0.2 raised one),
    PrerequisiteError.
    """
    entries = _entries(queue)
    chats = tuple(_planned(entry, number, sender, by_id) for number, entry in enumerate(entries, 1))
    for planned in chats:
        check(planned.settings, planned.sender, planned.recipient)
    _check_order(chats, by_id)
    if any("message" not in entry for entry in entries):
        _warn(NO_MESSAGE)
    _tell_repeated(chats)
    return chats


def nested_queue(queue: Any, agent: Any, *, is_async: bool) -> tuple[PlannedChat, ...]:
    """The chats of `register_nested_chats`. Callable messages take (recipient, messages, sender, config)."""
    entries = _entries(queue)
    for entry in entries:
        if is_async and entry.get("chat_id") is None:
            raise ConfigError("chat_id is required for async nested chats")
    chats = tuple(_planned(entry, number, agent, is_async) for number, entry in enumerate(entries, 1))
    for planned in chats:
        message = planned.settings.message
        if callable(message):
            refuse_misfit(agent.name, "nested message", message, 4)
    _check_order(chats, is_async)
    _tell_repeated(chats)
    return chats


def consolidate_chat_info(chat_info: Any, uniform_sender: Any = None) -> None:
    """0.2's check of a queue, or of one entry. Raises AssertionError for an entry that makes no chat."""
    planned_queue([chat_info] if isinstance(chat_info, Mapping) else chat_info, uniform_sender, by_id=False)


def _entries(queue: Any) -> list[Mapping[str, Any]]:
    if not isinstance(queue, (list, tuple)):
        raise QueueError(
            f"a queue of chats is a list of dicts such as {{'recipient': agent, 'message': '...'}}, got "
            f"{type(queue).__name__}: {queue!r:.80}"
        )
    known = cast("list[Any]", queue)
    for number, entry in enumerate(known, 1):
        if not isinstance(entry, Mapping):
            raise QueueError(f"chat {number} of the queue must be a dict, got {type(entry).__name__}: {entry!r:.80}")
    return cast("list[Mapping[str, Any]]", list(known))


def _planned(entry: Mapping[str, Any], number: int, default: Any, by_id: bool) -> PlannedChat:
    where = f"chat {number} of the queue"
    sender = entry.get("sender", default)
    if sender is None:
        raise QueueError(f"sender must be provided. It is missing in {where}")
    recipient = entry.get("recipient")
    if recipient is None:
        raise QueueError(f"recipient must be provided. It is missing in {where}")
    check_recipient(sender, f"{where}, sender", "_override")
    check_recipient(recipient, where, "_override")
    _check_words(entry, where)
    check_opening(sender.name, entry.get("budget"), entry.get("cache"))
    arguments: Any = entry.get("summary_args")
    context = {**entry, "sender": sender}
    settings = ChatSettings(
        message=entry.get("message"),
        clear_history=entry.get("clear_history", True),
        silent=entry.get("silent", False),
        max_turns=entry.get("max_turns"),
        summary_method=_summary_method(entry, where),
        summary_args={} if arguments is None else arguments,
        cache=entry.get("cache"),
        context={name: value for name, value in context.items() if name not in NAMED},
    )
    return PlannedChat(
        sender=sender,
        recipient=recipient,
        settings=settings,
        carryover=_carryover(entry.get("carryover"), where),
        chat_id=_chat_id(entry, where, by_id),
        prerequisites=_ids(entry, "prerequisites", where),
        left_out=frozenset(_ids(entry, EXCLUDED, where)),
        verbose=bool(entry.get("verbose", False)),
        budget=entry.get("budget"),
        no_progress=entry.get("no_progress", True),
    )


def _check_words(entry: Mapping[str, Any], where: str) -> None:
    """Refuse a misspelt key. A callable message may read keys of any name."""
    for name in ("run_id", "journal"):
        if name in entry:
            raise QueueError(f"{where}: {name} belongs to the whole sequence; give it to initiate_chats")
    if callable(entry.get("message")):
        return
    unknown = [name for name in entry if name not in NAMED and name not in READ]
    if not unknown:
        return
    from difflib import get_close_matches

    for name in unknown:
        near = get_close_matches(str(name), (*NAMED, *READ), 1, 0.84)
        if near:
            raise QueueError(f"{where} has no argument {name!r}; did you mean {near[0]!r}?")


def _summary_method(entry: Mapping[str, Any], where: str) -> str | Callable[..., Any] | None:
    method: Any = entry.get("summary_method", "last_msg")
    if method is None or callable(method) or method in ("last_msg", "reflection_with_llm"):
        return cast("str | Callable[..., Any] | None", method)
    raise QueueError(
        "summary_method must be a string chosen from 'reflection_with_llm' or 'last_msg' or a callable, or None. "
        f"{where} has {method!r}"
    )


def _carryover(given: Any, where: str) -> tuple[Any, ...]:
    if given is None:
        return ()
    if isinstance(given, str):
        return (given,)
    if isinstance(given, list):
        return tuple(cast("list[Any]", given))
    raise InvalidCarryOverType(f"Carryover should be a string or a list of strings. {where} has {type(given).__name__}")


def _chat_id(entry: Mapping[str, Any], where: str, by_id: bool) -> int | None:
    known: Any = entry.get("chat_id")
    if known is None and not by_id:
        return None
    if known is None:
        raise QueueError(f"{where} has no chat_id; a_initiate_chats gives its results by chat_id, so each needs one")
    if by_id and (not isinstance(known, int) or isinstance(known, bool)):
        raise QueueError(f"{where}: chat_id must be an int, got {known!r:.80}")
    return cast("int", known)


def _ids(entry: Mapping[str, Any], name: str, where: str) -> tuple[int, ...]:
    given: Any = entry.get(name)
    if given is None:
        return ()
    if not isinstance(given, (list, tuple)):
        raise QueueError(f"{where}: {name} must be a list of int, got {type(given).__name__}: {given!r:.80}")
    for one in cast("list[Any]", given):
        if not isinstance(one, int) or isinstance(one, bool):
            what = "Prerequisite chat id is not int" if name == "prerequisites" else f"{name} holds ints only"
            raise QueueError(f"{what}. {where} has {one!r:.80}")
    return tuple(cast("list[int]", given))


def _check_order(chats: tuple[PlannedChat, ...], by_id: bool) -> None:
    """With ids any order will do that has no cycle; without, the queue's own order has to keep the prerequisites."""
    if by_id:
        ordered(chats)
        return
    ids = {planned.chat_id: index for index, planned in enumerate(chats) if planned.chat_id is not None}
    for index, planned in enumerate(chats):
        refuse_unknown(planned, ids)
        for needed in planned.prerequisites:
            if ids[needed] > index:
                raise ConfigAssertion(
                    f"chat {index + 1} of the queue ({planned.name}) has the prerequisite {needed}, which stands "
                    "behind it; initiate_chats holds the chats in the order of the queue: put it in front, or use "
                    "a_initiate_chats"
                )


def _tell_repeated(chats: tuple[PlannedChat, ...]) -> None:
    if len({planned.recipient for planned in chats}) < len(chats):
        _warn(REPEATED)


def _warn(text: str) -> None:
    import warnings

    warnings.warn(text, UserWarning, level_of_program())
