"""A load run with somebody's own node in it: the Python example of the documents."""

from __future__ import annotations

from tests.live.own_nodes import EXAMPLES, example
from yidi.scenarios.command.bench import bench
from yidi.scenarios.command.common import ExitCode


def test_the_python_example_under_load_shows_its_latency_by_stage(capsys):
    """Every stage has its row, the node is judged by the wire, and the books balance."""
    with example("node.py") as url:
        where = f"insured:340600={url}#amounts=off"
        words = ["load", str(EXAMPLES / "load.toml"), "--external", where, "--lang", "en"]
        code = bench.main([*words, "--rate", "10", "--duration", "1.5"], standalone_mode=False)
    said = capsys.readouterr().out

    assert ExitCode.OK == code, said
    rows = [line for line in said.splitlines() if line.startswith(("pre settlement", "settlement"))]
    assert 2 == len(rows)
    assert where in said
    assert "unanswered 0: holds" in said
    assert "INV-34 the journal folds to the nodes' state: not to be seen at insured:340600" in said
