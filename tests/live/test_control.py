"""`/_yidi/` before a live network in one process: orders, pending messages, messages, refusals."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from tests.broker.gateway import net as n
from tests.live.test_gateway import TINY, VISIT, Counter
from yidi.broker.gateway.guards import client
from yidi.scenarios.library.loader import load
from yidi.scenarios.live.gateway import ServeOptions, serving


class Desk(Counter):
    """A hospital whose tester also has a hand on the network."""

    async def control(self, path: str, order: dict[str, Any] | None = None) -> Any:
        """What a call to `/_yidi/` must answer."""
        status, told = await self.tried(path, order)
        assert 200 == status, told
        return told

    async def tried(self, path: str, order: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Status and document of a call to `/_yidi/`."""
        method = "GET" if order is None else "POST"
        port = str(self.served.server.port)
        head: dict[str, str | None] = {"Host": f"127.0.0.1:{port}", "Authorization": None}
        reply = await n.send(
            self.served.server, n.request(order, method=method, path=f"/_yidi/{path}", head=head)
        )
        return reply.status, json.loads(reply.body)


@asynccontextmanager
async def at_the_counter(**options: Any) -> AsyncIterator[Desk]:
    """A tester before the tiny network, with chaos unless a test says otherwise."""
    known = (client("hospital", n.TOKEN, (n.HOSPITAL,)),)
    given = ServeOptions(clients=known, control=True, **{"chaos": True, **options})
    async with serving(load(TINY), given) as served:
        yield Desk(served)


async def until(ask: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool]) -> Any:
    """Ask until the answer is what was waited for."""
    async with asyncio.timeout(120):
        while not holds(answer := await ask()):
            continue
    return answer


def all_level(rows: list[dict[str, Any]]) -> bool:
    """Whether there are statements, and every region is level."""
    return bool(rows) and all(row["level"] for row in rows)


async def test_the_next_outcome_of_a_person_an_institution_and_a_region() -> None:
    """Refused at the insured region, at the treatment region, and slow; then all is as before."""
    async with at_the_counter() as desk:
        question = {"data": {**desk.cert, "psn_cert_type": "01"}}
        for order, code in (
            ({"person": desk.psn_no, "code": "E_INSURANCE_SUSPENDED"}, "E_INSURANCE_SUSPENDED"),
            ({"institution": n.HOSPITAL, "code": "E_BUSY"}, "E_BUSY"),
            ({"region": "340600", "code": "E_TIMEOUT", "transactions": ["eligibility"]}, ""),
        ):
            await desk.control("outcomes", {"outcome": "refuse", **order})
            told = await desk.raw("1101", question)
            if code:
                assert told.json["err_msg"].startswith(code)
            else:
                assert (504, b"") == (told.status, told.body), "an unknown outcome has no body"
        await desk.control("outcomes", {"outcome": "slow", "person": desk.psn_no,
                                        "milliseconds": 300})  # fmt: skip
        began = asyncio.get_running_loop().time()
        found = await desk.call("1101", question)

        assert asyncio.get_running_loop().time() - began >= 0.3
        assert desk.psn_no == found["baseinfo"]["psn_no"]


async def test_a_settlement_waits_for_the_users_word() -> None:
    """Held at the insured region, listed, approved: the answer comes to whoever waited."""
    async with at_the_counter() as desk:
        await desk.admit_and_discharge()
        await desk.control("outcomes", {"outcome": "hold", "person": desk.psn_no, "times": 0,
                                        "transactions": ["settlement"]})  # fmt: skip
        asked = asyncio.create_task(desk.call("2304", {"data": desk.claim}))
        [row] = await until(lambda: desk.control("pending"), bool)
        assert not asked.done()
        word = {"node": row["node"], "msgid": row["msgid"], "verdict": "approve"}
        await desk.control("pending", word)
        settled = (await asked)["setlinfo"]
        gone, problem = await desk.tried("pending", word)
        by = {
            name: await desk.control(f"messages?name={name}")
            for name in (row["key"], row["msgid"], settled["setl_id"], VISIT)
        }

    assert ("insured:340600", "2304", desk.psn_no) == (row["node"], row["infno"], row["psn_no"])
    assert (404, "E_NOT_PENDING") == (gone, problem["code"])
    chains = [json.dumps(rows) for rows in by.values()]
    assert 1 == len(set(chains)), "every name of a case finds the same messages"
    said = [(one["infno"], one["kind"]) for one in by[VISIT]]
    assert [("2401", "request"), ("2401", "result")] == said[:2]
    assert ("2304", "result") == said[-1]


async def test_the_day_closes_and_what_was_settled_is_level() -> None:
    """One settlement: the hub and both regions have it in the statement of the day."""
    async with at_the_counter(chaos=False) as desk:
        await desk.admit_and_discharge()
        await desk.call("2304", {"data": desk.claim})
        [closed] = await desk.control("day-close", {})
        rows = await until(lambda: desk.control("statements"), all_level)

    paid = {row["region"]: (row["count"], row["fund"], row["own_fund"]) for row in rows}
    assert (1, "7708.00", "7708.00") == paid["insured:340600"] == paid["treatment:310000"]
    assert {closed["day"]} == {row["day"] for row in rows}


