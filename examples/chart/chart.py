"""Plots a chart with two agents: one writes code, the other runs it in a sandbox and sends back what happened.

This is the first program of AutoGen 0.2, with three additions: it plays script.json unless an option names a model, it
puts the sample prices into the work directory, and it tells at the end what came of the chat.
Run it: `scripts/run`, or `python examples/chart/chart.py --help`.
"""

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from autogen import AssistantAgent, UserProxyAgent
from autogen.cli.endpoints import Wanted, find_model
from autogen.cli.exits import NoModel, UserError
from autogen.cli.report import turns_of
from autogen.core.errors import AutogenError

HERE = Path(__file__).resolve().parent
HINT = (
    "\nprices.csv in the working directory holds this year's daily closing prices of both stocks (sample figures). "
    "The code has no network."
)


def model_config(wanted: Wanted) -> dict[str, Any]:
    """The `llm_config` to use: the lines of script.json, or the model that an option names."""
    if wanted == Wanted():
        print(
            "No model is asked: the assistant's lines come from examples/chart/script.json; the prices are made-up "
            "sample figures, not market data. --model NAME asks a model.\n"
        )
        script = {"model": "script", "api_type": "scripted", "script": str(HERE / "script.json")}
        return {"config_list": [script], "cache_seed": None}
    found = find_model(wanted)
    print(f"The assistant is {found.models[0]} (from {found.origin}).\n")
    return found.llm_config(cache_seed=None)


def main() -> int:
    parser = argparse.ArgumentParser(description="Plot a chart of NVDA and TESLA with two agents.")
    parser.add_argument("--model", help="ask this model, from OAI_CONFIG_LIST, OPENAI_API_KEY or a local server")
    parser.add_argument("--base-url", help="ask the model at this OpenAI-compatible endpoint")
    parser.add_argument("--config", help="ask the models of this configuration list (JSON file)")
    parser.add_argument("--work-dir", default="coding", help="where code runs and files appear (default: coding)")
    options = parser.parse_args()
    try:
        return plot(
            Path(options.work_dir), Wanted(model=options.model, base_url=options.base_url, config=options.config)
        )
    except (UserError, NoModel, AutogenError, OSError) as wrong:
        print(f"chart: {' '.join(str(wrong).split())}", file=sys.stderr)
        return 2


def plot(work_dir: Path, wanted: Wanted) -> int:
    """Hold the chat in `work_dir` and tell what came of it; the exit code."""
    work_dir.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "prices.csv", work_dir / "prices.csv")
    chart = work_dir / "stock_price_ytd.png"
    chart.unlink(missing_ok=True)
    llm_config = model_config(wanted)

    assistant = AssistantAgent(
        "assistant", llm_config=llm_config, system_message=AssistantAgent.DEFAULT_SYSTEM_MESSAGE + HINT
    )
    user_proxy = UserProxyAgent(
        "user_proxy", human_input_mode="NEVER", code_execution_config={"work_dir": str(work_dir)}
    )
    result = user_proxy.initiate_chat(
        assistant,
        message="Plot a chart of NVDA and TESLA stock price change YTD.",
    )

    cost = "unknown" if result.usd is None else f"${result.usd:.4f}"
    messages = len(result.chat_history or [])
    print(
        f"turns: {turns_of(messages)} ({messages} messages), time: {result.seconds:.1f} s, cost: {cost}, "
        f"stop reason: {result.stop_reason}"
    )
    if not chart.is_file():
        print(f"chart: no chart at {chart}", file=sys.stderr)
        return 1
    print(f"chart: {chart.resolve()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
