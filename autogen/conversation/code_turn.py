"""The code step of the reply chain: which blocks of which messages run, and the reply that tells the outcome.

What runs is decided by where a block comes from (DESIGN section 8, What code runs). Refuses to know executors and
sandboxes.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from autogen.conversation.callbacks import invoke
from autogen.conversation.human import ask
from autogen.conversation.party import CodeSetup, Messages, Party, own_method
from autogen.conversation.run import Run
from autogen.conversation.sending import Said
from autogen.core.code import CodeBlock, CodeOutcome
from autogen.core.effects import Emit, RunCode
from autogen.core.errors import ConfigError
from autogen.core.events import CodeStarted
from autogen.core.model import Origin
from autogen.core.provenance import untrusted_overlap
from autogen.core.transcript import UNTRUSTED, restored_origin

Blocks: TypeAlias = tuple[CodeBlock, ...]

REFUSED = (
    "exitcode: 1 (execution refused)\nCode output: The block was not run: it stands word for word in content that came "
    "from a tool, a file or the web, and nobody approved it. Write the code in your own words."
)
APPROVE = (
    "{me} is about to run code that stands word for word in content from a tool, a file or the web.\n{code}\n"
    "Type 'yes' to run it, anything else to refuse: "
)

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""Control characters but line ends and tabs, and what changes the direction or is not seen at all."""


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
        if not await _may_run(run, agent, setup, message, blocks):
            return True, Said(REFUSED, "code")
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
        if origin == "model" and index >= since_own:
            continue  # the executor has spoken since: this code had its turn
        scanned.append(message)
    return scanned


async def _may_run(run: Run, agent: Party, setup: CodeSetup, message: Mapping[str, Any], blocks: Blocks) -> bool:
    """Model-written code that repeats untrusted content word for word needs a person's yes.

    What ran here before may run again: its own traceback shows it, and makes it no stranger's.
    """
    if _origin(agent, message) != "model" or setup.execute_untrusted:
        return True
    untrusted = tuple(run.untrusted_texts())
    new = [block.code for block in blocks if block.code not in agent._state.ran]
    copied = [code for code in new if untrusted and untrusted_overlap(code, untrusted)]
    if not copied:
        return True
    if agent.human_input_mode == "NEVER":
        return False
    answer = await ask(run, agent, APPROVE.format(me=agent.name, code="\n\n".join(map(_laid_open, copied))))
    return answer.strip().lower() in ("y", "yes")


def _laid_open(code: str) -> str:
    """The code with what a terminal would obey or hide as escapes: a person approves what is there."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", code)


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
