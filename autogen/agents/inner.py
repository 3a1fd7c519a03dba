"""0.2's inner methods, with an underscore, that programs override and call: the standard thing, at 0.2's places.

The engine does all of it without these methods; it calls them only on agents whose class or object has its own, as
0.2 would have. What such methods there are and which of them are never called is decided here. Refuses to know how
chats go.
"""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakSet

from autogen.agents.base import AgentBase
from autogen.agents.faces import blocking, concurrent
from autogen.agents.sessions import frame_here
from autogen.conversation.chat import prepare
from autogen.conversation.model_turn import asked
from autogen.conversation.opening import carried
from autogen.conversation.run import Run
from autogen.conversation.sending import APPENDING, before_send, keep, origin_of, plain
from autogen.conversation.summary import last_message, standard_summary, summary_texts
from autogen.core.callables import is_async, level_of_program, qualified_name
from autogen.core.effects import Purpose
from autogen.core.errors import ConfigError, NotSetUp
from autogen.core.transcript import restored_origin

if TYPE_CHECKING:
    from autogen.agents.conversable import ConversableAgent

_purpose: ContextVar[Purpose] = ContextVar("autogen_purpose", default="reply")

NEVER_CALLED: Final[Mapping[str, str]] = {
    "_match_trigger": "give register_reply a callable trigger",
    "_message_to_dict": "register a process_message_before_send hook, or override _process_message_before_send",
    "_is_silent": "set agent.silent",
    "_a_execute_tool_call": "override a_execute_function",
    "_str_for_tool_response": "return the text from the tool",
    "_format_json_str": "override execute_function",
    "_wrap_function": "wrap the function before you register it",
    "_validate_llm_config": "check llm_config before you pass it",
    "_assert_valid_name": "give tools names of letters, digits, _ and -",
    "_normalize_name": "give tools names of letters, digits, _ and -",
    "_check_chat_queue_for_sender": "fill in the queue before you pass it",
    "_get_chats_to_run": "fill in the queue before you pass it",
    "_summary_from_nested_chats": "register a reply function that starts the chats",
    "_a_summary_from_nested_chats": "register a reply function that starts the chats",
}
"""Inner methods of 0.2 that nothing here stands for, and what to use in their place."""


