"""`yidi doctor`: every finding is named, and what is lacking comes with advice."""

from __future__ import annotations

import json

from click.testing import CliRunner

from yidi.scenarios.command.doctor import doctor, look


def test_a_lack_comes_with_advice_in_both_languages():
    """Whatever is not well says what to do, and whatever is well says nothing."""
    for finding in look():
        assert (finding.state == "ok") == (finding.zh == "") == (finding.en == "")


def test_every_dependency_is_looked_for():
    """The packages that the distribution asks for are found, extras are not asked for."""
    names = {finding.name for finding in look()}

    assert {"python", "msgspec", "aiohttp", "click", "rich-click", "sm3", "sm2", "disk"} <= names
    assert not {"pytest", "nats-py", "gmssl-pyx"} & names


def test_json_and_table_show_the_same_findings():
    """`--json` is one JSON document; the table has a line for each of its entries."""
    found = json.loads(CliRunner().invoke(doctor, ["--json"]).stdout)
    lines = CliRunner().invoke(doctor, ["--lang", "en"]).stdout.splitlines()

    assert [entry["name"] for entry in found] == [line.split()[0] for line in lines[1:]]
