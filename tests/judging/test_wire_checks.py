"""What the bytes on the wire say of an own node, entry by entry."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from yidi.scenarios.judging.verdicts import TallyBook
from yidi.scenarios.judging.wire import IN, NO_MESSAGE, OUT, TIMEOUT, WireEntry, WireLog, draft
from yidi.scenarios.judging.wire_checks import WireChecks, identity_problems

NODE = "insured:340600"
ASKED = {"infno": "2207", "msgid": "M1", "input": {"data": {
    "psn_no": "P1", "mdtrt_id": "V1", "medfee_sumamt": "100.00"}}}  # fmt: skip
INFO = {"medfee_sumamt": "100.00", "fund_pay_sumamt": "60.00", "acct_pay": "10.00",
        "psn_cash_pay": "30.00", "setl_id": "N1"}  # fmt: skip
DETAIL = [{"fund_pay_type": "310100", "fund_payamt": "60.00"}]


def answer(**info: str) -> dict[str, Any]:
    """A settlement's answer."""
    return {"infcode": 0, "output": {"setlinfo": {**INFO, **info}, "setldetail": DETAIL}}


class Wire:
    """A log whose entries are judged as they come."""

    def __init__(self) -> None:
        self.book = TallyBook()
        self.checks = WireChecks(self.book)
        self.log = WireLog(lambda: 1, self.checks.feed)

    def note(self, direction: str, document: Any = None, **facts: Any) -> None:
        given = {"transaction": "2207", "case_key": "A1", **facts}
        entry = msgspec.structs.replace(draft(direction, NODE, "hub:100000", "mqtt"), **given)
        data = json.dumps(document).encode() if document is not None else b""
        self.log.note(entry, data)

    def asked(self, message_id: str = "M1") -> None:
        self.note(OUT, ASKED, kind="request", message_id=message_id)

    def answered(self, document: Any, correlation: str = "M1", **facts: Any) -> None:
        self.note(IN, document, kind="result", correlation=correlation, **facts)

    def verdicts(self) -> dict[str, str]:
        self.checks.finish()
        return {name: str(tally.verdict) for name, tally in self.book.tallies.items()}


def test_a_good_answer_passes_what_it_is_asked() -> None:
    """Readable, in time, and its parts add up."""
    wire = Wire()
    wire.asked()
    wire.answered(answer())

    assert {"OBS-1": "pass", "OBS-2": "pass", "OBS-4": "pass"} == wire.verdicts()


def test_no_answer_is_unknown() -> None:
    """A time-out is no failure of the node that anybody could prove, and no pass."""
    wire = Wire()
    wire.asked()
    wire.note(IN, kind=NO_MESSAGE, correlation="M1", problem=TIMEOUT)

    assert "unknown" == wire.verdicts()["OBS-2"]


def test_an_answer_after_a_time_out_is_one() -> None:
    """Late, and known all the same."""
    wire = Wire()
    wire.asked()
    wire.note(IN, kind=NO_MESSAGE, correlation="M1", problem=TIMEOUT)
    wire.answered(answer())

    assert "pass" == wire.verdicts()["OBS-2"]


def test_an_answer_to_nothing_fails() -> None:
    """Nobody had asked."""
    wire = Wire()
    wire.note(IN, answer(), kind=NO_MESSAGE, correlation="M9", problem="E_UNMATCHED ...")

    assert "fail" == wire.verdicts()["OBS-2"]


@pytest.mark.parametrize(("second", "verdict"), [("N1", "pass"), ("N2", "fail")])
def test_a_repeat_gets_the_same_answer(second: str, verdict: str) -> None:
    """Another settlement id for the same message is another settlement."""
    wire = Wire()
    wire.asked()
    wire.answered(answer())
    wire.asked()
    wire.answered(answer(setl_id=second))

    assert verdict == wire.verdicts()["OBS-3"]


def test_bytes_that_mean_nothing_fail_and_answer_nothing() -> None:
    """Told with the place of what was wrong."""
    wire = Wire()
    wire.asked()
    wire.note(IN, {}, kind=NO_MESSAGE, correlation="M1", problem="E_AMOUNT at=$.output.acct_pay")

    assert {"OBS-1": "fail", "OBS-2": "unknown"} == wire.verdicts()


@pytest.mark.parametrize(
    ("numbers", "verdict"),
    [
        ([(1, 1), (2, 2)], "pass"),
        ([(1, 1), (1, 1)], "pass"),  # an engine delivered it twice
        ([(1, 1), (3, 2)], "fail"),
        ([(1, 2), (2, 1)], "fail"),
        ([(1, 9)], "fail"),
    ],
)
def test_a_durable_link(numbers: list[tuple[int, int]], verdict: str) -> None:
    """Two documents were sent: watermarks stay within, grow, and sequences leave no gap."""
    wire = Wire()
    for sequence in (1, 2):
        wire.note(OUT, ASKED, kind="request", message_id=f"M{sequence}", sequence=sequence)
    for sequence, watermark in numbers:
        wire.note(IN, {}, sequence=sequence, watermark=watermark, correlation="M1")

    assert verdict == wire.verdicts()["OBS-6"]


@pytest.mark.parametrize(
    ("info", "detail", "words"),
    [
        ({}, DETAIL, ""),
        ({"psn_cash_pay": "30.01"}, DETAIL, "is not"),
        ({}, [], "setldetail sums to 0"),
        ({"medfee_sumamt": "100.0"}, DETAIL, ""),
        ({"psn_no": "P2"}, DETAIL, "psn_no 'P2', asked was 'P1'"),
        ({"psn_part_amt": "41.00"}, DETAIL, "psn_part_amt"),
        ({"psn_part_amt": "about forty"}, DETAIL, "psn_part_amt"),
    ],
)
def test_identities(info: dict[str, str], detail: list[Any], words: str) -> None:
    """Whatever the policy: the parts are the whole, and the echo is what was asked."""
    asked = ASKED["input"]["data"]  # type: ignore[index]
    found = list(identity_problems(asked, {**INFO, **info, "setldetail": detail}))

    assert bool(words) == bool(found)
    assert all(words in problem for problem in found)


def test_bytes_that_are_no_text_are_kept_as_they_were() -> None:
    """In base64, and read back byte for byte."""
    entries: list[WireEntry] = []
    log = WireLog(lambda: 1, entries.append)
    log.note(draft(IN, NODE, "hub:100000", "mqtt"), b"\xff\x00\xfe")

    assert b"\xff\x00\xfe" == entries[0].raw()
    assert "" == entries[0].text
