"""How an agent sends, receives and opens a chat: the two faces of each, over `conversation/`.

Refuses to know how replies are found.
"""

from collections.abc import Callable, Mapping
from os import environ
from sys import modules
from typing import TYPE_CHECKING, Any, Final, cast

from autogen import runtime
from autogen.agents.base import AgentBase, everybody
from autogen.agents.checks import check_context, check_opening, check_recipient
from autogen.agents.faces import Opening, Steps, blocking, concurrent
from autogen.conversation.chat import ChatSettings, Ended, chat
from autogen.conversation.opening import opening
from autogen.conversation.run import Run
from autogen.conversation.sending import Said, hand_over, origin_of, record, take
from autogen.conversation.two_party import answer, exchange_from
from autogen.core.stop import Budget

if TYPE_CHECKING:
    from autogen.agents.conversable import ConversableAgent
    from autogen.core.result import ChatResult
    from autogen.runs.durable import JournalLike

_DURABLE: Final = "autogen.runs.durable"
"""Loaded once a journal is in use; without one, a chat loads nothing of journals."""


class Chatting(AgentBase):
    """The part of ConversableAgent that talks to others."""

    def send(
        self,
        message: dict[str, Any] | str,
        recipient: "ConversableAgent",
        request_reply: bool | None = None,
        silent: bool | None = False,
    ) -> None:
        """Send a message and carry the conversation on.

        message: text, or a dict in 0.2's form (content, function_call, tool_calls, tool_responses, role, name,
            context).
        request_reply: None leaves it to the recipient's `reply_at_receive`.
        Raises ValueError for a message without content and calls.
        """
        return blocking(lambda run: _send(run, self, message, recipient, request_reply, silent))

    async def a_send(
        self,
        message: dict[str, Any] | str,
        recipient: "ConversableAgent",
        request_reply: bool | None = None,
        silent: bool | None = False,
    ) -> None:
        """`send` on an event loop."""
        return await concurrent(lambda run: _send(run, self, message, recipient, request_reply, silent))

    def receive(
        self,
        message: dict[str, Any] | str,
        sender: "ConversableAgent",
        request_reply: bool | None = None,
        silent: bool | None = False,
    ) -> None:
        """Take a message from `sender`, and reply if asked to."""
        return blocking(lambda run: _receive(run, self, message, sender, request_reply, silent))

    async def a_receive(
        self,
        message: dict[str, Any] | str,
        sender: "ConversableAgent",
        request_reply: bool | None = None,
        silent: bool | None = False,
    ) -> None:
        """`receive` on an event loop."""
        return await concurrent(lambda run: _receive(run, self, message, sender, request_reply, silent))

    def _process_received_message(self, message: dict[str, Any] | str, sender: Any, silent: bool | None) -> None:
        """Keep and print a received message. Override it to show what is received, and call `super()`."""
        return blocking(lambda run: _process(run, self._whole, message, sender, silent))

    def _print_received_message(self, message: dict[str, Any] | str, sender: Any) -> None:
        """Print a message in 0.2's format. Override it to show what is received in your own way."""
        from autogen.observability.console import print_message

        known = message if isinstance(message, Mapping) else {"content": message}
        fill = bool(self.llm_config and self.llm_config.get("allow_format_str_template"))
        print_message(known, sender.name, self.name, fill)

    def initiate_chat(
        self,
        recipient: "ConversableAgent",
        clear_history: bool = True,
        silent: bool | None = False,
        cache: Any = None,
        max_turns: int | None = None,
        summary_method: str | Callable[..., Any] | None = "last_msg",
        summary_args: dict[str, Any] | None = {},  # noqa: B006 - 0.2's default, never written to
        message: dict[str, Any] | str | Callable[..., Any] | None = None,
        *,
        budget: Budget | None = None,
        no_progress: bool = True,
        run_id: str | None = None,
        journal: "JournalLike | None" = None,
        **kwargs: Any,
    ) -> "ChatResult":
        """Chat with `recipient` until one side ends it.

        max_turns: round trips at most; None for no such limit.
        summary_method: "last_msg", "reflection_with_llm", `callable(sender, recipient, summary_args)` or None.
        message: text, dict, `callable(sender, recipient, context)`, or None to ask the person.
        budget: what the run may use, nested chats included; its end is a stop reason, not an error.
        no_progress: False lets the chat go on although nothing new comes (see docs/stopping.md).
        run_id: the run's name in the journal: started again, it goes on where it was or gives back its result.
        journal: a file or store; None takes `durable`'s or AUTOGEN_JOURNAL's, else nothing is journaled.
        kwargs: context for a callable message; `carryover` (text or list) is appended to the message.
        Raises what user code and models raise, with `.run` attached; ConfigError for wrong arguments.
        """
        settings = _settings(
            recipient, clear_history, silent, cache, max_turns, summary_method, summary_args, message, kwargs
        )
        return result_of(
            self._whole,
            recipient,
            blocking(
                _chat(self._whole, recipient, settings),
                _opening(self._whole, recipient, settings, budget, no_progress, False, run_id, journal),
            ),
        )

    async def a_initiate_chat(
        self,
        recipient: "ConversableAgent",
        clear_history: bool = True,
        silent: bool | None = False,
        cache: Any = None,
        max_turns: int | None = None,
        summary_method: str | Callable[..., Any] | None = "last_msg",
        summary_args: dict[str, Any] | None = {},  # noqa: B006 - 0.2's default, never written to
        message: dict[str, Any] | str | Callable[..., Any] | None = None,
        *,
        budget: Budget | None = None,
        no_progress: bool = True,
        run_id: str | None = None,
        journal: "JournalLike | None" = None,
        **kwargs: Any,
    ) -> "ChatResult":
        """`initiate_chat` on an event loop."""
        settings = _settings(
            recipient, clear_history, silent, cache, max_turns, summary_method, summary_args, message, kwargs
        )
        return result_of(
            self._whole,
            recipient,
            await concurrent(
                _chat(self._whole, recipient, settings),
                _opening(self._whole, recipient, settings, budget, no_progress, True, run_id, journal),
            ),
        )

    def generate_init_message(self, message: dict[str, Any] | str | None, **kwargs: Any) -> str | dict[str, Any]:
        """The message that opens a chat, asked of the person when None, with `carryover` behind it."""
        return blocking(lambda run: opening(run, self._whole, message, kwargs))

    async def a_generate_init_message(
        self, message: dict[str, Any] | str | None, **kwargs: Any
    ) -> str | dict[str, Any]:
        """`generate_init_message` on an event loop."""
        return await concurrent(lambda run: opening(run, self._whole, message, kwargs))


