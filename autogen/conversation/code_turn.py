"""The code step of the reply chain: which blocks of which messages run, and the reply that tells the outcome.

What runs is decided by where a block comes from (DESIGN section 8, What code runs). Refuses to know executors and
sandboxes.
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal, TypeAlias

from autogen.conversation.callbacks import invoke
from autogen.conversation.human import ask
from autogen.conversation.party import CodeSetup, Messages, Party, own_method
from autogen.conversation.run import Run
from autogen.conversation.sending import Said
from autogen.core.approval import Approval, Unclear, laid_open, read_decision
from autogen.core.code import CodeBlock, CodeOutcome
from autogen.core.effects import Emit, RunCode
from autogen.core.errors import ConfigError
from autogen.core.events import CodeStarted, Notice
from autogen.core.heard import UNTRUSTED, Whose
from autogen.core.model import Origin
from autogen.core.transcript import own_content, restored_origin

Blocks: TypeAlias = tuple[CodeBlock, ...]

_REFUSED = "exitcode: 1 (execution refused)\nCode output: The block was not run: it {why}, and nobody approved it. "
_APPROVE = "{me} is about to run code that {why}.\n{code}\nType 'yes' to run it, anything else to refuse: "
_WHY = {
    "copied": "stands word for word in content that came from a tool, a file or the web",
    "unknown": "came as carried over, fetched or handed on text, and nobody here is known to have written it",
}
_WAY = {
    "copied": "Write the code in your own words.",
    "unknown": "Send the code as a message of its own.",
}


async def run_blocks(run: Run, agent: Party, messages: Messages, legacy: bool) -> tuple[bool, Any]:
    """Run the newest code that this agent may run; `(False, None)` when there is none."""
    setup = agent._code_use()
    if setup is None or not messages:
        return False, None
    for message in _to_scan(agent, messages, setup.last_n_messages):
        content = message.get("content")
        blocks = setup.blocks_in(content) if content else ()
        if not blocks:
            continue
        own = _own_blocks(agent, setup, message)
        strange = _strange(run, agent, setup, message, blocks, own)
        if strange and not await _approved(run, agent, setup, strange):
            why = "copied" if "copied" in strange.values() else "unknown"
            if not own or not own.isdisjoint(strange):
                return True, Said(_REFUSED.format(why=_WHY[why]) + _WAY[why], "code")
            blocks = tuple(block for block in blocks if block.code not in strange)
            await Emit(Notice(f"{agent.name} leaves out a carried over block: it {_WHY[why]}, and nobody approved it"))
        agent._state.ran |= {block.code for block in blocks}
        outcome = await (_one_by_one(run, agent, blocks) if legacy else _together(run, agent, setup, blocks))
        run.effect()
        return True, Said(reply_text(outcome), "code")
    return False, None


def reply_text(outcome: CodeOutcome) -> str:
    """0.2's reply for an outcome."""
    status = "execution succeeded" if outcome.exit_code == 0 else "execution failed"
    return f"exitcode: {outcome.exit_code} ({status})\nCode output: {outcome.output}"


def _origin(agent: Party, message: Mapping[str, Any]) -> Origin:
    """Where a message comes from. A copy that a hook made is known by its content, else taken for a model's."""
    origin: Origin | None = getattr(message, "origin", None)
    if origin is not None:
        return origin
    histories = agent._state.histories
    content = message.get("content")
    for history in histories.values():
        for known in history:
            if known.get("content") == content:
                return getattr(known, "origin", None) or restored_origin(known)
    return "model" if any(histories.values()) else "program"


def _to_scan(agent: Party, messages: Messages, last_n: int | Literal["auto"]) -> list[Mapping[str, Any]]:
    """The messages whose code may run, newest first."""
    newest_first = list(reversed(messages))
    since_own = 0
    for message in newest_first:
        if message.get("role") not in ("user", "tool", "function"):
            break
        since_own += 1
    wanted = newest_first[: since_own if last_n == "auto" else last_n]
    scanned: list[Mapping[str, Any]] = []
    for index, message in enumerate(wanted):
        origin = _origin(agent, message)
        if message.get("role") in ("tool", "function") or origin in UNTRUSTED:
            continue  # nobody in the conversation wrote it
        if origin in ("model", "quoted", "carried") and index >= since_own:
            continue  # the executor has spoken since: this code had its turn
        scanned.append(message)
    return scanned


