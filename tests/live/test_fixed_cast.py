"""Persons and institutions with fixed outcomes, at the gateway of a served network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.broker.gateway import net as n
from tests.live.test_gateway import ITEM, TINY
from yidi.broker.gateway.guards import client
from yidi.scenarios.library.loader import load
from yidi.scenarios.live.gateway import Served, ServeOptions, serving
from yidi.scenarios.running.fixed_cast import (
    INSTITUTIONS,
    PERSONS,
    SLOW_FOR,
    fixed_institution,
    fixed_people,
    fixed_person,
    fixed_places,
    with_fixed_cast,
)
from yidi.scenarios.running.run import assemble


class Clinic:
    """An outpatient clinic that treats one of the test cast."""

    def __init__(self, served: Served, word: str = "", place: str = "") -> None:
        self.served, self.serial = served, 0
        world = served.cast.world
        people = {kind.word: row for row, kind in fixed_people(world) if row.region == "340600"}
        places = {kind.word: row.code for row, kind in fixed_places(world)}
        self.hospital = places.get(place, n.HOSPITAL)
        self.person = people[word] if word else next(
            row for row in world.persons
            if fixed_person(row.person_no) is None and row.region == "340600"
        )  # fmt: skip
        self.claim = {
            "psn_no": self.person.person_no, "mdtrt_cert_type": "02", "insutype": "310",
            "mdtrt_cert_no": self.person.certificate_no, "medfee_sumamt": 2_000,
            "psn_setlway": "01", "mdtrt_id": "MZ1", "chrg_bchno": "B1", "med_type": "11",
            "acct_used_flag": "0",
        }  # fmt: skip

    async def call(self, infno: str, inputs: dict[str, Any]) -> n.Reply:
        """One call in the name of the clinic."""
        self.serial += 1
        msgid = f"{self.hospital}20260302100000{self.serial:04d}"
        document = n.call(infno, input=inputs, msgid=msgid, fixmedins_code=self.hospital)
        return await n.send(self.served.server, n.request(document))

    async def bill(self) -> n.Reply:
        """Eligibility and fees, which answer as always; the last reply."""
        data = {"mdtrt_cert_type": "02", "mdtrt_cert_no": self.person.certificate_no,
                "psn_cert_type": "01"}  # fmt: skip
        who = (await self.call("1101", {"data": data})).json
        assert self.person.person_no == who["output"]["baseinfo"]["psn_no"]
        fee = {
            "feedetl_sn": "1", "mdtrt_id": "MZ1", "psn_no": self.person.person_no,
            "chrg_bchno": "B1", "fee_ocur_time": "2026-03-02 09:00:00", "med_list_codg": ITEM,
            "medins_list_codg": "L1", "det_item_fee_sumamt": "2000.00", "cnt": 1, "pric": 2000,
        }  # fmt: skip
        opened = {"psn_no": self.person.person_no, "insutype": "310", "ipt_otp_no": "MZ1",
                  "begntime": "2026-03-02 09:00:00", "mdtrt_cert_type": "02",
                  "mdtrt_cert_no": self.person.certificate_no}  # fmt: skip
        answer = await self.call("2201", {"data": opened})
        if answer.json["infcode"] == 0:
            answer = await self.call("2204", {"feedetail": [fee]})
        return answer

    async def settle(self) -> n.Reply:
        """2207."""
        return await self.call("2207", {"data": self.claim})

    async def outcome(self) -> dict[str, Any]:
        """What 5203 says once the region knows; until then it is 504."""
        data = {"psn_no": self.person.person_no, "mdtrt_id": "MZ1"}
        for _ in range(100):
            reply = await self.call("5203", {"data": data})
            if reply.status == 200:
                return reply.json["output"]["setlinfo"]
        raise AssertionError("the doubt was not resolved")


@asynccontextmanager
async def clinic(word: str = "", place: str = "", scale: int = 20_000) -> AsyncIterator[Clinic]:
    """A clinic before the tiny network, whose clock runs twenty times as fast."""
    options = ServeOptions(clients=(client("clinic", n.TOKEN),), scale=scale)
    async with serving(load(TINY), options) as served:
        yield Clinic(served, word, place)


def test_every_region_has_one_of_each_kind() -> None:
    """And nobody of the scenario is taken for one of them."""
    plain = assemble(load(TINY)).world
    world = assemble(load(TINY), extend=with_fixed_cast).world
    people = [kind.word for row, kind in fixed_people(world) if row.region == "340600"]
    places = [kind.word for row, kind in fixed_places(world) if row.region == "310000"]

    assert [kind.word for kind in PERSONS] == people
    assert [kind.word for kind in INSTITUTIONS] == places
    assert not any(fixed_person(row.person_no) for row in plain.persons)
    assert not any(fixed_institution(row.code) for row in plain.institutions)
    assert len({row.certificate_no for row in world.persons}) == len(world.persons)


async def test_the_refused_person_is_refused() -> None:
    """infcode -1 with E_INSURANCE_SUSPENDED, at the pre-settlement, too."""
    async with clinic("refused") as desk:
        await desk.bill()
        before = (await desk.call("2206", {"data": desk.claim})).json
        answer = (await desk.settle()).json

    for one in (before, answer):
        assert (-1, "E_INSURANCE_SUSPENDED") == (one["infcode"], one["err_msg"].split()[0])


@pytest.mark.parametrize(("word", "place"), [("slow", ""), ("", "slow")])
async def test_the_slow_one_is_settled_after_a_while(word: str, place: str) -> None:
    """No sooner than five seconds of the network's clock, and then as always."""
    async with clinic(word, place) as desk:
        await desk.bill()
        before = desk.served.desk.now()
        answer = (await desk.settle()).json
        waited = desk.served.desk.now() - before

    assert 0 == answer["infcode"]
    assert waited >= SLOW_FOR


