"""The summary of a chat: its last message, a model's reflection, or the program's own callable.

Refuses to know how chats go. The texts that address a model are ours.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from autogen.conversation.callbacks import invoke
from autogen.conversation.model_turn import FROM_CLIENT, ask_model
from autogen.conversation.party import Party, own_inner, own_method
from autogen.conversation.run import Run
from autogen.core.errors import ConfigError

SUMMARY_PROMPT = (
    "Sum up what the conversation above arrived at, for a reader who was not there. Give results, decisions and facts; "
    "leave out greetings and the way there. If a task was set, answer it directly."
)


_INNER = ("_summarize_chat", "_last_msg_as_summary", "_reflection_with_llm_as_summary", "_reflection_with_llm")
"""0.2's inner methods that make a summary; the first one calls the others."""


async def summarise(
    run: Run, sender: Party, recipient: Party, method: Any, arguments: Mapping[str, Any], cache: Any
) -> str:
    """The summary by `method`, or by what the program has put in the place of 0.2's inner methods."""
    names = (*_INNER, FROM_CLIENT) if method == "reflection_with_llm" else _INNER
    if all(own_inner(sender, name) is None for name in names):
        return await standard_summary(run, sender, recipient, method, arguments, cache)
    made = await invoke(
        sender.name,
        "override",
        _INNER[0],
        sender._summarize_chat,
        (method, dict(arguments), recipient),
        {"cache": cache},
    )
    return cast("str", made)


async def standard_summary(
    run: Run, sender: Party, recipient: Party, method: Any, arguments: Mapping[str, Any], cache: Any
) -> str:
    """The summary by `method`: "last_msg", "reflection_with_llm", `callable(sender, recipient, arguments)` or None."""
    if method is None:
        return ""
    if method == "last_msg":
        return last_message(sender, recipient)
    if method == "reflection_with_llm":
        return await reflection(run, sender, recipient, arguments)
    if callable(method):
        made: Callable[..., Any] = method
        given = {**arguments, "cache": cache}
        return cast("str", await invoke(sender.name, "summary", "summary_method", made, (sender, recipient, given)))
    raise ConfigError(
        "If not None, the summary_method must be a string from [`reflection_with_llm`, `last_msg`] or a callable."
    )


def last_message(sender: Party, recipient: Party) -> str:
    """The text of the last message, without the word TERMINATE."""
    history = recipient._state.histories[sender]
    content: Any = history[-1].get("content") if history else ""
    if isinstance(content, str):
        return content.replace("TERMINATE", "")
    if isinstance(content, list):
        parts = cast("list[Mapping[str, Any]]", content)
        return "\n".join(part["text"].replace("TERMINATE", "") for part in parts if "text" in part)
    return ""


def summary_texts(arguments: Mapping[str, Any]) -> tuple[str, str]:
    """The prompt and the role of a reflection. Raises ConfigError when one of them is no text."""
    prompt: Any = arguments.get("summary_prompt") or SUMMARY_PROMPT
    if not isinstance(prompt, str):
        raise ConfigError("The summary_prompt must be a string.")
    role: Any = arguments.get("summary_role", "system")
    if not isinstance(role, str):
        raise ConfigError("The summary_role in summary_arg must be a string.")
    return prompt, role


async def reflection(run: Run, sender: Party, recipient: Party, arguments: Mapping[str, Any]) -> str:
    """A model's summary: the recipient's model, else the sender's. ValueError when neither has one."""
    prompt, role = summary_texts(arguments)
    asked = recipient if recipient.client else sender
    own = own_method(recipient, "chat_messages_for_summary", run.is_async)
    history = recipient._summed_up(sender)
    if own is not None:
        history = await invoke(recipient.name, "override", "chat_messages_for_summary", own, (sender,))
    messages = [*history, {"role": role, "content": prompt}]
    reply = await ask_model(run, asked, asked.client, messages, "summary")
    run.said().say("model", (reply.message.text,))
    return reply.message.text
