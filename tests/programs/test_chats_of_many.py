"""0.2's programs of several chats, verbatim in its style, each run as a script against a scripted endpoint."""

import json
from pathlib import Path
from typing import Any

from tests.compat.scripted_server import ScriptedServer
from tests.programs.test_named_programs import run


def played(program: str, folder: Path, replies: list[Any]) -> tuple[str, list[Any]]:
    """What the program prints, and what the model was asked."""
    with ScriptedServer(replies) as server:
        configs = [{"model": "gpt-4", "api_key": "sk-none", "base_url": server.base_url}]
        (folder / "OAI_CONFIG_LIST").write_text(json.dumps(configs))
        done = run(program, folder, "")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout, server.requests


def call(name: str, arguments: dict[str, Any], number: int) -> dict[str, Any]:
    return {"content": None, "tool_calls": [(f"c{number}", name, arguments)]}


def test_sequential_chats_carry_their_summaries_over(tmp_path: Path) -> None:
    replies = ["NVDA 1, TESLA 2. TERMINATE", "Demand.", "More demand.", "It was demand.", "The post. TERMINATE"]
    printed, asked = played("sequential_chats.py", tmp_path, replies)
    assert asked[-1]["messages"][-1]["content"] == (
        "Develop an engaging blog post using any information provided.\nContext: \n"
        "I want to include a figure or a table of data in the blogpost.\nNVDA 1, TESLA 2. \nIt was demand."
    )
    assert printed.count("Starting a new chat....") == 3
    assert "*****2th chat*******:\nThe post. \n" in printed


def test_async_chats_follow_their_prerequisites(tmp_path: Path) -> None:
    printed, asked = played("async_chats.py", tmp_path, ["P. TERMINATE", "R.", "W. TERMINATE"])
    assert asked[-1]["messages"][-1]["content"] == "Write it up.\nContext: \nP. \nR."
    assert printed == "*****1th chat*******:\nP. \n*****2th chat*******:\nR.\n*****3th chat*******:\nW. \n"


def test_the_critic_answers_by_the_reviews_of_others(tmp_path: Path) -> None:
    replies = ["Draft.", "SEO words.", "{'Reviewer': 'SEO'}", "Legal words.", "All in all.", "Better draft."]
    printed, asked = played("nested_sequential_chats.py", tmp_path, replies)
    assert asked[1]["messages"][-1]["content"] == "Review the following content.\n\n Draft."
    assert asked[4]["messages"][-1]["content"].endswith("Context: \n{'Reviewer': 'SEO'}\nLegal words.")
    assert asked[5]["messages"][-1]["content"] == "All in all."
    assert printed.endswith("SUMMARY: Better draft.\n")


def test_the_board_refuses_an_illegal_move_and_the_game_goes_on(tmp_path: Path) -> None:
    replies = [
        call("get_legal_moves", {}, 1), call("make_move", {"move": 4}, 2), "I took the centre.",
        call("make_move", {"move": 4}, 3), call("make_move", {"move": 0}, 4), "I took a corner.",
        call("make_move", {"move": 8}, 5), "The other corner.",
    ]  # fmt: skip
    printed, asked = played("board_game.py", tmp_path, replies)
    last = [request["messages"][-1] for request in asked]
    answers = [message["content"] for message in last if message["role"] == "tool"]
    assert "illegal move: 4. Possible moves are: 0,1,2,3,5,6,7,8" in answers
    assert printed.endswith("BOARD: O| | | |X| | | |X\n")
