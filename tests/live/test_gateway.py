"""The gateway before a live network: a stay from door to door, repeats, doubt."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.broker.gateway import net as n
from yidi.broker.gateway.guards import client
from yidi.scenarios.library.loader import load
from yidi.scenarios.live.gateway import Served, ServeOptions, serving

TINY = str(Path(__file__).parents[1] / "data" / "tiny.toml")
VISIT, ITEM = "ZY001", "001102000010000-110200001"


class Counter:
    """A hospital's own system: it knows the person, and numbers its messages."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.serial = 0
        self.sent: list[tuple[dict[str, Any], n.Reply]] = []
        """Every call with its answer."""
        person = served.cast.world.persons[0]
        self.psn_no = person.person_no
        self.cert = {"mdtrt_cert_type": "02", "mdtrt_cert_no": person.certificate_no}
        self.claim = {
            "psn_no": self.psn_no, **self.cert, "medfee_sumamt": 10_000, "psn_setlway": "01",
            "mdtrt_id": VISIT, "insutype": "310", "mid_setl_flag": "0", "acct_used_flag": "0",
        }  # fmt: skip

    async def raw(self, infno: str, inputs: dict[str, Any], serial: int = 0) -> n.Reply:
        """Send one call; a serial of 0 takes the next message id."""
        self.serial += not serial
        document = n.call(infno, serial or self.serial, input=inputs)
        reply = await n.send(self.served.server, n.request(document))
        self.sent.append((document, reply))
        return reply

    async def call(self, infno: str, inputs: dict[str, Any], serial: int = 0) -> Any:
        """The output of a call that must go well."""
        reply = await self.raw(infno, inputs, serial)
        answer = reply.json
        assert 0 == answer["infcode"], answer
        return answer["output"]

    async def admit_and_discharge(self) -> None:
        """1101, 2401, 2301, 2402: everything before the settlement."""
        found = await self.call("1101", {"data": {**self.cert, "psn_cert_type": "01"}})
        assert self.psn_no == found["baseinfo"]["psn_no"]
        stay = {
            "psn_no": self.psn_no, "insutype": "310", "begntime": "2026-03-01 08:00:00",
            **self.cert, "med_type": "21", "ipt_no": VISIT, "dscg_maindiag_code": "K80.2",
            "dscg_maindiag_name": "胆囊结石",
        }  # fmt: skip
        opened = await self.call("2401", {"mdtrtinfo": stay})
        assert VISIT == opened["result"]["mdtrt_id"]
        rows = [self.row(number) for number in (1, 2)]
        split = await self.call("2301", {"feedetail": rows})
        assert ["20260302-1", "20260302-2"] == [one["feedetl_sn"] for one in split["result"]]
        left = {"mdtrt_id": VISIT, "psn_no": self.psn_no, "insutype": "310", "dscg_way": "1"}
        await self.call("2402", {"dscginfo": {**left, "endtime": "2026-03-02 09:00:00"}})

    def row(self, number: int) -> dict[str, Any]:
        """One fee of 5,000 yuan."""
        return {
            "feedetl_sn": f"20260302-{number}", "mdtrt_id": VISIT, "psn_no": self.psn_no,
            "med_type": "21", "fee_ocur_time": "2026-03-01 09:00:00", "med_list_codg": ITEM,
            "medins_list_codg": "L1", "det_item_fee_sumamt": "5000.00", "cnt": 1, "pric": 5000,
        }  # fmt: skip


@asynccontextmanager
async def counter(**options: Any) -> AsyncIterator[Counter]:
    """A hospital before the tiny network."""
    known = (client("hospital", n.TOKEN, (n.HOSPITAL,)),)
    async with serving(load(TINY), ServeOptions(clients=known, **options)) as served:
        yield Counter(served)


async def silence(served: Served, address: str) -> None:
    """Take a node off the network; what is sent to it waits."""
    attachment = served.host.parties[address].attachment
    assert attachment is not None
    await attachment.close()


