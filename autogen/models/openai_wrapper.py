"""`OpenAIWrapper`: 0.2's model client, an agent's `client`.

Decides what a config list and the keys around it mean, and keeps the usage. Refuses to know how calls are made: both
faces, and the agents' `CallModel`, carry out the one coroutine of `client.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from autogen.core.effects import Purpose
from autogen.core.errors import ConfigError
from autogen.core.model import ModelReply, ModelRequest
from autogen.drivers.performer import EmitNow, silent
from autogen.models.config_keys import CONNECTION, OURS, check_keys
from autogen.models.custom_client import OpenAIClient, PlaceHolderClient, mark_response
from autogen.models.entries import Entry, own_entry, read_entry
from autogen.models.openai_params import instantiate, instantiated, read_messages, tool_specs
from autogen.models.usage import Summary, UsageLog, print_summary

if TYPE_CHECKING:
    from autogen.models.client import Answer, Ledger

_CALL_KEYS = frozenset({"agent", "allow_format_str_template", "cache", "context", "filter_func"})


class OpenAIWrapper:
    """Calls the models of a config list in order, until one answers.

    config_list: a list of dicts, each with `model` and what reaches it (`api_key`, `base_url`, `api_type`, ...).
    base_config: keys that hold for all entries; the keys of an entry win over them, and both over those of a call.
    Copies share connections and registered clients, and count usage on their own.
    """

    extra_kwargs = {
        "agent", "allow_format_str_template", "api_type", "api_version", "cache", "cache_seed", "context",
        "filter_func", "price", "tags",
    }  # fmt: skip
    openai_kwargs = set(CONNECTION - {"api_base"})
    aopenai_kwargs = openai_kwargs
    _stand_ins: list[Any] | None = None
    """See `_clients`."""

    def __init__(self, *, config_list: list[dict[str, Any]] | None = None, **base_config: Any) -> None:
        if config_list is not None and not isinstance(cast("Any", config_list), (list, tuple)):
            raise ConfigError(f"config_list must be a list of dicts, got {type(config_list).__name__}")
        configs: Sequence[Any] = config_list or [{}]
        self._entries: list[Entry] = [read_entry(config, base_config, index) for index, config in enumerate(configs)]
        self._usage = UsageLog()
        for entry in self._entries:
            if entry.kind == "custom":
                _log_info(
                    "Detected custom model client in config: %s, model client can not be used until "
                    "register_model_client is called.",
                    entry.client_name,
                )

    def __repr__(self) -> str:
        return f"OpenAIWrapper({', '.join(map(repr, self._entries))})"

    def __deepcopy__(self, memo: dict[int, Any]) -> "OpenAIWrapper":
        copied = object.__new__(type(self))
        memo[id(self)] = copied
        copied.__dict__.update(self.__dict__)
        copied._entries, copied._clients = list(self._entries), list(self._clients)
        if "_visible" in copied.__dict__:
            copied._config_list = [dict(config) for config in self._config_list]
        copied._usage = self._usage.copied()
        return copied

    @property
    def _config_list(self) -> list[dict[str, Any]]:
        """What 0.2 showed of the entries; made when asked for, since others may have the same entries."""
        known: list[dict[str, Any]] | None = self.__dict__.get("_visible")
        if known is None:
            self._entries = [own_entry(entry) for entry in self._entries]
            made = [entry.visible for entry in self._entries]
            known = cast("list[dict[str, Any]]", self.__dict__.setdefault("_visible", made))
        return known

    @_config_list.setter
    def _config_list(self, value: list[dict[str, Any]]) -> None:
        self.__dict__["_visible"] = value

    @property
    def _clients(self) -> list[Any]:
        """By entry: the program's own client, or what stands for ours."""
        known = self._stand_ins
        if known is None:
            made = [_stand_in(entry) for entry in self._entries]
            known = cast("list[Any]", self.__dict__.setdefault("_stand_ins", made))
        return known

    @_clients.setter
    def _clients(self, value: list[Any]) -> None:
        self.__dict__["_stand_ins"] = value

    # ---- calling ----------------------------------------------------------------------------------------------------

    def create(self, **config: Any) -> Any:
        """Ask for one answer; a `ChatCompletion`, or what a custom model client returned.

        config: messages (or prompt), functions, tools, context (for templates and `filter_func`), cache, filter_func
        (`f(context=, response=) -> bool`), agent, allow_format_str_template, and any parameter of Chat Completions.
        Raises the tree of `models/errors.py`; a time-out is a `TimeoutError`.
        """
        from autogen.drivers.blocking import perform

        return perform(self._create(config))

    async def a_create(self, **config: Any) -> Any:
        """`create` under asyncio. Not in 0.2."""
        from autogen.drivers.concurrent import perform

        return await perform(self._create(config))

    async def complete(
        self,
        request: ModelRequest,
        *,
        agent: str = "",
        purpose: Purpose = "other",
        cache: Any = None,
        emit: EmitNow = silent,
        deadline: float | None = None,
        ledger: "Ledger | None" = None,
    ) -> ModelReply:
        """The reply to a request, its usage counted: the performer of this client's `CallModel`.

        cache: overrides the entries' own choice. deadline: seconds for all entries together. ledger: told of attempts
        that failed.
        """
        from autogen.models.client import Call, answer

        call = Call(
            request=request, agent=agent, purpose=purpose, cache=cache, emit=emit, deadline=deadline,
            record=self._record, ledger=ledger,
        )  # fmt: skip
        return (await answer(self._ready(), call)).reply

    async def _create(self, config: Mapping[str, Any]) -> Any:
        from autogen.drivers.waiting import refuse_if_left_behind
        from autogen.models.client import Call, answer

        refuse_if_left_behind()
        entries = self._ready()
        context = config.get("context")
        prompt, messages = config.get("prompt"), config.get("messages")
        if (prompt is None) == (messages is None):
            raise ConfigError("Either prompt or messages should be in create config but not both.")
        allow = config.get("allow_format_str_template", self._base("allow_format_str_template", False))
        if messages is None:
            messages = [{"role": "user", "content": instantiate(prompt, context, allow)}]
        else:
            messages = instantiated(messages, context, bool(allow))
        settings = {
            key: value
            for key, value in config.items()
            if key not in OURS and key not in ("messages", "model", "prompt", "tools", "functions")
        }
        check_keys(config, "the call of create")
        call = Call(
            request=ModelRequest(
                read_messages(messages), tool_specs(config.get("tools"), config.get("functions")), settings
            ),
            agent=_name_of(config.get("agent")),
            cache=config.get("cache"),
            context=context,
            filter_func=config.get("filter_func", self._base("filter_func", None)),
            raw_messages=messages,
            record=self._record,
            emit=_console(),
        )
        model = config.get("model")
        if "cache_seed" in config or model:
            entries = [_with_call_keys(entry, config) for entry in entries]
        response = self._response(await answer(entries, call))
        if prompt is not None:
            # The old completions endpoint is gone from most servers: a prompt is a user's message, and `.text` reads.
            for choice in response.choices:
                mark_response(choice, {"text": choice.message.content})
        return response

    def _response(self, found: "Answer") -> Any:
        from autogen.models.completion import texts_or_messages, to_completion

        client = self._clients[found.entry.index]
        retrieval = getattr(client, "message_retrieval", texts_or_messages)
        if found.native is None:
            if found.reply.cached:
                retrieval = texts_or_messages
            return to_completion(found.reply, passed=found.passed, retrieval=retrieval)
        marks = {
            "message_retrieval_function": retrieval,
            "config_id": found.reply.config_id,
            "pass_filter": found.passed,
        }
        mark_response(found.native, marks)
        return found.native

    def _ready(self) -> list[Entry]:
        """The entries with their clients; one that the program put into `_clients` itself counts as custom.

        Raises RuntimeError when a custom client is not registered.
        """
        if self._stand_ins is None and "custom" not in [entry.kind for entry in self._entries]:
            return self._entries
        missing = [
            entry.client_name
            for entry, client in zip(self._entries, self._clients, strict=True)
            if isinstance(client, PlaceHolderClient)
        ]
        if missing:
            from autogen.models.client import unregistered

            raise unregistered(missing)
        return [
            entry
            if isinstance(client, OpenAIClient)
            else replace(entry, kind="custom", client=client, client_name=type(client).__name__)
            for entry, client in zip(self._entries, self._clients, strict=True)
        ]

    def _base(self, key: str, default: Any) -> Any:
        known: list[dict[str, Any]] | None = self.__dict__.get("_visible")
        for config in [entry.visible for entry in self._entries] if known is None else known:
            if key in config:
                return config[key]
        return default

    # ---- custom clients ---------------------------------------------------------------------------------------------

    def register_model_client(self, model_client_cls: Any, **kwargs: Any) -> None:
        """Make `model_client_cls(config, **kwargs)` for the first entry that names it and has no client yet.

        Raises ValueError when no entry names it.
        """
        name = str(model_client_cls.__name__)
        named = [entry.index for entry in self._entries if entry.kind == "custom" and entry.client_name == name]
        if not named:
            raise ConfigError(
                f'Model client "{name}" is being registered but was not found in the config_list. Please make sure to '
                f'include an entry in the config_list with "model_client_cls": "{name}"'
            )
        for index in named:
            if isinstance(self._clients[index], PlaceHolderClient):
                self._clients[index] = model_client_cls(dict(self._entries[index].raw or {}), **kwargs)
                return
        _log_warning(
            "Model client %s is already registered. Add more entries in the config_list to use multiple model clients.",
            name,
        )

    # ---- usage ------------------------------------------------------------------------------------------------------

    @property
    def total_usage_summary(self) -> Summary | None:
        """Usage with answers from the cache; None before the first answer."""
        return self._usage.total

    @total_usage_summary.setter
    def total_usage_summary(self, value: Summary | None) -> None:
        self._usage.total = value

    @property
    def actual_usage_summary(self) -> Summary | None:
        """Usage without answers from the cache."""
        return self._usage.actual

    @actual_usage_summary.setter
    def actual_usage_summary(self, value: Summary | None) -> None:
        self._usage.actual = value

    def _record(self, found: "Answer") -> None:
        if found.counted:
            self._usage.add(found.reply)

    def recalled(self, reply: "ModelReply") -> None:
        """Count an answer that a journal gave in place of a call."""
        self._usage.add(reply)
        for entry in self._entries[reply.config_id : reply.config_id + 1]:
            if entry.kind == "scripted":
                entry.client.recalled(reply)

    def recalled_failure(self, error: BaseException) -> None:
        """Note a failure that a journal told in place of a call."""
        for entry in self._entries:
            if entry.kind == "scripted":
                entry.client.recalled_failure(error)

    def usage_now(self) -> tuple[Summary | None, Summary | None]:
        """The total and the actual usage, to be read only."""
        if type(self) is OpenAIWrapper:
            return self._usage.seen()
        return self.total_usage_summary, self.actual_usage_summary  # a class of the program's may have its own

    def print_usage_summary(self, mode: str | list[str] = ["actual", "total"]) -> None:  # noqa: B006 - 0.2's signature
        """Print the usage. mode: "actual" (without cached answers), "total" or a list of both."""
        print_summary(*self.usage_now(), mode, _write_line)

    def clear_usage_summary(self) -> None:
        """Forget the usage."""
        self._usage.clear()

    # ---- helpers of 0.2 ---------------------------------------------------------------------------------------------

    @classmethod
    def extract_text_or_completion_object(cls, response: Any) -> list[Any]:
        """Of each choice its text, or its message when that calls tools or a function."""
        from autogen.models.completion import texts_or_messages

        retrieval = getattr(response, "message_retrieval_function", None) or texts_or_messages
        return list(retrieval(response))

    @classmethod
    def instantiate(
        cls,
        template: str | Callable[[Mapping[str, Any]], str] | None,
        context: Mapping[str, Any] | None = None,
        allow_format_str_template: bool | None = False,
    ) -> Any:
        """0.2's templates: a callable gets the context; a text is formatted with it when that is allowed."""
        return instantiate(template, context, allow_format_str_template)


