"""A small web service that asks a person in the middle of a task: the server of `test_web.py`.

A waiting run is rows in a file: the service holds no thread and no task for it.
"""

import os
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import autogen
from autogen.runs.view import RunView

SCRIPT = (
    {"agent": "writer", "text": "Which colour shall the report have?"},
    {"agent": "writer", "text": "A blue report. TERMINATE"},
)


@autogen.entrypoint
async def write_report(topic: str) -> dict[str, Any]:
    writer = autogen.AssistantAgent(
        "writer",
        llm_config={
            "config_list": [{"model": "m", "api_type": "scripted", "script": list(SCRIPT)}],
            "cache_seed": None,
        },
    )
    person = autogen.UserProxyAgent("person", human_input_mode="ALWAYS", code_execution_config=False)
    result = await person.a_initiate_chat(writer, message=f"A report on {topic}.", silent=True, max_turns=2)
    return {"report": result.summary, "answers": result.human_input}


async def begin(request: Request) -> JSONResponse:
    body = await request.json()
    run_id = await autogen.a_start("write_report", body)
    return JSONResponse(_told(await autogen.a_advance(run_id)))


async def carry_on(request: Request) -> JSONResponse:
    return JSONResponse(_told(await autogen.a_advance(request.path_params["run_id"])))


async def health(request: Request) -> JSONResponse:
    return JSONResponse({"pid": os.getpid()})


def _told(run: RunView) -> dict[str, Any]:
    told: dict[str, Any] = {"id": run.id, "status": run.status, "error": run.error}
    if run.status == "done":
        told["result"] = run.result
    told["questions"] = [{"id": question.id, "prompt": question.prompt} for question in run.pending]
    return told


app = Starlette(
    routes=[
        Route("/health", health),
        Route("/runs", begin, methods=["POST"]),
        Route("/runs/{run_id}/advance", carry_on, methods=["POST"]),
    ]
)
