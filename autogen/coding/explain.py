"""Say in one line, to the model and the person, why code was stopped and what would help.

Decides the words. Refuses to know who runs code. The lines are added to the output, so they are part of what the
model reads; 0.2's word for a timeout stays the first.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from autogen.coding.sandbox.policy import Limits, Outcome

TIMEOUT_MSG: Final = "Timeout"
_MIB: Final = 1024 * 1024
_ENABLE: Final = 'code_execution_config={"network": True} or a list of hosts, or network= of the executor'


def explained(outcome: "Outcome", limits: "Limits", network: bool | tuple[str, ...], shadows: list[str]) -> str:
    """The output, then a line for each thing that its reader should know.

    shadows: modules of Python's own that a file of the run hides from later code.
    """
    notes = [line for line in (_stop(outcome, limits), _network(outcome, network)) if line]
    notes += [f"Note: {name} hides a module of Python's own from later code here; rename it" for name in shadows]
    return outcome.output + "".join(f"\n{line}" for line in notes)


def _stop(outcome: "Outcome", limits: "Limits") -> str:
    match outcome.why:
        case "ok" | "error":
            return ""
        case "timeout":
            return f"{TIMEOUT_MSG}: stopped after {limits.wall_s:g} s, the time limit"
        case "memory":
            return f"Stopped: memory limit {_size(limits.memory_bytes)}"
        case "pids":
            return f"Stopped: limit of {limits.processes} processes and threads"
        case "disk":
            return (
                f"Stopped: disk limit ({_size(limits.disk_bytes)} in all, {_size(limits.file_bytes)} a file, "
                f"{limits.files} files)"
            )
        case "output":
            return f"Stopped: far more output than the {_size(limits.output_bytes)} that are kept"
        case "killed":
            return f"Stopped by signal {outcome.exit_code - 128}" if outcome.exit_code > 128 else "Stopped from outside"


def _network(outcome: "Outcome", network: bool | tuple[str, ...]) -> str:
    if not outcome.refused_network or network is True:
        return ""
    if network:
        return f"Note: only these hosts can be reached from here: {', '.join(network)}; more with {_ENABLE}"
    return f"Note: network is off; enable with {_ENABLE}"


def _size(count: int) -> str:
    return f"{count / _MIB:g} MB" if count >= _MIB else f"{count} bytes"