async def test_a_stay_from_door_to_door() -> None:
    """1101, 2401, 2301, 2402, 2303, 2304, 5203, 2305, 5203 over HTTP; the amounts add up."""
    async with counter() as desk:
        await desk.admit_and_discharge()
        before = (await desk.call("2303", {"data": desk.claim}))["setlinfo"]
        after = await desk.call("2304", {"data": desk.claim})
        info = after["setlinfo"]
        asked = {"psn_no": desk.psn_no, "mdtrt_id": VISIT, "setl_id": info["setl_id"]}
        known = (await desk.call("5203", {"data": asked}))["setlinfo"]
        undone = (await desk.call("2305", {"data": asked}))["setlinfo"]
        gone = (await desk.call("5203", {"data": asked}))["setlinfo"]

    assert "setl_id" not in before
    assert ("7708.00", "2292.00") == (info["fund_pay_sumamt"], info["psn_cash_pay"])
    assert before["fund_pay_sumamt"] == info["fund_pay_sumamt"] == known["fund_pay_sumamt"]
    assert ["310101"] == [one["fund_pay_type"] for one in after["setldetail"]]
    assert ("-7708.00", "1") == (undone["fund_pay_sumamt"], gone["refd_setl_flag"])
    assert ("4", "0") == (known["pay_loc"], known["refd_setl_flag"])


async def test_the_same_message_again_gets_the_same_answer() -> None:
    """Same output and inf_refmsgid, one settlement; other content under the id is refused."""
    async with counter() as desk:
        await desk.admit_and_discharge()
        first = (await desk.raw("2304", {"data": desk.claim}, 900)).json
        again = (await desk.raw("2304", {"data": desk.claim}, 900)).json
        other = {**desk.claim, "medfee_sumamt": 9_999}
        reused = (await desk.raw("2304", {"data": other}, 900)).json
        fresh = (await desk.raw("2304", {"data": desk.claim}, 901)).json
        ledger = desk.served.cast.nodes["insured:340600"].state.settled

    times = {"refmsg_time": "", "respond_time": ""}
    assert first | times == again | times
    assert reused["err_msg"].startswith("E_KEY_REUSED")
    assert fresh["err_msg"].startswith("E_ALREADY_SETTLED")
    assert 1 == ledger


async def test_copies_at_the_same_time_wait_together() -> None:
    """Twenty copies of one settlement: one effect, twenty equal answers."""
    async with counter() as desk:
        await desk.admit_and_discharge()
        copies = [desk.raw("2304", {"data": desk.claim}, 900) for _ in range(20)]
        answers = [reply.json for reply in await asyncio.gather(*copies)]
        settled = desk.served.cast.nodes["insured:340600"].state.settled

    assert 1 == settled
    assert 1 == len({json.dumps(answer["output"]) for answer in answers})


async def test_doubt_is_504_until_it_is_known() -> None:
    """The insured region is silent: 2304 and 5203 are 504 and empty; then 2601 is safe."""
    async with counter(scale=100_000) as desk:
        await desk.admit_and_discharge()
        await silence(desk.served, "insured:340600")
        settled = await desk.raw("2304", {"data": desk.claim}, 900)
        asked = {"psn_no": desk.psn_no, "mdtrt_id": VISIT}
        queried = await desk.raw("5203", {"data": asked})
        again = await desk.raw("2304", {"data": desk.claim}, 901)

    for reply in (settled, queried, again):
        assert (504, b"") == (reply.status, reply.body)


async def test_a_region_that_says_nothing_is_504_at_the_deadline() -> None:
    """Whoever is silent: the call ends with an unknown outcome, never with infcode -1."""
    async with counter(answer_seconds=0.2) as desk:
        await silence(desk.served, "treatment:310000")
        reply = await desk.raw("1101", {"data": {**desk.cert, "psn_cert_type": "01"}})

    assert (504, b"") == (reply.status, reply.body)


async def test_a_reversal_of_what_never_was_is_safe_and_lasts() -> None:
    """2601 first: success, and the original that comes late is refused."""
    async with counter() as desk:
        await desk.admit_and_discharge()
        original = f"{n.HOSPITAL}202603021000000900"
        undo = {"psn_no": desk.psn_no, "omsgid": original, "oinfno": "2304"}
        await desk.call("2601", {"data": undo})
        late = (await desk.raw("2304", {"data": desk.claim}, 900)).json

    assert late["err_msg"].startswith("E_REVERSED")


