"""The allow-list: what it lets through, from inside bwrap to a real server on this machine."""

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from autogen.coding.sandbox import Limits, Outcome, Policy, Sandbox, SandboxPolicyError
from autogen.coding.sandbox.proxy import Gate, Rule, read_rules
from tests.sandbox.test_attacks import rung_here


class _Hello(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = f"hello {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hello)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def fetch(rung: Sandbox, work_dir: Path, url: str, allowed: bool | tuple[str, ...]) -> Outcome:
    code = f"import urllib.request as r; print(r.build_opener(r.ProxyHandler()).open({url!r}, timeout=5).read())"
    env = {"NO_PROXY": "", "no_proxy": ""}
    policy = Policy(work_dir=str(work_dir), network=allowed, env=env, limits=Limits(wall_s=20))
    return rung.run(["python3", "-c", code], policy)


def test_a_listed_address_answers(port: int, tmp_path: Path) -> None:
    result = fetch(rung_here("bwrap"), tmp_path, f"http://127.0.0.1:{port}/a?b=c", (f"127.0.0.1:{port}",))
    assert result.output == "b'hello /a?b=c'\n"
    assert not result.refused_network


@pytest.mark.usefixtures("many_open_files")
def test_a_listed_address_answers_a_host_with_many_open_files(port: int, tmp_path: Path) -> None:
    result = fetch(rung_here("bwrap"), tmp_path, f"http://127.0.0.1:{port}/a", (f"127.0.0.1:{port}",))
    assert result.output == "b'hello /a'\n"


def test_an_unlisted_address_is_refused_and_known_to_be(port: int, tmp_path: Path) -> None:
    result = fetch(rung_here("bwrap"), tmp_path, f"http://127.0.0.1:{port}/", ("example.org",))
    assert result.exit_code != 0
    assert "403" in result.output
    assert result.refused_network


def test_connect_opens_a_tunnel_to_listed_hosts_only(port: int, tmp_path: Path) -> None:
    code = (
        "import socket\n"
        "for target in {targets!r}:\n"
        "    s = socket.create_connection(('127.0.0.1', 3128))\n"
        "    s.sendall(f'CONNECT {{target}} HTTP/1.1\\r\\n\\r\\n'.encode())\n"
        "    print(s.recv(100).split(b'\\r\\n')[0])\n"
        "    s.sendall(b'GET /x HTTP/1.0\\r\\n\\r\\n')\n"
        "    if target.startswith('localhost'): print(b'hello /x' in b''.join(iter(lambda: s.recv(999), b'')))\n"
    ).format(targets=[f"localhost:{port}", f"127.0.0.1:{port}", "169.254.169.254:80"])
    policy = Policy(work_dir=str(tmp_path), network=(f"localhost:{port}",), limits=Limits(wall_s=20))
    result = rung_here("bwrap").run(["python3", "-c", code], policy)
    lines = result.output.splitlines()
    assert lines[:2] == ["b'HTTP/1.1 200 Connection established'", "True"]
    assert lines[2:] == ["b'HTTP/1.1 403 refused by the sandbox'"] * 2


def test_the_exit_code_passes_through_the_relay(tmp_path: Path) -> None:
    policy = Policy(work_dir=str(tmp_path), network=("example.org",))
    assert rung_here("bwrap").run(["sh", "-c", "exit 7"], policy).exit_code == 7
    assert rung_here("bwrap").run(["sh", "-c", "kill -9 $$"], policy).exit_code == 137


@pytest.mark.parametrize("name", ["bwrap", "sandlock", "landlock"])
def test_with_the_network_on_everything_is_reachable(name: str, port: int, tmp_path: Path) -> None:
    result = fetch(rung_here(name), tmp_path, f"http://127.0.0.1:{port}/on", True)
    assert result.output == "b'hello /on'\n"


def test_sandlock_keeps_the_list_too(port: int, tmp_path: Path) -> None:
    rung = rung_here("sandlock")
    assert fetch(rung, tmp_path, f"http://127.0.0.1:{port}/s", (f"127.0.0.1:{port}",)).output == "b'hello /s'\n"
    other = socket.create_server(("127.0.0.1", 0)).getsockname()[1]
    assert fetch(rung, tmp_path, f"http://127.0.0.1:{port}/s", (f"127.0.0.1:{other}",)).exit_code != 0


def test_landlock_says_that_it_cannot_keep_a_list(tmp_path: Path) -> None:
    with pytest.raises(SandboxPolicyError, match="'landlock': it cannot tell one host from another"):
        rung_here("landlock").run(["true"], Policy(work_dir=str(tmp_path), network=("example.org",)))


@pytest.mark.parametrize(("text", "rules"), [
    ("example.org", [Rule("example.org", 80), Rule("example.org", 443)]),
    ("Example.org.:8080", [Rule("example.org", 8080)]),
    ("*.example.org:443", [Rule("*.example.org", 443)]),
    ("[::1]:5", [Rule("::1", 5)]),
    ("10.0.0.0/8:5432", [Rule("10.0.0.0/8", 5432)]),
])  # fmt: skip
def test_rules_are_read(text: str, rules: list[Rule]) -> None:
    assert list(read_rules((text,))) == rules


@pytest.mark.parametrize("text", ["http://example.org", "", ":80", "a b", "x@y", "example.org:0", "example.org:http",
                                  "example.org:99999", "example.org/path"])  # fmt: skip
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(SandboxPolicyError, match="'network'"):
        read_rules((text,))


@pytest.mark.parametrize(("listed", "host", "port", "resolved", "reached"), [
    ("public.test:80", "public.test", 80, "93.184.216.34", True),
    ("public.test:80", "PUBLIC.test.", 80, "93.184.216.34", True),
    ("public.test:80", "public.test", 81, "93.184.216.34", False),
    ("public.test:80", "evil.test", 80, "93.184.216.34", False),
    ("*.public.test:80", "a.public.test", 80, "93.184.216.34", True),
    ("*.public.test:80", "notpublic.test", 80, "93.184.216.34", False),
    ("public.test:80", "public.test", 80, "127.0.0.1", False),
    ("public.test:80", "public.test", 80, "10.1.2.3", False),
    ("public.test:80", "public.test", 80, "192.168.0.1", False),
    ("public.test:80", "public.test", 80, "169.254.169.254", False),
    ("public.test:80", "public.test", 80, "0.0.0.0", False),
    ("public.test:80", "public.test", 80, "224.0.0.1", False),
    ("public.test:80", "public.test", 80, "::1", False),
    ("public.test:80", "public.test", 80, "::ffff:127.0.0.1", False),
    ("public.test:80", "public.test", 80, "fe80::1%eth0", False),
    ("public.test:80", "public.test", 80, "fd00::1", False),
    ("localhost:80", "localhost", 80, "127.0.0.1", True),
    ("127.0.0.1:80", "127.0.0.1", 80, "127.0.0.1", True),
    ("127.0.0.1:80", "127.0.0.2", 80, "127.0.0.2", False),
    ("10.0.0.0/8:80", "10.1.2.3", 80, "10.1.2.3", True),
])  # fmt: skip
def test_the_gate(
    listed: str, host: str, port: int, resolved: str, reached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [(2, 1, 6, "", (resolved, port))])
    assert Gate(read_rules((listed,))).addresses(host, port) == ([resolved] if reached else [])


def test_an_internal_name_needs_its_network_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [(2, 1, 6, "", ("10.1.2.3", 80))])
    assert Gate(read_rules(("git.corp:80",))).addresses("git.corp", 80) == []
    assert Gate(read_rules(("git.corp:80", "10.0.0.0/8:80"))).addresses("git.corp", 80) == ["10.1.2.3"]