async def _send(
    run: Run, sender: Any, message: Any, recipient: Any, request_reply: bool | None, silent: bool | None
) -> None:
    check_recipient(recipient, "send", "receive")
    handed = run.handing(sender, recipient)
    if handed is not None:
        await hand_over(run, sender, recipient, _handed(run, message, handed), silent)
        return
    await exchange_from(run, sender, recipient, message, request_reply, silent)


async def _receive(
    run: Run, recipient: Any, message: Any, sender: Any, request_reply: bool | None, silent: bool | None
) -> None:
    handed = run.handing(sender, recipient)
    await take(run, recipient, _handed(run, message, handed), sender, silent)
    if handed is None:
        await answer(run, recipient, sender, silent, request_reply)


async def _process(run: Run, recipient: Any, message: Any, sender: Any, silent: bool | None) -> None:
    await record(run, recipient, _handed(run, message, run.handing(sender, recipient)), sender, silent)


def _handed(run: Run, message: Any, handed: Any) -> Any:
    """What an override hands on keeps the origin of what it was given."""
    if not isinstance(message, (str, dict)):
        return message
    return Said(cast("str | dict[str, Any]", message), origin_of(handed, run.voice))


def _settings(
    recipient: Any,
    clear_history: bool,
    silent: bool | None,
    cache: Any,
    max_turns: int | None,
    summary_method: Any,
    summary_args: Mapping[str, Any] | None,
    message: Any,
    kwargs: Mapping[str, Any],
) -> ChatSettings:
    check_recipient(recipient, "initiate_chat", "_override")
    return ChatSettings(
        message=message,
        clear_history=clear_history,
        silent=silent,
        max_turns=max_turns,
        summary_method=summary_method,
        summary_args={} if summary_args is None else summary_args,
        cache=cache,
        context=kwargs,
    )


def _chat(sender: "ConversableAgent", recipient: "ConversableAgent", settings: ChatSettings) -> Steps[Ended]:
    return lambda run: chat(run, sender, recipient, settings)


def _opening(
    sender: "ConversableAgent",
    recipient: "ConversableAgent",
    settings: ChatSettings,
    budget: Budget | None,
    no_progress: bool,
    is_async: bool,
    run_id: str | None,
    journal: "JournalLike | None",
) -> Opening:
    """What the chat's run is to have. Raises what makes the chat impossible, before anything is said."""
    check_opening(sender.name, budget, settings.cache)
    reader = settings.message if callable(settings.message) else sender._override("generate_init_message", is_async)
    check_context(sender.name, settings.context, reader)
    known = everybody(sender, recipient)
    for agent in (sender, recipient):
        if not is_async:
            agent._raise_exception_on_async_reply_functions()
    for agent in known:
        runtime.check_budget(budget, agent.name, agent.client)
    limited = settings.max_turns is not None or sender._limited or recipient._limited
    watch = False if not no_progress else None if limited else True
    opening = Opening(join=False, budget=budget, watch=watch, cache=settings.cache)
    if run_id is not None or journal is not None or "AUTOGEN_JOURNAL" in environ or _DURABLE in modules:
        from autogen.agents.durable_chats import make_durable

        make_durable(opening, sender, recipient, settings, run_id, journal)
    return opening


def result_of(sender: "ConversableAgent", recipient: "ConversableAgent", ended: "Ended | ChatResult") -> "ChatResult":
    if not isinstance(ended, Ended):
        return ended
    from autogen.core.result import ChatResult
    from autogen.models.usage import gather_usage_summary

    run = ended.run
    return ChatResult(
        chat_history=ended.history,
        summary=ended.summary,
        cost=gather_usage_summary([sender, recipient]),
        human_input=ended.human_input,
        stop_reason=run.stop_reason,
        stop_detail=run.stop_detail,
        run_id=run.id,
        usage=run.usage,
        usd=None if run.spent.unpriced else run.spent.usd,
        seconds=ended.seconds,
    )
