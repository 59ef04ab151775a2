"""A disk that is nearly full: new work is refused at the door, what is under way is finished."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.test_gateway import counter, silence
from yidi.nodes import outbox
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope, Link, Origin, frame, seal, unframe
from yidi.protocol.instants import Instant
from yidi.protocol.transactions import Kind
from yidi.scenarios.live.storage import NEW_WORK, Storage

NOW = Instant(1_772_000_000_000_000)
RESERVE = 1_000


class Disk:
    """How much is free, as a test says."""

    def __init__(self, free: int) -> None:
        self.free = free

    def storage(self) -> Storage:
        """A data directory on it."""
        return Storage(Path(), RESERVE, lambda _: self.free)


def request(transaction: str, kind: int = Kind.REQUEST) -> Envelope:
    """A request of a hospital, as it arrives."""
    sender, recipient = "institution:H31010100001", "treatment:310000"
    origin = Origin(
        transaction, kind, "M1", "", sender, recipient, "", "310000", "340600", 7, NOW, 0, "T1"
    )  # fmt: skip
    return unframe(frame(seal(recipient, origin, b"\x90"), Link(sender, recipient, 1, 0, NOW)))


@pytest.mark.parametrize("transaction", sorted(NEW_WORK))
def test_new_work_is_refused_below_the_reserve(transaction: str) -> None:
    """With a code, before anything is journalled; each refusal has an id of its own."""
    storage = Disk(RESERVE - 1).storage()
    refusals = [storage.refusal("treatment:310000", request(transaction), NOW) for _ in range(40)]

    assert len({one.origin.message_id for one in refusals if one is not None}) == 40
    for one in refusals:
        assert one is not None
        assert ("E_STORAGE_FULL", "institution:H31010100001") == (open_body(one).code, one.hop)  # type: ignore[attr-defined]
        assert ("M1", "T1", 30) == (
            one.origin.correlation_id, one.origin.trace_id, len(one.origin.message_id)
        )  # fmt: skip


@pytest.mark.parametrize(
    "transaction", sorted(t.SETTLEMENTS | t.CANCELLATIONS | {t.REVERSAL, t.STATUS_QUERY})
)
def test_what_is_under_way_is_finished_on_the_reserve(transaction: str) -> None:
    """Settlements, their undoing and questions about them pass, and so does every answer."""
    storage = Disk(0).storage()

    assert storage.refusal("treatment:310000", request(transaction), NOW) is None
    assert storage.refusal("treatment:310000", request(t.ELIGIBILITY, Kind.RESULT), NOW) is None


def test_space_that_returns_is_used_again_without_anybody() -> None:
    """Refused below the reserve, taken again at twice of it, so that it does not flutter."""
    disk = Disk(RESERVE)
    storage = disk.storage()
    seen = []
    for disk.free in (RESERVE, RESERVE - 1, RESERVE, 2 * RESERVE - 1, 2 * RESERVE, RESERVE):
        seen.append(storage.look())

    assert [False, True, True, True, False, False] == seen


async def test_a_hospital_is_told_and_can_still_take_back() -> None:
    """Over HTTP: a trial is refused with the code; the settled visit is cancelled all the same."""
    disk = Disk(1 << 40)
    async with counter() as desk:
        await desk.admit_and_discharge()
        info = (await desk.call("2304", {"data": desk.claim}))["setlinfo"]
        host = desk.served.host
        host.storage = disk.storage()
        disk.free, before = 0, host.journal.position
        refused = (await desk.raw("2303", {"data": desk.claim})).json
        assert before == host.journal.position
        asked = {"psn_no": desk.psn_no, "mdtrt_id": desk.claim["mdtrt_id"]}
        undone = await desk.call("2305", {"data": {**asked, "setl_id": info["setl_id"]}})
        disk.free = 1 << 40
        again = await desk.call("2303", {"data": desk.claim})

    assert (-1, "E_STORAGE_FULL") == (refused["infcode"], refused["err_msg"].split()[0])
    assert "-" == undone["setlinfo"]["fund_pay_sumamt"][0]
    assert info["fund_pay_sumamt"] == again["setlinfo"]["fund_pay_sumamt"]


async def test_a_full_outbox_answers_new_work_with_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """INV-37: what waits is bounded; the counter hears E_BUSY at once and may come again."""
    monkeypatch.setattr(outbox, "OUTBOX_MAX", 1)
    async with counter() as desk:
        await silence(desk.served, "insured:340600")
        asked = {"data": {**desk.cert, "psn_cert_type": "01"}}
        patience, desk.served.desk.seconds = desk.served.desk.seconds, 0.2
        first = await desk.raw("1101", asked)
        desk.served.desk.seconds = patience
        second = (await desk.raw("1101", asked)).json

    assert (504, b"") == (first.status, first.body)
    assert (-1, "E_BUSY") == (second["infcode"], second["err_msg"].split()[0])
