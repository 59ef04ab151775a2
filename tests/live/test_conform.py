"""Somebody's own node over HTTP, held against the rules by the bytes on the wire."""

from __future__ import annotations

import json

import pytest

from tests.live.honest_node import HonestNode
from tests.live.own_nodes import own_node
from yidi.scenarios.judging.conform_wire import message_of_entry
from yidi.scenarios.judging.conformance import Reached, judge
from yidi.scenarios.judging.wire import WireEntry
from yidi.scenarios.library.loader import load
from yidi.scenarios.live.conform import play_live

NODE = "insured:340600"
TWICE, REUSED, FIELDS = (
    f"conform-{name}" for name in ("same-message-again", "key-reused", "missing-and-extra-fields")
)


class Region:
    """A node that pays half of everything and remembers what it settled; faults by name."""

    def __init__(self, fault=""):
        self.fault = fault
        self.settled = {}

    def __call__(self, request, _headers):
        if request["infno"] == "init":
            return {"infcode": 0, "output": {"serves": ["2206", "2207"]}}
        claim = request["input"]["data"]
        first, reply = self.settled.get(request["msgid"], (claim, None))
        if reply is not None and self.fault != "settles twice":
            same = claim == first or self.fault == "reads no content"
            return reply if same else {"infcode": -1, "err_msg": "E_KEY_REUSED"}
        if "psn_no" not in claim and self.fault != "misses nothing":
            return {"infcode": "-1", "err_msg": "人员编号必填"}
        if "exp_note" in claim and self.fault == "fears the new":
            return None
        return self.settle(request, claim)

    def settle(self, request, claim):
        """Half by the pool, the rest in cash."""
        fen = int(claim["medfee_sumamt"].replace(".", ""))
        paid = [f"{part // 100}.{part % 100:02d}" for part in (fen // 2, fen - fen // 2)]
        info = {"medfee_sumamt": claim["medfee_sumamt"], "fund_pay_sumamt": paid[0],
                "acct_pay": "0.00", "psn_cash_pay": paid[1]}  # fmt: skip
        reply = {"infcode": 0, "output": {"setlinfo": info, "setldetail": [
            {"fund_pay_type": "310100", "fund_payamt": paid[0]}]}}  # fmt: skip
        if request["infno"] == "2207":
            info["setl_id"] = f"S{len(self.settled) + 1:06d}"
            if self.fault == "settles twice":
                info["setl_id"] += "-".join(["", str(id(reply))])[:9]
            self.settled[request["msgid"]] = claim, reply
        return reply


def broken(scenario, fault, level="protocol"):
    """Rules that a node breaks in one scenario, and rules that it keeps."""
    with own_node(Region(fault)) as url:
        play, _ = play_live(load(scenario), f"{NODE}={url}")
    rows = judge("insured", level, [play])
    return [{row.id for row in rows if row.verdict is one} for one in (Reached.FAIL, Reached.PASS)]


@pytest.mark.parametrize(
    ("scenario", "fault", "rules"),
    [
        (TWICE, "", set()),
        (TWICE, "settles twice", {"SET-02"}),
        (REUSED, "", set()),
        (REUSED, "reads no content", {"SET-12", "MSG-04"}),
        (FIELDS, "", set()),
        (FIELDS, "misses nothing", {"MSG-03"}),
        (FIELDS, "fears the new", {"MSG-01"}),
    ],
)
def test_each_fault_breaks_its_own_rule(scenario, fault, rules):
    """As in virtual time, but told by documents that somebody else wrote."""
    assert rules == broken(scenario, fault)[0]


def test_a_plain_node_keeps_what_it_was_held_against():
    """Extra fields read over, missing ones refused in words of its own."""
    assert {"MSG-01", "MSG-02", "MSG-03", "MSG-04", "MSG-05"} <= broken(FIELDS, "")[1]


def test_a_whole_node_keeps_everything_it_was_asked():
    """Ours, behind HTTP: doubt, undoing, refusals, amounts.

    What it was not told is not held against it: the filing of the long stay went to the one that
    stands in for it.
    """
    names = ("late-answer", "reversal-first", "reversal-of-the-unknown", "expired-filing",
             "cancelled-and-settled-anew", "cut-off-at-midnight",
             "cancellation-in-doubt")  # fmt: skip
    scenarios = [load(f"conform-{name}") for name in names] + [load("long-stay-inpatient")]
    with own_node(HonestNode(NODE, scenarios)) as url:
        plays = [play_live(one, f"{NODE}={url}")[0] for one in scenarios]
    rows = {row.id: row for row in judge("insured", "amounts", plays)}
    kept = (
        "REV-02",
        "REV-04",
        "REV-05",
        "REV-06",
        "REV-08",
        "SET-02",
        "SET-05",
        "FIL-10",
        "BEN-03",
    )

    assert [] == [row.id for row in rows.values() if row.verdict is Reached.FAIL]
    assert {Reached.PASS} == {rows[rule].verdict for rule in kept}
    assert "the node was not told of F10" == rows["FIL-09"].reason["en"]


def test_an_entry_says_what_the_bytes_said():
    """Scalars of all nodes in one; a refusal in other words than ours has our general code."""
    answer = {"infcode": -1, "err_msg": "人员编号必填", "output": None}
    entry = WireEntry(
        number=1, at=5, elapsed_us=9, direction="in", node=NODE, peer="hub:yrd", carrier="http",
        transaction="2207", kind="rejection", correlation="m", case_key="k",
        text=json.dumps(answer, ensure_ascii=False),
    )  # fmt: skip
    message = message_of_entry(entry)

    assert ("rejection", "E_REFUSED", "m", "k", False) == (
        message.kind, message.code, message.correlation, message.key, message.to_node
    )  # fmt: skip
    assert message_of_entry(WireEntry(
        number=1, at=5, elapsed_us=9, direction="out", node=NODE, peer="operator:init",
        carrier="http", transaction="init",
    )) is None  # fmt: skip
