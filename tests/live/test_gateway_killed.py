"""The gateway's process killed thirty times under load: it keeps nothing, and nothing is missed."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from tests.broker.engines.servers import mosquitto
from tests.broker.gateway.net import HOSPITAL, TOKEN, call
from tests.live.processes import GATEWAY, Processes
from tests.live.test_process import SCALE, TUNING, seed_of_this_run
from tests.live.visits import many_visits
from tests.live.witness import Books
from yidi.broker.gateway.inputs import CALL_SERVICE
from yidi.protocol.money import yuan
from yidi.scenarios.live.folder import create_network
from yidi.scenarios.live.programs import free_ports
from yidi.scenarios.running.run import assemble
from yidi.scenarios.running.world import PersonRow

KILLS = 30
COUNTERS = 6
"""Counters that serve one patient after the other."""
ITEM = "001102000010000-110200001"
ASKS_FOR = 180
"""Real seconds in which a call has to come through, however often it is repeated."""


class Told(msgspec.Struct, frozen=True):
    """One line of the hospital's log: what it asked, and was told."""

    document: dict[str, Any]
    output: dict[str, Any]


class Hospital:
    """A hospital's own system, which repeats a call under its message id until it is answered."""

    def __init__(self, port: int, path: Path, session: aiohttp.ClientSession) -> None:
        self.url = f"http://127.0.0.1:{port}{CALL_SERVICE}"
        self.session = session
        self.path = path
        self.serial = 0
        self.repeats = 0
        self._log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def call(self, infno: str, inputs: dict[str, Any]) -> dict[str, Any]:
        """What a call came to, written down and synced before anybody hears of it."""
        self.serial += 1
        document = call(infno, self.serial, input=inputs)
        output = await self.ask(document)
        os.write(self._log, msgspec.json.encode(Told(document, output)) + b"\n")
        os.fsync(self._log)
        return output

    async def ask(self, document: dict[str, Any]) -> dict[str, Any]:
        """Send a document until there is an answer to it."""
        async with asyncio.timeout(ASKS_FOR):
            while True:
                try:
                    async with self.session.post(self.url, json=document) as reply:
                        if reply.status == 200:
                            answer = await reply.json()
                            assert 0 == answer["infcode"], answer
                            output: dict[str, Any] = answer["output"]
                            return output
                        assert reply.status in (503, 504), reply.status
                except (aiohttp.ClientError, ConnectionError):
                    pass
                self.repeats += 1
                await asyncio.sleep(0.1)

    async def serve(self, person: PersonRow, number: int) -> None:
        """One outpatient: registered, charged, settled."""
        cert = {"mdtrt_cert_type": "02", "mdtrt_cert_no": person.certificate_no}
        who = {"psn_no": person.person_no, "insutype": "310"}
        opened = {
            **who, "begntime": "2026-03-01 09:00:00", **cert, "ipt_otp_no": f"MZ{number}",
            "atddr_no": "D1", "dr_name": "王", "caty": "A03",
        }  # fmt: skip
        visit = (await self.call("2201", {"data": opened}))["data"]["mdtrt_id"]
        fee = {
            "feedetl_sn": f"20260301-{number}", "mdtrt_id": visit, "psn_no": person.person_no,
            "fee_ocur_time": "2026-03-01 09:00:00", "med_list_codg": ITEM, "chrg_bchno": "B1",
            "medins_list_codg": "L1", "det_item_fee_sumamt": "5000.00", "cnt": 1, "pric": 5000,
        }  # fmt: skip
        await self.call("2204", {"feedetail": [fee]})
        claim = {
            **who, **cert, "medfee_sumamt": "5000.00", "psn_setlway": "01", "mdtrt_id": visit,
            "acct_used_flag": "0", "med_type": "11", "chrg_bchno": "B1",
        }  # fmt: skip
        await self.call("2207", {"data": claim})

    def told(self) -> list[Told]:
        """The log, read back from the disk."""
        return [
            msgspec.json.decode(line, type=Told) for line in self.path.read_bytes().splitlines()
        ]


async def drive(
    processes: Processes, hospital: Hospital, persons: list[PersonRow], draws: random.Random
) -> list[Told]:
    """Serve patients while the gateway is killed; settlements whose repeat says otherwise."""
    waiting = iter(enumerate(persons))
    ended = asyncio.Event()

    async def counter() -> None:
        for number, person in waiting:
            if ended.is_set():
                return
            await hospital.serve(person, number)

    async def kill() -> None:
        for _ in range(KILLS):
            await asyncio.sleep(draws.uniform(0.02, 0.5))
            await asyncio.to_thread(processes.kill, GATEWAY)
        ended.set()

    await asyncio.gather(kill(), *(counter() for _ in range(COUNTERS)))
    assert next(waiting, None) is not None, "the load ended before the kills did"
    settled = [told for told in hospital.told() if told.document["infno"] == "2207"]
    return [told for told in settled if await hospital.ask(told.document) != told.output]


@pytest.mark.slow
async def test_a_killed_gateway_loses_no_answer_and_doubles_no_call(tmp_path: Path) -> None:
    """Hospitals repeat what was cut off, under its message id: each visit is settled once."""
    seed = seed_of_this_run()
    print(f"seed {seed}: YIDI_KILL_SEED={seed} repeats the moments")
    loaded = many_visits(tmp_path, 1_500, 1_000)
    cast = assemble(loaded)
    (tmp_path / "engine").mkdir()
    server = mosquitto(tmp_path / "engine")
    server.start()
    network = create_network(
        tmp_path / "network", loaded, cast, f"mqtt://127.0.0.1:{server.port}", SCALE * 1_000,
        tuning=TUNING,
    )  # fmt: skip
    processes = Processes(network)
    (port,) = free_ports(1)
    try:
        processes.start_gateway(port, f"hospital {TOKEN} {HOSPITAL}", rate=10_000)
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
            hospital = Hospital(port, tmp_path / "hospital.jsonl", session)
            changed = await drive(
                processes, hospital, list(cast.world.persons), random.Random(seed)
            )
    finally:
        processes.stop()
        server.stop()
    told = [one for one in hospital.told() if one.document["infno"] == "2207"]
    print(f"{KILLS} kills, {len(told)} settled, {hospital.repeats} repeats")

    assert [] == changed
    assert hospital.repeats
    for address in ("treatment:310000", "hub:100000", "insured:340600"):
        books = Books(network, address)
        cases = {case.settlement_id: case for case in books.node.state.cases.values()}
        for one in told:
            info = one.output["setlinfo"]
            case = cases[info["setl_id"]]
            assert "SETTLED" == case.state
            assert yuan(case.fund_fen) == info["fund_pay_sumamt"]
        assert [] == list(books.doubled())
        assert len(told) == len(books.postings)
