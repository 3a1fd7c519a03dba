"""How an agent finds its reply: the chain, its built-in steps as public methods, and its hooks.

The steps themselves are pure and live in `conversation/`; a function here marked `builtin` stands for one of them in
`_reply_func_list`. Refuses to know how messages travel.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from autogen.agents.base import AgentBase
from autogen.agents.checks import check_hook, check_reply_function, is_trigger
from autogen.agents.faces import blocking, concurrent
from autogen.conversation import human, reply
from autogen.conversation.run import Run
from autogen.conversation.sending import plain
from autogen.core.callables import is_async, qualified_name
from autogen.core.errors import ConfigAssertion, ConfigError

F = TypeVar("F", bound=Callable[..., Any])

Answer = tuple[bool, "str | dict[str, Any] | None"]
ReplyFunction = Callable[..., Any]
Messages = list[dict[str, Any]]


def builtin(step: str) -> Callable[[F], F]:
    """Mark a method as standing for the pure step `step` in a reply chain."""

    def mark(function: F) -> F:
        marks = {"__autogen_step__": step, "__autogen_async__": is_async(function)}
        function.__dict__.update(marks)  # read by conversation.reply
        return function

    return mark


async def step_of(
    run: Run, step: str, agent: Any, messages: Any, sender: Any, config: Any
) -> tuple[bool, str | dict[str, Any] | None]:
    if messages is None:
        messages = agent._state.histories[sender]
    if config is False and step in ("code", "executor"):
        return False, None
    final, answer = await reply.take_step(step, run, agent, messages, sender, config)
    run.tell(answer)
    return final, plain(answer)


class Replying(AgentBase):
    """The part of ConversableAgent that answers."""

    def generate_reply(
        self,
        messages: Messages | None = None,
        sender: Any = None,
        **kwargs: Any,
    ) -> str | dict[str, Any] | None:
        """The reply to `messages`, or to what `sender` sent: text, a message dict, or None for no reply.

        exclude (keyword): reply functions to leave out. Raises AssertionError without both arguments.
        """
        return blocking(lambda run: _reply(run, self, messages, sender, kwargs))

    async def a_generate_reply(
        self,
        messages: Messages | None = None,
        sender: Any = None,
        **kwargs: Any,
    ) -> str | dict[str, Any] | None:
        """`generate_reply` on an event loop."""
        return await concurrent(lambda run: _reply(run, self, messages, sender, kwargs))

    @builtin("human")
    def check_termination_and_human_reply(
        self, messages: Messages | None = None, sender: Any = None, config: Any = None
    ) -> Answer:
        """Is the chat over, and does the person speak? `(True, None)` ends it."""
        return blocking(lambda run: step_of(run, "human", self, messages, sender, config))

    @builtin("human")
    async def a_check_termination_and_human_reply(
        self, messages: Messages | None = None, sender: Any = None, config: Any = None
    ) -> Answer:
        """`check_termination_and_human_reply` on an event loop."""
        return await concurrent(lambda run: step_of(run, "human", self, messages, sender, config))

    @builtin("function")
    def generate_function_call_reply(
        self, messages: Messages | None = None, sender: Any = None, config: Any = None
    ) -> Answer:
        """Answer the old `function_call` of the last message."""
        return blocking(lambda run: step_of(run, "function", self, messages, sender, config))

    @builtin("function")
    async def a_generate_function_call_reply(
        self, messages: Messages | None = None, sender: Any = None, config: Any = None
    ) -> Answer:
        """`generate_function_call_reply` on an event loop."""
        return await concurrent(lambda run: step_of(run, "function", self, messages, sender, config))

    @builtin("tools")
    def generate_tool_calls_reply(
        self, messages: Messages | None = None, sender: Any = None, config: Any = None
    ) -> Answer:
        """Answer all tool calls of the last message in one message."""
        return blocking(lambda run: step_of(run, "tools", self, messages, sender, config))

    @builtin("tools")
    async def a_generate_tool_calls_reply(
        self, messages: Messages | None = None, sender: Any = None, config: Any = None
    ) -> Answer:
        """`generate_tool_calls_reply` on an event loop."""
        return await concurrent(lambda run: step_of(run, "tools", self, messages, sender, config))

    @builtin("code")
    def generate_code_execution_reply(
        self, messages: Messages | None = None, sender: Any = None, config: Any = None
    ) -> Answer:
        """Run the newest code of the messages, by `code_execution_config`."""
        return blocking(lambda run: step_of(run, "code", self, messages, sender, config))

    @builtin("executor")
    def _generate_code_execution_reply_using_executor(
        self, messages: Messages | None = None, sender: Any = None, config: Any = None
    ) -> Answer:
        """Run the newest code of the messages in the agent's executor."""
        return blocking(lambda run: step_of(run, "executor", self, messages, sender, config))

    @builtin("model")
    def generate_oai_reply(self, messages: Messages | None = None, sender: Any = None, config: Any = None) -> Answer:
        """Ask the agent's model; `config` may be another client."""
        return blocking(lambda run: step_of(run, "model", self, messages, sender, config))

    @builtin("model")
    async def a_generate_oai_reply(
        self, messages: Messages | None = None, sender: Any = None, config: Any = None
    ) -> Answer:
        """`generate_oai_reply` on an event loop."""
        return await concurrent(lambda run: step_of(run, "model", self, messages, sender, config))

    def get_human_input(self, prompt: str) -> str:
        """Ask the person. Override it to ask in your own way; the chat calls it."""
        return blocking(lambda run: human.ask_here(run, self._whole, prompt))

    async def a_get_human_input(self, prompt: str) -> str:
        """`get_human_input` on an event loop."""
        return await concurrent(lambda run: human.ask_here(run, self._whole, prompt))

    def register_reply(
        self,
        trigger: Any,
        reply_func: ReplyFunction,
        position: int = 0,
        config: Any = None,
        reset_config: Callable[..., Any] | None = None,
        *,
        ignore_async_in_sync_chat: bool = False,
        remove_other_reply_funcs: bool = False,
    ) -> None:
        """Put a reply function into the chain, in front by default.

        trigger: whose messages it answers: a class, an agent, a name, `callable(sender) -> bool`, or a list of these.
        reply_func: `f(agent, messages=, sender=, config=) -> (final, reply)`, sync or async.
        config: handed to it as a shallow copy; `reset()` restores it, by `reset_config(config)` if given.
        Raises ValueError for another kind of trigger.
        """
        if not is_trigger(trigger):
            raise ConfigError(
                "trigger must be a class, a string, an agent, a callable or a list. "
                f"Agent {self.name!r} got {trigger!r:.80}"
            )
        check_reply_function(self.name, reply_func)
        if remove_other_reply_funcs:
            self._reply_func_list.clear()
        from copy import copy

        self._reply_func_list.insert(
            position,
            {
                "trigger": trigger,
                "reply_func": reply_func,
                "config": copy(config),
                "init_config": config,
                "reset_config": reset_config,
                "ignore_async_in_sync_chat": ignore_async_in_sync_chat and is_async(reply_func),
            },
        )

    def replace_reply_func(self, old_reply_func: ReplyFunction, new_reply_func: ReplyFunction) -> None:
        """Put `new_reply_func` wherever `old_reply_func` stands in the chain."""
        for entry in self._reply_func_list:
            if entry["reply_func"] == old_reply_func:
                entry["reply_func"] = new_reply_func

    def register_hook(self, hookable_method: str, hook: Callable[..., Any]) -> None:
        """Add a hook; the same for blocking and async chats, whether it is sync or async.

        hookable_method: process_last_received_message(content) -> content, process_all_messages_before_reply(messages)
            -> messages, or process_message_before_send(sender=, message=, recipient=, silent=) -> message. A name
            with `a_` in front is 0.2's list for async chats: each kind of chat uses its own list, or else the other.
        Raises AssertionError for an unknown name or a hook that is there already.
        """
        if hookable_method not in self.hook_lists:
            known = ", ".join(self.hook_lists)
            raise ConfigAssertion(f"{hookable_method} is not a hookable method. The hookable methods are: {known}")
        hooks = self.hook_lists[hookable_method]
        if hook in hooks:
            raise ConfigAssertion(f"{qualified_name(hook)} is already registered as a hook.")
        check_hook(self.name, hookable_method, hook)
        hooks.append(hook)

    def process_all_messages_before_reply(self, messages: Messages) -> Messages:
        """The messages after the hooks of that name."""
        return blocking(lambda run: reply.hook_all(run, self._whole, messages))

    async def a_process_all_messages_before_reply(self, messages: Messages) -> Messages:
        """`process_all_messages_before_reply` on an event loop."""
        return await concurrent(lambda run: reply.hook_all(run, self._whole, messages))

    def process_last_received_message(self, messages: Messages) -> Messages:
        """The messages with the last one after the hooks of that name."""
        return blocking(lambda run: reply.hook_last(run, self._whole, messages))

    async def a_process_last_received_message(self, messages: Messages) -> Messages:
        """`process_last_received_message` on an event loop."""
        return await concurrent(lambda run: reply.hook_last(run, self._whole, messages))


async def _reply(
    run: Run, agent: Any, messages: Any, sender: Any, kwargs: dict[str, Any]
) -> str | dict[str, Any] | None:
    if messages is None and sender is None:
        raise ConfigAssertion("Either messages or sender must be provided.")
    history = agent._state.histories[sender] if messages is None else _checked(messages)
    answer = await reply.generate_reply(run, agent, history, sender, kwargs.get("exclude") or ())
    run.tell(answer)
    shown: str | dict[str, Any] | None = plain(answer)
    return shown


def _checked(messages: Any) -> Messages:
    if not isinstance(messages, (list, tuple)) or not all(
        isinstance(one, Mapping) for one in cast("list[object]", messages)
    ):
        raise ConfigError(
            f"messages must be a list of message dicts such as {{'role': 'user', 'content': ...}}, got {messages!r:.80}"
        )
    return cast("Messages", messages)
