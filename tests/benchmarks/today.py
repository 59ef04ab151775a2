"""What people run today: three programs, aiomqtt, JSON and dicts over Mosquitto, QoS 1.

The baseline of `yidi bench engine`, written as a competent user would: one process for the
treatment region with its hospital, one for the hub, one for the insured region; persistent
connections with TCP_NODELAY, one coroutine a patient, publishing without waiting in line, answers
matched by message id. The flow is the same: eligibility, thirty fee lines, pre-settlement,
settlement, each a request and an answer over two hops, 16 messages a settlement. It computes a
plain split, books in dicts, and keeps nothing on disk: no rules, no journal, no checks.

    python tests/benchmarks/today.py hub --port 1883
    python tests/benchmarks/today.py insured --port 1883
    python tests/benchmarks/today.py treatment --port 1883 --rate 500 --in-flight 64 --seconds 4

Each prints a line of JSON when it is ready and another when it is done; the treatment region
begins at a line `go` on its standard input, and asks alone at a line `lone`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import socket
import sys
import time
from datetime import datetime, timedelta, timezone

import aiomqtt

NO_DELAY = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
TREATMENT, HUB, INSURED = "310000", "100000", "340600"
LINES = 30
CHINA = timezone(timedelta(hours=8))
ANSWER_SECONDS = 30


def say(**facts):
    """One line of JSON for whoever started us."""
    print(json.dumps(facts), flush=True)


class Party:
    """A connection, and a table of what it does with which transaction."""

    def __init__(self, code, client):
        self.code = code
        self.client = client
        self.tasks = set()

    async def send(self, to, message):
        """Publish a message to a party; returns when the broker has it."""
        await self.client.publish(f"today/{to}", json.dumps(message, ensure_ascii=False), qos=1)

    def spawn(self, work):
        """Run something beside what comes next, and keep it alive."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def serve(self):
        """Handle what comes, each message in a task of its own."""
        await self.client.subscribe(f"today/{self.code}", qos=1)
        say(say="ready")
        async for message in self.client.messages:
            self.spawn(self.handle(json.loads(message.payload)))


class Hub(Party):
    """Knows the regions, stamps the day, remembers the cases, passes on."""

    def __init__(self, client):
        super().__init__(HUB, client)
        self.cases = {}

    async def handle(self, message):
        """Pass a request on to the insured region, an answer back to the treatment region."""
        if message["infno"] == "2207":
            if message["kind"] == "request":
                message["day"] = datetime.now(CHINA).strftime("%Y-%m-%d")
            elif message["infcode"] == 0:
                self.cases[message["key"]] = message["output"]
        to = message["insuplc"] if message["kind"] == "request" else message["mdtrtarea"]
        message["hops"].append(self.code)
        await self.send(to, message)

    def books(self):
        """Settlements and what the funds pay for them."""
        return len(self.cases), sum(fen(case["fund_pay_sumamt"]) for case in self.cases.values())