async def test_everything_goes_back_to_the_start() -> None:
    """After a reset of all the same visit can be lived through again."""
    async with at_the_counter() as desk:
        for _ in range(2):
            await desk.admit_and_discharge()
            settled = (await desk.call("2304", {"data": desk.claim}))["setlinfo"]
            await desk.control("reset", {})

    assert "7708.00" == settled["fund_pay_sumamt"]


async def test_a_person_who_was_added_is_known_at_the_counter() -> None:
    """By the identity number that was made up for them; without --allow-chaos, too."""
    async with at_the_counter(chaos=False) as desk:
        made = await desk.control("persons", {"region": "340600", "name": "模新人",
                                              "balc": "12.30", "filed": "310000"})  # fmt: skip
        card = {"mdtrt_cert_type": "02", "mdtrt_cert_no": made["certno"], "psn_cert_type": "01"}
        found = await desk.call("1101", {"data": card})

    assert (made["psn_no"], "模新人") == (
        found["baseinfo"]["psn_no"], found["baseinfo"]["psn_name"],
    )  # fmt: skip
    assert "12.30" == found["insuinfo"][0]["balc"]


@pytest.mark.parametrize(
    ("path", "order", "status", "code"),
    [
        ("outcomes", {"outcome": "explode"}, 400, "E_PARAM"),
        ("outcomes", {"outcome": "refuse", "region": "340600"}, 400, "E_CODE"),
        ("outcomes", {"outcome": "ignore"}, 400, "E_PARAM"),
        ("outcomes", {"outcome": "ignore", "region": "999999"}, 400, "E_REGION"),
        ("outcomes", {"outcome": "ignore", "person": "nobody"}, 404, "E_PERSON_UNKNOWN"),
        ("outcomes", {"outcome": "ignore", "institution": "H1"}, 400, "E_INSTITUTION_UNKNOWN"),
        ("outcomes", {"outcome": "ignore", "region": "340600", "transactions": ["x"]}, 400,
         "E_INFNO_UNKNOWN"),
        ("reset", {"nodes": []}, 400, "E_PARAM"),
        ("persons", {"region": "340600", "name": "甲", "birth": "1980-02-30"}, 400, "E_DATE"),
        ("persons", {"region": "340600", "name": "甲", "balc": "1.234"}, 400, "E_AMOUNT"),
        ("persons", {"region": "340600", "name": "甲", "certno": "123"}, 400, "E_IDCARD"),
        ("persons", {"region": "310000", "name": "甲"}, 400, "E_REGION"),
        ("day-close", {"hub": "hub:1"}, 400, "E_REGION"),
        ("messages?name=", None, 400, "E_PARAM"),
        ("messages?name=nothing-of-that", None, 404, "E_CASE_UNKNOWN"),
        ("secrets", None, 404, "E_ROUTE"),
        ("day-close", None, 404, "E_ROUTE"),
    ],
)  # fmt: skip
async def test_what_is_asked_wrongly_is_refused_by_code(
    path: str, order: dict[str, Any] | None, status: int, code: str
) -> None:
    """Every mistake has its code, sentence and status; nothing changes."""
    async with at_the_counter() as desk:
        before = (await desk.control(""))["nodes"]
        got, told = await desk.tried(path, order)

        assert (status, code) == (got, told["code"])
        assert told["sentence"]
        assert before == (await desk.control(""))["nodes"]


async def test_without_chaos_outcomes_stay_as_they_are() -> None:
    """403 E_CHAOS_OFF, from the node itself; the day may still be closed."""
    async with at_the_counter(chaos=False) as desk:
        order = {"outcome": "ignore", "region": "340600"}

        assert (403, "E_CHAOS_OFF") == _code(await desk.tried("outcomes", order))
        assert (403, "E_CHAOS_OFF") == _code(await desk.tried("reset", {}))
        assert await desk.control("day-close", {})


def silent(told: dict[str, Any]) -> list[str]:
    """The nodes that do not answer."""
    return [one["node"] for one in told["nodes"] if not one["answers"]]


async def test_a_node_that_is_away_is_said_to_be_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """504 E_DELIVERY_TIMEOUT for a command, `answers` false in the status."""
    monkeypatch.setattr("yidi.scenarios.live.control.ANSWERS_WITHIN", 0.2)
    async with at_the_counter() as desk:
        attachment = desk.served.host.parties["insured:340600"].attachment
        assert attachment is not None
        await attachment.close()
        # Whoever is there answers, if not at the first look on a machine with much else to do.
        told = await until(partial(desk.control, ""), lambda told: len(silent(told)) < 2)

        assert ["insured:340600"] == silent(told)
        assert (504, "E_DELIVERY_TIMEOUT") == _code(
            await desk.tried("reset", {"node": "insured:340600"})
        )


def _code(told: tuple[int, Any]) -> tuple[int, str]:
    return told[0], told[1]["code"]
