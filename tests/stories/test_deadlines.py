"""A budget of seconds ends a run in order, also while a model is being waited for."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from autogen import AssistantAgent, Budget, StopReason, UserProxyAgent
from autogen.testing import DRIVERS, driven


class Silent(ThreadingHTTPServer):
    """Takes requests and answers none until it is told to end."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        ended = self.ended

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                ended.wait(20)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_seconds_run_out_while_the_model_thinks(driver: str) -> None:
    server = Silent()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        entry = {"model": "m", "api_key": "k", "base_url": f"http://127.0.0.1:{server.server_address[1]}"}
        assistant = AssistantAgent("assistant", llm_config={"config_list": [entry], "cache_seed": None})
        user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
        chat = driven(driver)
        result = chat(user.initiate_chat, assistant, message="slow", silent=True, budget=Budget(seconds=0.3))
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()
    assert result.stop_reason is StopReason.BUDGET_SECONDS
    assert result.chat_history == [{"content": "slow", "role": "assistant", "name": "user"}]