class Insured(Party):
    """Looks people up, keeps their bills, computes and books."""

    def __init__(self, client):
        super().__init__(INSURED, client)
        self.persons, self.visits, self.cases, self.ledger = {}, {}, {}, {}

    async def handle(self, message):
        """Answer a request; the same settlement again gets the first answer."""
        work = {"1101": self.person, "2204": self.fees, "2206": self.split, "2207": self.settle}
        output = work[message["infno"]](message)
        answer = {
            **message, "kind": "answer", "msgid": f"A{message['msgid']}", "inf_refmsgid":
            message["msgid"], "infcode": 0, "err_msg": "", "input": None, "output": output,
            "hops": [self.code],
        }  # fmt: skip
        await self.send(HUB, answer)

    def person(self, message):
        """1101: who it is."""
        number = message["input"]["psn_no"]
        return self.persons.setdefault(
            number,
            {"psn_no": number, "psn_name": "测试", "gend": "1", "brdy": "1980-01-01",
             "insutype": "310", "psn_type": "1101", "balc": "800.00", "paus_insu_date": None},
        )  # fmt: skip

    def fees(self, message):
        """2204: thirty lines, checked and summed."""
        visit, total, in_scope = message["input"]["mdtrt_id"], 0, 0
        for line in message["input"]["feedetail"]:
            amount = fen(line["det_item_fee_sumamt"])
            assert amount == round(float(line["cnt"]) * fen(line["pric"]))
            total += amount
            in_scope += fen(line["inscp_scp_amt"])
        self.visits[visit] = {"total": total, "in_scope": in_scope}
        return {"mdtrt_id": visit, "lines": len(message["input"]["feedetail"])}

    def split(self, message):
        """2206: 400 yuan deductible, then half."""
        visit = self.visits[message["input"]["mdtrt_id"]]
        fund = max(0, visit["in_scope"] - 40_000) // 2
        return {
            "mdtrt_id": message["input"]["mdtrt_id"], "medfee_sumamt": yuan(visit["total"]),
            "inscp_scp_amt": yuan(visit["in_scope"]), "act_pay_dedc": "400.00",
            "pool_prop_selfpay": "0.5000", "hifp_pay": yuan(fund),
            "fund_pay_sumamt": yuan(fund), "acct_pay": "0.00",
            "psn_cash_pay": yuan(visit["total"] - fund),
            "setldetail": [{"fund_pay_type": "310101", "fund_payamt": yuan(fund)}],
        }  # fmt: skip

    def settle(self, message):
        """2207: once a key."""
        key = message["key"]
        if key not in self.cases:
            output = self.split(message)
            self.cases[key] = {**output, "setl_id": f"S{key}", "day": message["day"]}
            fund = fen(output["fund_pay_sumamt"])
            for account, amount in (("fund", -fund), ("payable", fund)):
                self.ledger[account] = self.ledger.get(account, 0) + amount
        return self.cases[key]

    def books(self):
        """Settlements and what the fund pays for them."""
        assert sum(self.ledger.values()) == 0
        return len(self.cases), self.ledger.get("payable", 0)


class Treatment(Party):
    """The hospital's patients and their region."""

    def __init__(self, client):
        super().__init__(TREATMENT, client)
        self.waiting, self.cases, self.serial = {}, {}, 0
        self.bill = bill()

    async def handle(self, message):
        """Give an answer to who waits for it."""
        waiting = self.waiting.pop(message["inf_refmsgid"], None)
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    async def ask(self, infno, key, body):
        """Send a request by the hub and wait for its answer."""
        self.serial += 1
        now = datetime.now(CHINA)
        msgid = f"H31010100001{now:%Y%m%d%H%M%S}{self.serial:08d}"
        answer = self.waiting[msgid] = asyncio.get_running_loop().create_future()
        message = {
            "infno": infno, "kind": "request", "msgid": msgid, "key": key,
            "mdtrtarea": TREATMENT, "insuplc": INSURED, "infver": "V1.0",
            "inf_time": f"{now:%Y-%m-%d %H:%M:%S}", "fixmedins_code": "H31010100001",
            "opter": "001", "opter_name": "测试", "signtype": "", "sign": "",
            "hops": [TREATMENT], "input": body,
        }  # fmt: skip
        await self.send(HUB, message)
        return (await asyncio.wait_for(answer, ANSWER_SECONDS))["output"]

    async def visit(self, number):
        """One patient, from the counter to the settlement."""
        key = f"A{TREATMENT}{number:012d}"
        who = {"psn_no": f"340600{number:020d}", "mdtrt_id": f"V{number:011d}"}
        claim = {**who, "med_type": "11", "insutype": "310", "medfee_sumamt": yuan(self.bill[1]),
                 "acct_used_flag": "0"}  # fmt: skip
        person = await self.ask("1101", key, who)
        assert person["psn_no"] == who["psn_no"]
        fees = await self.ask("2204", key, {**who, "feedetail": self.bill[0]})
        assert fees["lines"] == LINES
        agreed = await self.ask("2206", key, claim)
        settled = await self.ask("2207", key, claim)
        assert settled["fund_pay_sumamt"] == agreed["fund_pay_sumamt"]
        self.cases[key] = settled

    def books(self):
        """Settlements and what the funds pay for them."""
        return len(self.cases), sum(fen(case["fund_pay_sumamt"]) for case in self.cases.values())


