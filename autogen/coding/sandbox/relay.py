"""The sandbox's end of the proxy: `python -I -S relay.py SOCKET PORT -- PROGRAM ...`.

Runs on its own, inside an empty network namespace: passes connections to 127.0.0.1:PORT on to the unix socket and
ends with the program's exit code. Decides nothing; the proxy outside does.
"""

import os
import socket
import sys
import threading


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:  # one side hung up
        sink.close()


def _serve(listener: socket.socket, path: str) -> None:
    while True:
        client, _ = listener.accept()
        upstream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            upstream.connect(path)
        except OSError:  # the run is being ended
            client.close()
            continue
        for pair in ((client, upstream), (upstream, client)):
            threading.Thread(target=_copy, args=pair, daemon=True).start()


def main(argv: "list[str]") -> int:
    """Start the program of argv[4:] and relay until it ends; gives its exit code."""
    path, port, program = argv[1], int(argv[2]), argv[4:]
    listener = socket.create_server(("127.0.0.1", port))
    child = os.fork()  # before any thread
    if child == 0:
        listener.close()
        try:
            os.execvp(program[0], program)  # noqa: S606 - the program is what this process is for
        except OSError as error:
            sys.stderr.write(f"{program[0]}: {error.strerror}\n")
            sys.stderr.flush()
            os._exit(127)
    threading.Thread(target=_serve, args=(listener, path), daemon=True).start()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    os._exit(main(sys.argv))