class Inner(AgentBase):
    """The part of ConversableAgent that 0.2's programs reach behind the public methods."""

    def _prepare_chat(
        self,
        recipient: "ConversableAgent",
        clear_history: bool,
        prepare_recipient: bool = True,
        reply_at_receive: bool = True,
    ) -> None:
        """Make this side of a chat ready, and the recipient's unless told otherwise."""
        prepare(self._whole, recipient, clear_history, reply_at_receive)
        if prepare_recipient:
            recipient._prepare_chat(self._whole, clear_history, False, reply_at_receive)

    def _append_oai_message(
        self, message: dict[str, Any] | str, role: str, conversation_id: "ConversableAgent", is_sending: bool
    ) -> bool:
        """Keep a message in the history with `conversation_id`; False when it holds neither content nor calls.

        role: "assistant" for what is sent, "user" for what is received; calls and answers have their own.
        """
        frame = frame_here()
        known = message if isinstance(message, Mapping) else {"content": message}
        handed = None if frame is None else frame.run.handing(APPENDING, self)
        default = restored_origin(known) if frame is None else origin_of(handed, frame.run.voice)
        return keep(self._whole, message, role, conversation_id, is_sending, origin_of(message, default))

    def _raise_exception_on_async_reply_functions(self) -> None:
        """Refuse a blocking chat when a reply function is async and not to be left out. Raises NotSetUp."""
        for member in self._members():
            member._raise_exception_on_async_reply_functions()
        if self._standard_chain() is not None:
            return
        asynchronous = {
            entry["reply_func"]
            for entry in self._reply_func_list
            if is_async(entry["reply_func"]) and not entry["ignore_async_in_sync_chat"]
        }
        if asynchronous:
            raise NotSetUp(
                "Async reply functions can only be used with ConversableAgent.a_initiate_chat(). The following async "
                f"reply functions are found: {', '.join(sorted(qualified_name(one) for one in asynchronous))}"
            )

    def _process_message_before_send(
        self, message: dict[str, Any] | str, recipient: "ConversableAgent", silent: bool
    ) -> dict[str, Any] | str:
        """The message after the hooks of that name."""
        sent: dict[str, Any] | str = blocking(lambda run: before_send(run, self._whole, recipient, message, silent))
        return sent

    async def _a_process_message_before_send(
        self, message: dict[str, Any] | str, recipient: "ConversableAgent", silent: bool
    ) -> dict[str, Any] | str:
        """`_process_message_before_send` on an event loop."""
        sent: dict[str, Any] | str = await concurrent(
            lambda run: before_send(run, self._whole, recipient, message, silent)
        )
        return sent

    def _handle_carryover(self, message: dict[str, Any] | str, kwargs: dict[str, Any]) -> dict[str, Any] | str:
        """The first message with `kwargs["carryover"]` in it."""
        if not kwargs.get("carryover"):
            return message
        if isinstance(message, str):
            return self._process_carryover(message, kwargs)
        content: Any = message.get("content")
        if isinstance(content, list):
            return {**message, "content": self._process_multimodal_carryover(cast("list[Any]", content), kwargs)}
        return {**message, "content": self._process_carryover(content or "", kwargs)}

    def _process_carryover(self, content: str, kwargs: dict[str, Any]) -> str:
        """Text with the carryover behind it."""
        return cast("str", carried(content, kwargs.get("carryover")))

    def _process_multimodal_carryover(
        self, content: list[dict[str, Any]], kwargs: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Parts with the carryover in front of them."""
        return [{"type": "text", "text": self._process_carryover("", kwargs)}, *content]

    def _generate_oai_reply_from_client(
        self, llm_client: Any, messages: list[dict[str, Any]], cache: Any
    ) -> str | dict[str, Any] | None:
        """The model's answer to `messages`, the system message included: text, a dict with calls, or None."""
        return blocking(lambda run: _ask(run, self._whole, llm_client, messages, cache, _purpose.get()))

    def _summarize_chat(
        self, summary_method: Any, summary_args: Mapping[str, Any] | None, recipient: Any = None, cache: Any = None
    ) -> str:
        """The summary of the chat with `recipient`."""
        given = {**(summary_args or {}), "cache": cache}
        if summary_method == "last_msg":
            return self._last_msg_as_summary(self, recipient, given)
        if summary_method == "reflection_with_llm":
            return self._reflection_with_llm_as_summary(self, recipient, given)
        return blocking(lambda run: standard_summary(run, self._whole, recipient, summary_method, given, cache))

    @staticmethod
    def _last_msg_as_summary(sender: Any, recipient: Any, summary_args: Mapping[str, Any] | None) -> str:
        """The last message's text."""
        return last_message(sender, recipient)

    @staticmethod
    def _reflection_with_llm_as_summary(sender: Any, recipient: Any, summary_args: Mapping[str, Any] | None) -> str:
        """A model's summary, by the recipient's model or else the sender's."""
        given = summary_args or {}
        prompt, _ = summary_texts(given)
        messages: Sequence[Any] = recipient.chat_messages_for_summary(sender)
        text: str = sender._reflection_with_llm(
            prompt,
            messages,
            llm_agent=recipient if recipient.client else sender,
            cache=given.get("cache"),
            role=given.get("summary_role"),
        )
        return text

    def _reflection_with_llm(
        self,
        prompt: str,
        messages: Sequence[Mapping[str, Any]],
        llm_agent: Any = None,
        cache: Any = None,
        role: str | None = None,
    ) -> str:
        """What a model says to `prompt` behind `messages`: that of `llm_agent`, or else this agent's own."""
        client = (llm_agent.client if llm_agent is not None else None) or self.client
        if not client:
            raise ConfigError(f"agent {self.name!r}: no OpenAIWrapper client is found to reflect with")
        known = [*cast("Sequence[dict[str, Any]]", messages), {"role": role or "system", "content": prompt}]
        token = _purpose.set("summary")
        try:
            answer: Any = self._generate_oai_reply_from_client(llm_client=client, messages=known, cache=cache)
        finally:
            _purpose.reset(token)
        text: Any = cast("Mapping[str, Any]", answer).get("content") if isinstance(answer, Mapping) else answer
        return str(text or "")


async def _ask(
    run: Run, agent: "ConversableAgent", client: Any, messages: list[dict[str, Any]], cache: Any, purpose: Purpose
) -> str | dict[str, Any] | None:
    if not client:
        raise ConfigError(f"agent {agent.name!r}: there is no client to ask")
    answer = await asked(run, agent, client, messages, purpose, cache)
    if answer is not None:
        run.tell(answer)
        if purpose == "summary":
            run.said().say("model", (answer.get("content") or "",))
    return cast("str | dict[str, Any] | None", plain(answer))


_told: WeakSet[type] = WeakSet()
"""Classes that were looked through."""


def tell_of_overrides(kind: type) -> None:
    """Warn, once for a class, of the inner methods that it overrides and nobody calls."""
    if kind in _told:
        return
    _told.add(kind)
    named = [name for name in NEVER_CALLED if hasattr(kind, name)]
    if not named:
        return
    import warnings

    hints = "; ".join(f"in place of `{name}`, {NEVER_CALLED[name]}" for name in named)
    which = ", ".join(f"`{name}`" for name in named)
    warnings.warn(
        f"{kind.__name__} overrides {which}, which this engine does not call: {hints}", UserWarning, level_of_program()
    )
