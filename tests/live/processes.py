"""A network of processes for tests: one a node, killed and started again by their own ids."""

from __future__ import annotations

import subprocess
import sys

from yidi.scenarios.live.folder import Network

GATEWAY = "gateway"


class Processes:
    """One process a node; a test may add the gateway's."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.running: dict[str, subprocess.Popen[str]] = {}
        try:
            for address in network.nodes():
                self.running[address] = self.start(address)
        except BaseException:
            self.stop()
            raise

    def start(self, name: str, *more: str) -> subprocess.Popen[str]:
        """Start a node, or the gateway, and wait until it says that it serves."""
        words = ["serve", *more] if name == GATEWAY else ["node", *name.split(":")]
        program = [sys.executable, "-m", "yidi.scenarios.command.cli", *words]
        process = subprocess.Popen(
            [*program, "--network", str(self.network.folder)],
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        assert process.stderr is not None
        said = process.stderr.readline()
        assert name in said, said + process.stderr.read()
        return process

    def kill(self, name: str) -> None:
        """SIGKILL a process and start it again."""
        self.end(self.running[name], kill=True)
        self.running[name] = self.start(name)

    def end(self, process: subprocess.Popen[str], *, kill: bool = False) -> None:
        """End one process and wait for it."""
        process.kill() if kill else process.terminate()
        process.wait(20)
        assert process.stderr is not None
        process.stderr.close()

    def stop(self) -> None:
        """End them all, in order: each writes its memory out."""
        for process in self.running.values():
            self.end(process)
        self.running.clear()
