"""Who speaks next in a group: the program's callable or override, a person, chance, turns, or a model.

Decides in which order 0.2's filters and methods are asked, and how tolerantly a model's answer is read: at most
`max_retries_for_selecting_speaker` times it is asked again, then the next agent in order speaks. Says why, as a
`Chosen`. Refuses to know what is said.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from autogen.conversation.callbacks import invoke
from autogen.conversation.eligible import eligible
from autogen.conversation.group_view import Group, Manager
from autogen.conversation.model_turn import ask_model
from autogen.conversation.naming import Named, named
from autogen.conversation.reply import hook_all
from autogen.conversation.run import Run
from autogen.core.callables import qualified_name
from autogen.core.effects import AskHuman, Draw, Emit
from autogen.core.errors import ConfigError
from autogen.core.events import Line, MessageReceived
from autogen.core.exceptions import NoEligibleSpeaker
from autogen.core.wire import MessageDict

METHODS: Final = ("auto", "manual", "random", "round_robin")
CHECKER, SELECTOR = "checking_agent", "speaker_selection_agent"
"""0.2's names of who asks a model for a speaker, and of who answers."""
TRIES: Final = 3
"""How often a person is asked for a number, the last time not at all."""


class StrangeSpeaker(ConfigError):
    """A function of the program chose a speaker that is none of the group."""

    def __init__(self, chosen: str, by: str, members: tuple[str, ...]) -> None:
        super().__init__(chosen, by, members)
        self.chosen, self.by, self.members = chosen, by, members

    def __str__(self) -> str:
        return (
            f"Custom speaker selection function {self.by!r} returned an agent {self.chosen} not in the group chat; "
            f"members are {', '.join(self.members)}"
        )


class Chosen(Struct, frozen=True, eq=False):
    """The next speaker, how it was chosen, and among whom."""

    agent: Any
    how: str
    detail: str = ""
    candidates: tuple[str, ...] = ()


async def choose(run: Run, manager: Manager, group: Group, last: Any) -> Chosen:
    """The next speaker; an overridden `select_speaker` comes first. Raises NoEligibleSpeaker, ConfigError."""
    own = group._own("select_speaker", run.is_async)
    if own is None:
        return await standard_choice(run, manager, group, last)
    agent = await invoke(manager.name, "override", "select_speaker", own, (last, manager))
    return Chosen(_member(group, agent, own), "override", qualified_name(own), tuple(group.agent_names))


async def standard_choice(run: Run, manager: Manager, group: Group, last: Any) -> Chosen:
    """The next speaker without an overridden `select_speaker`: what `super()` does inside one."""
    method: Any = group.speaker_selection_method
    if callable(method):
        given = await invoke(manager.name, "selector", "speaker_selection_method", method, (last, group))
        if given is None:
            raise NoEligibleSpeaker(f"the selection function {qualified_name(method)!r} chose nobody")
        if not isinstance(given, str):
            agent = _member(group, given, method)
            return Chosen(agent, "callable", qualified_name(method), tuple(group.agent_names))
        method = given
    known = checked_method(method)
    may = eligible(group, last)
    if may.how:
        return Chosen(may.agents[0], may.how, may.detail, (may.agents[0].name,))
    return await by_method(run, manager, group, last, may.agents, known)


async def by_method(run: Run, manager: Manager, group: Group, last: Any, agents: list[Any], method: str) -> Chosen:
    """One of several that may speak."""
    names = tuple(agent.name for agent in agents)
    if method == "random":
        return Chosen(await drawn(agents), "random", candidates=names)
    if method == "manual":
        agent = await by_person(manager.name, agents)
        if agent is not None:
            return Chosen(agent, "manual", candidates=names)
        return Chosen(group.next_agent(last, agents), "next", "the person left it to the order", names)
    if method == "round_robin":
        return Chosen(group.next_agent(last, agents), "round_robin", candidates=names)
    return await by_model(run, manager, group, last, agents, group.messages)


def checked_method(method: Any) -> str:
    """The selection method in lower case. Raises ConfigError for one that nobody knows."""
    known = method.lower() if isinstance(method, str) else method
    if known not in METHODS:
        raise ConfigError(
            f"GroupChat speaker_selection_method is set to '{method}'. It should be one of {list(METHODS)} (case "
            "insensitive), or a function of (last_speaker, groupchat)."
        )
    text: str = known
    return text


def _member(group: Group, agent: Any, by: Callable[..., Any]) -> Any:
    if not hasattr(agent, "generate_reply"):
        raise ConfigError(
            f"Custom speaker selection function {qualified_name(by)!r} returned an object of type {type(agent)} "
            f"instead of Agent or str: {agent!r:.80}"
        )
    if not any(agent is one for one in group.agents):
        raise StrangeSpeaker(str(agent.name), qualified_name(by), tuple(group.agent_names))
    return agent


