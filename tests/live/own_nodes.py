"""Own nodes for tests: the examples of the documents as processes, and nodes that misbehave."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.broker.engines.servers import STARTS_WITHIN, need_program
from yidi.scenarios.live.programs import free_ports

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
HUAIBEI = "huaibei-outpatient-in-shanghai"
Answer = Callable[[dict[str, Any], dict[str, str]], Any]
"""Takes document and headers; returns a document, (status, bytes), or None to stay silent."""


@contextmanager
def process(
    *command: str, env: dict[str, str] | None = None, group: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """A program for as long as the block lasts, ended by its own process id.

    With `group` it gets a process group of its own, which is ended whole: a shell and its pipes.
    """
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, start_new_session=group
    )
    try:
        yield running
    finally:
        os.killpg(running.pid, signal.SIGTERM) if group else running.terminate()
        running.wait(60)
        if running.stdout is not None:
            running.stdout.close()


def wait_until_open(port: int, running: subprocess.Popen[bytes]) -> None:
    """Return when a program listens."""
    ends = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < ends:
        assert running.poll() is None, running.stdout and running.stdout.read()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens on {port}")


@contextmanager
def example(name: str) -> Iterator[str]:
    """An example over HTTP; yields its URL."""
    port = free_ports(1)[0]
    script = str(EXAMPLES / name)
    if name.endswith(".js"):
        program = need_program("node", "apt-get install nodejs")
    else:
        program = sys.executable
    with process(program, script, str(port)) as running:
        wait_until_open(port, running)
        yield f"http://127.0.0.1:{port}/"


@contextmanager
def example_over(engine: str, name: str) -> Iterator[None]:
    """An example that connects to a broker itself."""
    if name.endswith(".js"):
        need_program("mosquitto_pub", "apt-get install mosquitto-clients")
        program = need_program("node", "apt-get install nodejs")
    else:
        program = sys.executable
    with process(program, str(EXAMPLES / name), engine):
        yield


@contextmanager
def own_node(answer: Answer) -> Iterator[str]:
    """A node in this process over HTTP; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            said = answer(json.loads(data), dict(self.headers))
            if said is None:
                self.close_connection = True
                return
            status, body = said if isinstance(said, tuple) else (200, json.dumps(said).encode())
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