def bill():
    """Thirty fee lines and their sum."""
    lines, total = [], 0
    for number in range(1, LINES + 1):
        count, price = 1 + number % 3, 1_250 + 137 * number
        total += count * price
        lines.append({
            "feedetl_sn": f"{number:06d}", "med_list_codg": "XN02BEN001A001010100001",
            "cnt": f"{count}", "pric": yuan(price), "det_item_fee_sumamt": yuan(count * price),
            "fulamt_ownpay_amt": "0.00", "overlmt_amt": "0.00", "preselfpay_amt": "0.00",
            "inscp_scp_amt": yuan(count * price), "chrgitm_lv": "01",
        })  # fmt: skip
    return lines, total


def fen(text):
    """A yuan string in fen."""
    whole, _, part = text.partition(".")
    return int(whole) * 100 + int(part.ljust(2, "0")[:2] or 0)


def yuan(amount):
    """Fen as a yuan string."""
    return f"{amount // 100}.{amount % 100:02d}"


async def offer(treatment, options):
    """Patients at a rate, so many at a time at most; settled in the steady window."""
    loop, room = asyncio.get_running_loop(), asyncio.Semaphore(options.in_flight)
    began, number, steady, patients = loop.time(), 0, 0, set()

    async def attend(number):
        nonlocal steady
        try:
            await treatment.visit(number)
            steady += options.warm_up <= loop.time() - began < options.seconds
        finally:
            room.release()

    while True:
        await asyncio.sleep(max(0, began + number / options.rate - loop.time()))
        await room.acquire()
        if loop.time() - began >= options.seconds:
            break
        patient = asyncio.create_task(attend(number))
        patients.add(patient)
        patient.add_done_callback(patients.discard)
        number += 1
    await asyncio.gather(*patients)
    return steady


async def ask_alone(treatment, options):
    """Eligibility requests, one after the other; microseconds each took."""
    taken = []
    for number in range(options.lone):
        began = time.perf_counter()
        await treatment.ask("1101", "", {"psn_no": f"340600{number:020d}", "mdtrt_id": ""})
        taken.append(round(1e6 * (time.perf_counter() - began)))
        await asyncio.sleep(0.005)
    return taken


async def drive(treatment, options):
    """Wait for orders: `go`, then `lone`."""
    await asyncio.to_thread(sys.stdin.readline)
    steady = await offer(treatment, options)
    count, fund_fen = treatment.books()
    say(say="loaded", steady=steady, settled=count, fund_fen=fund_fen)
    await asyncio.to_thread(sys.stdin.readline)
    say(say="done", lone_us=await ask_alone(treatment, options))


async def main():
    """Run one party until it is done, or told to stop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("role", choices=["treatment", "hub", "insured"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, default=1_000)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--warm-up", type=float, default=1)
    parser.add_argument("--lone", type=int, default=100)
    options = parser.parse_args()
    logger = logging.getLogger("today")
    logger.setLevel(logging.ERROR)  # it warns of many publishes under way, which is the point
    async with aiomqtt.Client(
        "127.0.0.1", options.port, identifier=f"today-{options.role}", logger=logger,
        max_inflight_messages=1_000, socket_options=[NO_DELAY],
    ) as client:  # fmt: skip
        party = {"treatment": Treatment, "hub": Hub, "insured": Insured}[options.role](client)
        serving = asyncio.create_task(party.serve())
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, serving.cancel)
        if options.role == "treatment":
            await drive(party, options)
            serving.cancel()
        await asyncio.wait([serving])
        if options.role != "treatment":
            count, fund_fen = party.books()
            say(say="done", settled=count, fund_fen=fund_fen)


if __name__ == "__main__":
    asyncio.run(main())
