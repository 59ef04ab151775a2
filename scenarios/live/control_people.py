"""Whom a tester means: nodes, persons, institutions and regions of a live network, by name."""

from __future__ import annotations

from zlib import crc32

from yidi.protocol import transactions as t
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.identity import SEQUENCES_MAX, check_identity, synthetic_identity
from yidi.protocol.instants import Instant, day_of, parse_date
from yidi.protocol.messages_control import NewPerson, NextOutcome
from yidi.protocol.money import parse_yuan
from yidi.protocol.regions import check_region
from yidi.scenarios.live.control_orders import OutcomeOrder, PersonOrder
from yidi.scenarios.running.world import World, partition_key

ADDED_BLOCK = "999999"
"""Block of person numbers that no scenario uses: who was added by hand."""
_SERIALS = 1_000_000
_EMPLOYEE, _RESIDENT = "1101", "1501"


class Directory:
    """Who and what is in a network.

    Args:
        world: as it was at the start.
        nodes: addresses of its nodes.
    """

    def __init__(self, world: World, nodes: tuple[str, ...]) -> None:
        self.nodes = nodes
        self._persons = {one.person_no: (one.person_no, one.region) for one in world.persons}
        self._persons |= {one.certificate_no: (one.person_no, one.region) for one in world.persons}
        self._certificates = {one.person_no: one.certificate_no for one in world.persons}
        self._institutions = {one.code: one.region for one in world.institutions}

    def node(self, address: str) -> str:
        """A node of this network.

        Raises:
            RemoteProtocolError: `E_REGION`.
        """
        if address in self.nodes:
            return address
        want = f"one of {', '.join(self.nodes)}"
        raise RemoteProtocolError(ErrorCode.E_REGION, at="node", want=want[:200], got=address)

    def person(self, name: str) -> tuple[str, str]:
        """Person number and insured region, by person number or certificate.

        Somebody added by hand is known by number only: it begins with the region.

        Raises:
            RemoteProtocolError: `E_PERSON_UNKNOWN`.
        """
        if name in self._persons:
            return self._persons[name]
        if f"insured:{name[:6]}" in self.nodes:
            return name, name[:6]
        raise RemoteProtocolError(ErrorCode.E_PERSON_UNKNOWN, at="person")

    def rule(self, order: OutcomeOrder) -> tuple[str, NextOutcome]:
        """The node that an order belongs to, and the order as that node reads it.

        Raises:
            RemoteProtocolError: `E_PARAM`, `E_PERSON_UNKNOWN`, `E_INSTITUTION_UNKNOWN`, `E_REGION`,
                `E_INFNO_UNKNOWN`, `E_CODE`.
        """
        person_no, home = self.person(order.person) if order.person else ("", "")
        if order.institution and order.institution not in self._institutions:
            raise RemoteProtocolError(ErrorCode.E_INSTITUTION_UNKNOWN, at="institution")
        if order.outcome == "refuse" and order.code not in ErrorCode.__members__:
            raise RemoteProtocolError(ErrorCode.E_CODE, at="code", got=order.code)
        if order.node:
            node = self.node(order.node)
        elif order.institution:
            node = self.node(f"treatment:{self._institutions[order.institution]}")
        elif home:
            node = self.node(f"insured:{home}")
        elif order.region:
            node = self._of_region(order.region)
        else:
            want = "person, institution, region or node"
            raise RemoteProtocolError(ErrorCode.E_PARAM, want=want)
        rule = NextOutcome(
            outcome=order.outcome,
            code=order.code,
            delay=order.milliseconds * 1_000,
            times=order.times,
            transactions=_numbers(order.transactions),
            person_no=person_no,
            certificate_no=self._certificates.get(person_no, ""),
            institution=order.institution,
        )
        return node, rule

    def _of_region(self, code: str) -> str:
        for role in ("insured", "treatment", "hub", "province"):
            if f"{role}:{code}" in self.nodes:
                return f"{role}:{code}"
        return self.node(f"insured:{code}")


def _numbers(names: list[str]) -> list[str]:
    """Transactions by number or by word."""
    found: list[str] = []
    for name in names:
        codes = (name,) if name in t.CATALOGUE else t.codes_of(name)
        if not codes:
            raise RemoteProtocolError(ErrorCode.E_INFNO_UNKNOWN, at="transactions", got=name)
        found += codes
    return found


def new_person(order: PersonOrder, now: Instant) -> NewPerson:
    """Somebody new, complete; the same order makes the same person.

    Raises:
        RemoteProtocolError: `E_DATE`, `E_IDCARD`, `E_AMOUNT`, `E_REGION`.
    """
    parse_date(order.birth, "birth")
    if order.filed:
        check_region(order.filed, "filed")
    certificate = order.certno
    if certificate:
        check_identity(certificate, day_of(now), "certno")
    else:
        sequence = crc32(f"{order.region}/{order.name}".encode()) % SEQUENCES_MAX
        certificate = synthetic_identity(order.birth, sequence, order.sex)
    serial = crc32(certificate.encode()) % _SERIALS
    person_no = f"{order.region}{ADDED_BLOCK}{serial:06d}"
    return NewPerson(
        person_no=person_no,
        name=order.name,
        certificate_no=certificate,
        sex=order.sex,
        birth=order.birth,
        insutype=order.insutype,
        psn_type=order.psn_type or (_EMPLOYEE if order.insutype == "310" else _RESIDENT),
        partition_key=partition_key(person_no),
        balance_fen=parse_yuan(order.balc, "balc"),
        filed=order.filed,
        category=order.category,
    )