async def test_the_person_who_times_out_is_504_and_nothing_was_done() -> None:
    """504 and empty; what the region finds out by itself is that there was no settlement."""
    async with clinic("times_out", scale=200_000) as desk:
        await desk.bill()
        reply = await desk.settle()
        known = await desk.outcome()
        settled = desk.served.cast.nodes["insured:340600"].state.settled

    assert (504, b"") == (reply.status, reply.body)
    assert {"psn_no", "mdtrt_id", "refd_setl_flag"} == set(known)
    assert 0 == settled


async def test_the_lost_answer_is_504_and_found_by_a_query() -> None:
    """504 although it was done: 5203 has the settlement once the region has asked."""
    async with clinic("answer_lost", scale=200_000) as desk:
        await desk.bill()
        reply = await desk.settle()
        known = await desk.outcome()

    assert (504, b"") == (reply.status, reply.body)
    assert ("2000.00", "0") == (known["medfee_sumamt"], known["refd_setl_flag"])


async def test_over_the_cap_the_pool_pays_nothing() -> None:
    """infcode 0, `hifp_pay` 0.00; the person pays what nobody else does."""
    async with clinic("over_cap") as desk:
        await desk.bill()
        info = (await desk.settle()).json["output"]["setlinfo"]

    assert "0.00" == info["hifp_pay"]


async def test_the_institution_that_opened_nothing_is_refused() -> None:
    """E_BUSINESS_NOT_OPENED as soon as a visit begins."""
    async with clinic(place="refused") as desk:
        answer = (await desk.bill()).json

    assert answer["err_msg"].startswith("E_BUSINESS_NOT_OPENED")


async def test_the_institution_that_gets_no_answer_is_504_at_the_deadline() -> None:
    """Its region is silent: the gateway's own deadline ends the call."""
    options = ServeOptions(clients=(client("clinic", n.TOKEN),))
    async with serving(load(TINY), options) as served:
        desk = Clinic(served, place="times_out")
        await desk.bill()
        served.desk.seconds = 0.2
        reply = await desk.settle()

    assert (504, b"") == (reply.status, reply.body)