def _own_blocks(agent: Party, setup: CodeSetup, message: Mapping[str, Any]) -> frozenset[str]:
    """The code in the own words of a message that something was carried over into."""
    if _origin(agent, message) != "carried":
        return frozenset()
    return frozenset(block.code for block in setup.blocks_in(own_content(message, "carried")))


def _strange(
    run: Run, agent: Party, setup: CodeSetup, message: Mapping[str, Any], blocks: Blocks, own: Collection[str]
) -> dict[str, Whose]:
    """The blocks that need a person's yes, and why: copies of untrusted content, and quoted ones that nobody wrote.

    What ran here before may run again.
    """
    origin = _origin(agent, message)
    if origin == "human" or setup.execute_untrusted:
        return {}
    strange: dict[str, Whose] = {}
    for code in dict.fromkeys(block.code for block in blocks if block.code not in agent._state.ran):
        quoted = origin in ("quoted", "carried") and code not in own
        if quoted or run.hears_untrusted():
            whose = run.whose(code)
            if whose == "copied" or (quoted and whose == "unknown"):
                strange[code] = whose
    return strange


async def _approved(run: Run, agent: Party, setup: CodeSetup, strange: dict[str, Whose]) -> bool:
    if agent.human_input_mode == "NEVER":
        return False
    why = _WHY["copied" if "copied" in strange.values() else "unknown"]
    code = "\n\n".join(map(laid_open, strange))
    approval = Approval(code=tuple(strange), sandbox=setup.sandbox, work_dir=setup.work_dir)
    answer = await ask(run, agent, _APPROVE.format(me=agent.name, why=why, code=code), approval)
    try:
        return read_decision(answer, approval.verdicts).decision == "approve"
    except Unclear:  # anything else refuses, says the question
        return False


async def _together(run: Run, agent: Party, setup: CodeSetup, blocks: Blocks) -> CodeOutcome:
    await Emit(CodeStarted(agent.name, tuple(block.language for block in blocks)))
    return await RunCode(agent.name, blocks, setup.executor)


async def _one_by_one(run: Run, agent: Party, blocks: Blocks) -> CodeOutcome:
    """The older form; the program's own `execute_code_blocks` comes first."""
    own = own_method(agent, "execute_code_blocks", run.is_async)
    if own is not None:
        pairs = [(block.language, block.code) for block in blocks]
        code, logs = await invoke(agent.name, "override", "execute_code_blocks", own, (pairs,))
        return CodeOutcome(exit_code=int(code), output=str(logs))
    return await one_by_one(run, agent, blocks)


async def one_by_one(run: Run, agent: Party, blocks: Blocks) -> CodeOutcome:
    """Each block on its own, logs joined, up to the first failure."""
    logs_all = ""
    outcome = CodeOutcome(exit_code=0, output="")
    for index, block in enumerate(blocks):
        outcome = await _run_one(run, agent, block, index)
        logs_all += f"\n{outcome.output}"
        if outcome.exit_code != 0:
            break
    return CodeOutcome(
        exit_code=outcome.exit_code,
        output=logs_all,
        why=outcome.why,
        sandbox=outcome.sandbox,
        truncated=outcome.truncated,
        code_file=outcome.code_file,
        image=outcome.image,
    )


async def _run_one(run: Run, agent: Party, block: CodeBlock, index: int) -> CodeOutcome:
    """One block in the older form; the program's own `run_code` comes first."""
    await Emit(CodeStarted(agent.name, (block.language,), index))
    own = own_method(agent, "run_code", run.is_async)
    if own is not None:
        code, logs, image = await invoke(
            agent.name, "override", "run_code", own, (block.code,), agent._run_code_options(block)
        )
        return CodeOutcome(exit_code=int(code), output=str(logs), image=image)
    setup = agent._code_use()
    if setup is None:
        raise ConfigError(f"agent {agent.name!r} runs no code; give it a code_execution_config")
    return await RunCode(agent.name, (block,), setup.executor)
