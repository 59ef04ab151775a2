"""A network of processes for tests: one a node, killed and started again by their own ids."""

from __future__ import annotations

import os
import subprocess
import sys

from yidi.scenarios.command.serve import CREDENTIALS_VARIABLE
from yidi.scenarios.live.folder import Network

GATEWAY = "gateway"


class Processes:
    """One process a node; a test may add the gateway's."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.running: dict[str, subprocess.Popen[str]] = {}
        self._environment = dict(os.environ)
        self._gateway: list[str] = []
        try:
            for address in network.nodes():
                self.running[address] = self.start(address)
        except BaseException:
            self.stop()
            raise

    def start_gateway(self, port: int, credentials: str, rate: int) -> None:
        """Start the gateway's process; killed, it is started the same way again."""
        self._environment[CREDENTIALS_VARIABLE] = credentials
        self._gateway = ["serve", "--port", str(port), "--rate", str(rate), "--json"]
        self.running[GATEWAY] = self.start(GATEWAY)

    def start(self, name: str) -> subprocess.Popen[str]:
        """Start a node, or the gateway, and wait until it says that it serves."""
        words = self._gateway if name == GATEWAY else ["node", *name.split(":")]
        program = [sys.executable, "-m", "yidi.scenarios.command.cli", *words]
        process = subprocess.Popen(
            [*program, "--network", str(self.network.folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env=self._environment,
        )
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith(("{", name)), said + process.stdout.read()
        return process

    def kill(self, name: str) -> None:
        """SIGKILL a process and start it again."""
        self.end(self.running[name], kill=True)
        self.running[name] = self.start(name)

    def end(self, process: subprocess.Popen[str], *, kill: bool = False) -> None:
        """End one process and wait for it."""
        process.kill() if kill else process.terminate()
        process.wait(60)
        assert process.stdout is not None
        process.stdout.close()

    def stop(self) -> None:
        """End them all, in order: each writes its memory out."""
        for process in self.running.values():
            self.end(process)
        self.running.clear()
