"""When a request may go out a second time: never by accident. An idle connection that the server had closed already
is noticed before a byte goes out; after that only `max_retries` decides.

Refuses to know how connections are kept.
"""

import asyncio
import socket
import struct
from typing import Any

import pytest

from autogen.models import errors, native_connection, native_transport
from tests.failures.agents import bot, contents, person
from tests.failures.server import CLOSE, RESET, Server

faces = pytest.mark.parametrize("face", ["sync", "async"])


def two_chats(face: str, server: Server, between: Any = lambda: None, **entry: Any) -> Any:
    """One chat, then another over the connection that the first one left; the second one's result."""
    user, model = person(), bot(server.llm(**entry))

    async def both() -> Any:
        given: dict[str, Any] = {"max_turns": 1, "silent": True}
        if face == "async":
            await user.a_initiate_chat(model, message="hi", **given)
            between()  # the loop looks at no socket meanwhile
            return await user.a_initiate_chat(model, message="more", **given)
        user.initiate_chat(model, message="hi", **given)
        between()
        return user.initiate_chat(model, message="more", **given)

    return asyncio.run(both())


@faces
@pytest.mark.parametrize("end", [CLOSE, RESET], ids=["closes", "resets"])
def test_a_request_that_the_server_has_read_is_not_sent_again(face: str, end: Any) -> None:
    with Server("one", end, "two") as server:
        with pytest.raises(errors.BrokenStream):
            two_chats(face, server)
        assert [request["messages"][-1]["content"] for request in server.requests] == ["hi", "more"]


@faces
def test_unless_retries_allow_it(face: str) -> None:
    with Server("one", CLOSE, "two") as server:
        assert contents(two_chats(face, server, max_retries=1).chat_history) == ["more", "two"]
        assert len(server.requests) == 3


@faces
def test_an_idle_connection_that_the_server_closed_is_noticed_before_a_byte_goes_out(face: str) -> None:
    with Server("one", "two") as server:
        result = two_chats(face, server, server.hang_up)
        assert contents(result.chat_history) == ["more", "two"] and len(server.requests) == 2


def reset_all(server: Server) -> None:
    """End the connections as a killed process's do: what is sent next is refused at once."""
    for connection in server._open:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.hang_up()


@faces
def test_a_request_of_which_no_byte_went_out_is_sent_on_a_new_connection(
    face: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's end comes between the look at the connection and the first byte."""
    ended: list[Any] = []
    with Server("one", "two") as server:

        def late(sock: Any) -> bool:
            kept.append(socket.socket(fileno=socket.dup(sock.fileno())))
            kept[-1].shutdown(socket.SHUT_RDWR)  # what is written from here on fails at once
            ended.append(sock)
            return True

        kept: list[socket.socket] = []
        monkeypatch.setattr(native_transport, "quiet", late)
        monkeypatch.setattr(native_connection, "quiet", late)
        result = two_chats(face, server)
        for one in kept:
            one.close()
        assert contents(result.chat_history) == ["more", "two"]
        assert len(server.requests) == 2 and len(ended) == 1