async def drawn(agents: list[Any]) -> Any:
    """One of `agents` by chance."""
    number: float = await Draw("random")
    return agents[min(int(number * len(agents)), len(agents) - 1)]


async def by_person(asker: str, agents: list[Any]) -> Any:
    """The one that a person chooses by its number; None when they leave it open, or err too often."""
    lines = ["Please select the next speaker from the following list:"]
    lines += [f"{number}: {agent.name}" for number, agent in enumerate(agents, 1)]
    await Emit(Line("\n".join(lines)))
    prompt = "Enter the number of the next speaker (enter nothing or `q` to use auto selection): "
    for _ in range(TRIES - 1):
        answer = (await AskHuman(asker, prompt)).strip()
        if answer in ("", "q"):
            return None
        if answer.isdecimal() and 1 <= int(answer) <= len(agents):
            return agents[int(answer) - 1]
        await Emit(Line(f"Invalid input. Please enter a number between 1 and {len(agents)}."))
    await Emit(Line(f"You have tried {TRIES} times. The next speaker will be selected automatically."))
    return None


async def by_model(
    run: Run, manager: Manager, group: Group, last: Any, agents: list[Any], messages: list[dict[str, Any]]
) -> Chosen:
    """The one that the manager's model names, else the next in order."""
    names = tuple(agent.name for agent in agents)
    client, hooked = group._selector(manager)
    if client is None:
        return Chosen(group.next_agent(last, agents), "next", "there is no model to ask", names)
    role = group.role_for_select_speaker_messages or "system"
    talk = [*messages, _first(group, agents, role)]
    asked = 1 + group.max_retries_for_selecting_speaker
    answer = Named("none")
    for attempt in range(1, asked + 1):
        await _tell(group, CHECKER, SELECTOR, talk[-1])
        text = await _answer(run, manager, client, hooked, group.select_speaker_msg(agents), talk)
        answer = named(text, names)
        reply = MessageDict({"content": text, "role": "assistant", "name": SELECTOR}, "model")
        await _tell(group, SELECTOR, CHECKER, reply)
        await _tell_result(group, attempt, asked, answer)
        if answer.name:
            agent = next(one for one in agents if one.name == answer.name)
            return Chosen(agent, answer.how, f"answer {attempt} of {asked}: {_short(text)}", names)
        template = group.select_speaker_auto_none_template
        if answer.how == "several":
            template = group.select_speaker_auto_multiple_template
        again = {"content": group._filled(template, agents), "role": role, "name": CHECKER}
        talk = [*talk, reply, MessageDict(again, "program")]
    why = "named several" if answer.how == "several" else "named nobody"
    return Chosen(group.next_agent(last, agents), "next", f"the model {why} in {asked} answers", names)


def _first(group: Group, agents: list[Any], role: str) -> dict[str, Any]:
    """What the model is asked first; without a prompt, 0.2 says the last message again."""
    if group.select_speaker_prompt_template is None and group.messages:
        return group.messages[-1]
    prompt = group.select_speaker_prompt(agents)
    return MessageDict({"content": prompt, "role": role, "name": CHECKER}, "program")


async def _answer(run: Run, manager: Manager, client: Any, hooked: Any, system: str, talk: list[Any]) -> str:
    if hooked is not None:
        talk = await hook_all(run, hooked, [dict(message) for message in talk])
    asking = [MessageDict({"content": system, "role": "system"}, "program"), *talk]
    reply = await ask_model(run, manager, client, asking, "speaker")
    text: str = reply.message.text
    return text


async def _tell(group: Group, author: str, to: str, message: dict[str, Any]) -> None:
    if group.select_speaker_auto_verbose:
        await Emit(MessageReceived(author, to, message))


async def _tell_result(group: Group, attempt: int, asked: int, answer: Named) -> None:
    if not group.select_speaker_auto_verbose:
        return
    head = ">>>>>>>> Select speaker attempt"
    if answer.name:
        await Emit(Line(f"{head} {attempt} of {asked} successfully selected: {answer.name}", "green"))
    elif answer.how == "several":
        await Emit(Line(f"{head} {attempt} of {asked} failed as it included multiple agent names.", "red"))
    else:
        await Emit(Line(f"{head} #{attempt} failed as it did not include any agent names.", "red"))


def _short(text: str) -> str:
    known = " ".join(text.split())
    return repr(known if len(known) <= 120 else f"{known[:119]}…")