OWN_CREATE = OpenAIWrapper.create
"""As we made it: what stands at its place now may be the program's, or a test's."""


def _stand_in(entry: Entry) -> Any:
    if entry.kind == "custom":
        return PlaceHolderClient(entry.visible)
    return OpenAIClient(entry)


def _with_call_keys(entry: Entry, config: Mapping[str, Any]) -> Entry:
    """A call's `model` and `cache_seed` hold where the entry says nothing of its own."""
    if config.get("model") and not entry.model:
        entry = replace(entry, model=str(config["model"]))
    if "cache_seed" in config and "cache_seed" not in entry.visible:
        entry = replace(entry, cache_seed=config["cache_seed"])
    return entry


def _name_of(agent: Any) -> str:
    return str(getattr(agent, "name", agent) or "")


def _console() -> EmitNow:
    """Prints streamed text, as 0.2's `create` did."""
    from autogen.observability.console import Console

    return Console()


def _write_line(text: str) -> None:
    from autogen.observability.io_stream import IOStream

    IOStream.get_default().print(text, flush=True)


def _log_info(text: str, *facts: object) -> None:
    import logging

    logging.getLogger("autogen.oai.client").info(text, *facts)


def _log_warning(text: str, *facts: object) -> None:
    import logging

    logging.getLogger("autogen.oai.client").warning(text, *facts)
