"""Plots a chart with two agents: one writes code, the other runs it in a sandbox and sends back what happened.

This is the first program of AutoGen 0.2, with three additions: it finds a model (or plays script.json when there is
none), it puts the sample prices into the work directory, and it tells at the end what came of the chat.
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

HERE = Path(__file__).resolve().parent
HINT = (
    "\nprices.csv in the working directory holds this year's daily closing prices of both stocks (sample figures). "
    "The code has no network."
)


def model_config(wanted: Wanted) -> dict[str, Any]:
    """The `llm_config` to use: a real model where one is configured, else the lines of script.json."""
    try:
        found = find_model(wanted)
    except NoModel:
        print(
            "No model is configured: the assistant's lines come from examples/chart/script.json; "
            "the prices are made-up sample figures, not market data.\n"
        )
        script = {"model": "script", "api_type": "scripted", "script": str(HERE / "script.json")}
        return {"config_list": [script], "cache_seed": None}
    print(f"The assistant is {found.models[0]} ({found.origin}).\n")
    return found.llm_config()


def main() -> int:
    parser = argparse.ArgumentParser(description="Plot a chart of NVDA and TESLA with two agents.")
    parser.add_argument("--model", help="the model; default: whatever is configured")
    parser.add_argument("--base-url", help="an OpenAI-compatible endpoint")
    parser.add_argument("--config", help="a configuration list (JSON file)")
    parser.add_argument("--work-dir", default="coding", help="where code runs and files appear (default: coding)")
    options = parser.parse_args()
    work_dir = Path(options.work_dir)
    work_dir.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "prices.csv", work_dir / "prices.csv")
    chart = work_dir / "stock_price_ytd.png"
    chart.unlink(missing_ok=True)
    try:
        llm_config = model_config(Wanted(model=options.model, base_url=options.base_url, config=options.config))
    except UserError as wrong:
        print(f"chart: {wrong}", file=sys.stderr)
        return 2

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
    turns = len(result.chat_history or [])
    print(f"turns: {turns}, time: {result.seconds:.1f} s, cost: {cost}, stop reason: {result.stop_reason}")
    if not chart.is_file():
        print(f"chart: no chart at {chart}", file=sys.stderr)
        return 1
    print(f"chart: {chart.resolve()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
