"""Where programs are found, and the ports that servers are given."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from yidi.scenarios.live import programs
from yidi.scenarios.live.programs import find_program, free_ports


def test_a_program_is_found_beside_this_python_or_not_at_all() -> None:
    """What was installed with us is there without any path; what is nowhere is None."""
    assert "yidi" == Path(find_program("yidi") or "").name
    assert find_program("no-such-server") is None


@pytest.mark.parametrize(("said", "last"), [("20000\t60999", 19_999), ("", 32_767)])
def test_ports_are_none_that_clients_get(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, last: int
) -> None:
    """All different, all free, all below the range that the system takes for connections."""
    monkeypatch.setattr(programs, "_CLIENTS_FROM", tmp_path / "range")
    (tmp_path / "range").write_text(said, "ascii")
    ports = free_ports(20)

    assert 20 == len(set(ports))
    assert all(10_000 <= port <= last for port in ports)
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_where_clients_get_every_port_the_system_chooses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No range of our own is left: any free port has to do."""
    monkeypatch.setattr(programs, "_CLIENTS_FROM", tmp_path / "range")
    (tmp_path / "range").write_text("1024 65535", "ascii")

    assert 3 == len(set(free_ports(3)))
