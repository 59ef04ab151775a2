"""Who is invited into a run from outside, and what each is told.

An own node gets what a node of ours has from its setup: the persons of its region with their
insurance, balance and filings, and the policy it is judged by, as the text of a policy file.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from yidi.broker.engines.base import Engine
from yidi.broker.external.documents import Document
from yidi.nodes.policy import PolicyBook
from yidi.protocol.instants import Instant, local_text
from yidi.protocol.money import yuan
from yidi.scenarios.judging.wire import WireLog
from yidi.scenarios.library.policy_writer import dump_policies
from yidi.scenarios.live.edge import Edge, Greeting
from yidi.scenarios.live.externals import External, parse_externals
from yidi.scenarios.running.build import observe
from yidi.scenarios.running.world import PersonRow, World

PERSONS_MAX = 200
"""Persons that the handshake names; a region of more says how many there are."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """The network that guests are invited into."""

    nodes: dict[str, Any]
    """By address; own nodes take the places of ours here."""
    world: World
    book: PolicyBook
    start: Instant


async def invite(
    texts: tuple[str, ...],
    setting: Setting,
    engine: Engine,
    sink: Callable[[Any], object] | None,
) -> Edge:
    """Introduce the network to its own nodes, and put them in the places of ours.

    Args:
        texts: the options, as `parse_externals` takes them.
        setting: the network.
        engine: of the run.
        sink: gets every entry of the wire log.

    Raises:
        ScenarioError: an option is wrong.
        TransportError: a node was not there in time.
    """
    externals = parse_externals(texts, setting.nodes, engine.url)
    edge = Edge(WireLog(lambda: setting.start, *([sink] if sink is not None else [])), engine)
    try:
        await edge.introduce(externals, partial(greeting_for, setting))
    except BaseException:
        await edge.close()
        raise
    observe(setting.nodes, edge.observed)
    return edge


def greeting_for(setting: Setting, external: External) -> Greeting:
    """What one own node is told before the run begins."""
    role, _, code = external.address.partition(":")
    data: Document = {
        "node": external.address,
        "role": role,
        "clock": local_text(setting.start),
        "answer_seconds": f"{external.answer_seconds:g}",
    }
    lists: Document = {}
    if role == "insured":
        rows = [row for row in setting.world.persons if row.region == code]
        data["persons"] = str(len(rows))
        regions = {row.policy_region for row in setting.world.regions if row.code == code}
        data["policies"] = dump_policies(setting.book, regions)
        lists["persons"] = [person_document(row) for row in rows[:PERSONS_MAX]]
    elif role == "treatment":
        lists["institutions"] = [
            {"fixmedins_code": one.code, "fixmedins_name": one.name, "hosp_lv": one.level}
            for one in setting.world.institutions
            if one.region == code
        ]
    return Greeting(now=setting.start, data=data, lists=lists)


def person_document(row: PersonRow) -> Document:
    """An insured person, as the handshake names one."""
    return {
        "psn_no": row.person_no,
        "psn_name": row.name,
        "certno": row.certificate_no,
        "gend": row.sex,
        "brdy": row.birth,
        "insutype": row.insutype,
        "psn_type": row.psn_type,
        "psn_insu_stas": "2" if row.suspended else "1",
        "balc": yuan(row.balance_fen),
        "opsp_dise_code": list(row.chronic),
        "out_appy": [
            {
                "filing": one.category, "rloc_admdvs": one.area,
                "begndate": one.valid_from, "enddate": one.valid_to,
            }
            for one in row.filings
        ],
    }  # fmt: skip