async def test_unknown_parties_are_business_errors() -> None:
    """A region that takes no part, a person nobody knows, a visit that was never opened."""
    async with counter() as desk:
        document = n.call(mdtrtarea_admvs="330100")
        region = (await n.send(desk.served.server, n.request(document))).json
        nobody = {**desk.cert, "mdtrt_cert_no": "997483198405015986", "psn_cert_type": "01"}
        person = (await desk.raw("1101", {"data": nobody})).json
        visit = (await desk.raw("2304", {"data": desk.claim})).json

    assert [-1, -1, -1] == [one["infcode"] for one in (region, person, visit)]
    assert ["E_REGION", "E_PERSON_UNKNOWN", "E_VISIT_UNKNOWN"] == [
        one["err_msg"].split()[0] for one in (region, person, visit)
    ]


async def test_an_outpatient_visit_by_charge_batch() -> None:
    """2204 opens what 2201 registered; 2207 settles the batch, 2208 takes it back."""
    async with counter() as desk:
        opened = {
            "psn_no": desk.psn_no, "insutype": "310", "begntime": "2026-03-02 09:00:00",
            **desk.cert, "ipt_otp_no": "MZ1", "atddr_no": "D1", "dr_name": "王", "caty": "A03",
        }  # fmt: skip
        visit = (await desk.call("2201", {"data": opened}))["data"]["mdtrt_id"]
        fee = {**desk.row(7), "mdtrt_id": visit, "chrg_bchno": "B1"}
        del fee["med_type"]
        await desk.call("2204", {"feedetail": [fee]})
        claim = {**desk.claim, "mdtrt_id": visit, "med_type": "11", "chrg_bchno": "B1"}
        claim["medfee_sumamt"] = "5000.00"
        before = (await desk.call("2206", {"data": claim}))["setlinfo"]
        after = (await desk.call("2207", {"data": claim}))["setlinfo"]
        asked = {"psn_no": desk.psn_no, "mdtrt_id": visit, "setl_id": after["setl_id"]}
        undone = (await desk.call("2208", {"data": asked}))["setlinfo"]

    assert before["fund_pay_sumamt"] == after["fund_pay_sumamt"] != "0.00"
    assert f"-{after['fund_pay_sumamt']}" == undone["fund_pay_sumamt"]


async def test_the_story_may_be_played_behind_the_same_desk() -> None:
    """Simulated clients and real ones share the desk; each gets its own answers."""
    async with counter(play=True) as desk, asyncio.timeout(120):
        driver, clock = desk.served.cast.driver, desk.served.host.clock
        while any(case.is_open for case in driver.cases):
            due = driver.next_deadline()
            if due is not None and not driver.clients.open_questions:
                clock.jump_to(due)
            found = await desk.call("1101", {"data": {**desk.cert, "psn_cert_type": "01"}})
            assert desk.psn_no == found["baseinfo"]["psn_no"]
        visit = driver.outcomes()[0].visit
        asked = {"psn_no": desk.psn_no, "mdtrt_id": visit}
        known = (await desk.call("5203", {"data": asked}))["setlinfo"]

    assert ("B1", "100.00") == (known["chrg_bchno"], known["medfee_sumamt"])


async def test_a_bug_in_a_node_ends_the_network_and_is_no_refusal() -> None:
    """The call is 504; the host ends at once with the error, rather than go on half alive."""

    def broken(envelope: object, now: int) -> list[object]:
        raise ZeroDivisionError

    async with counter(answer_seconds=0.5) as desk:
        desk.served.host.parties["treatment:310000"].host.handle = broken
        reply = await desk.raw("1101", {"data": {**desk.cert, "psn_cert_type": "01"}})
        async with asyncio.timeout(120):
            ended = await asyncio.gather(desk.served.task, return_exceptions=True)

    assert (504, b"") == (reply.status, reply.body)
    assert isinstance(ended[0], ZeroDivisionError)
