"""The path of one settlement in steps 0 to 7, as the design tells it, over a chain's hops.

Of all the messages of a case, those of one settlement attempt lie on the path; what came before
(filing, eligibility, fees, pre-settlement) and after (doubt, undoing, clearing) stands around it.
"""

from __future__ import annotations

import msgspec

from yidi.protocol import transactions as t
from yidi.protocol.transactions import Kind
from yidi.scenarios.judging.chain import Chain, Hop

BEFORE, AFTER = -1, 8
"""Steps of what came before the path and after it."""
_TRIES = t.SETTLEMENTS | t.PRE_SETTLEMENTS
GOOD_STATES = ("SETTLED", "CLEARED")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the design's table."""

    number: int
    where: str
    title: tuple[str, str]
    sees: tuple[str, str]


STEPS: tuple[Step, ...] = (
    Step(
        number=0,
        where="scenarios/library/*.toml",
        title=("故事", "The story"),
        sees=("谁、在哪里参保、去哪里看病", "who, insured where, treated where"),
    ),
    Step(
        number=1,
        where="nodes/treatment_region.py",
        title=("就医地拆分账单、组成结算请求", "The treatment region splits and builds"),
        sees=("按自己的目录拆分，起案件号，定时限", "its own catalogue, a case key, a deadline"),
    ),
    Step(
        number=2,
        where="scenarios/running/runner.py",
        title=("运行器：节点与报文核心在此相遇", "The runner: where nodes and broker meet"),
        sees=("一个种子定下每一次延迟和故障", "one seed owns every delay and fault"),
    ),
    Step(
        number=3,
        where="broker/core.py",
        title=("报文核心：选路、连接、送达、确认", "The broker: route, link, deliver, acknowledge"),
        sees=("每一跳的耗时，重发与丢失", "how long each hop took; resends and losses"),
    ),
    Step(
        number=4,
        where="nodes/hub.py",
        title=("平台盖上会计日并转发", "The hub stamps the accounting day and relays"),
        sees=("认得双方，记住案件，不拆正文", "known regions? the case is remembered"),
    ),
    Step(
        number=5,
        where="nodes/insured_region.py",
        title=("参保地核对、计算、记账、答复", "The insured region computes and posts"),
        sees=("做过就给同一个答复；查备案；算待遇；记账", "seen before? filing? benefit; ledger"),
    ),
    Step(
        number=6,
        where="nodes/hub.py",
        title=("平台为清算记账并转回", "The hub books for clearing and relays back"),
        sees=("三方账里的第二本", "the second of the three books"),
    ),
    Step(
        number=7,
        where="nodes/treatment_region.py",
        title=("就医地结算完成，患者付自己的部分", "Settled: the patient pays their share"),
        sees=("没有答复就是未知：查询、冲正，绝不换新号", "no answer: query, reverse, no fresh id"),
    ),
)  # fmt: skip


def path_key(chain: Chain) -> str:
    """The key whose settlement the tour follows: the one asked for, else the first that settled."""
    asked = chain.selection.name
    keys = list(dict.fromkeys(_key(hop) for hop in chain.hops if _key(hop)))
    if asked in keys:
        return asked
    settled = [row.key for row in chain.rows if row.state in GOOD_STATES]
    tried = [_key(hop) for hop in chain.hops if hop.transaction in t.SETTLEMENTS]
    for candidates in (settled, [key for key in tried if key], keys):
        for key in candidates:
            if key in keys:
                return key
    return ""


def steps_along(chain: Chain) -> list[int]:
    """The step that each hop belongs to; `BEFORE` and `AFTER` around the path."""
    hops, key = chain.hops, path_key(chain)
    # A case may never have got as far as a settlement, or been refused before it had a key.
    tries = ((t.SETTLEMENTS, key), (t.PRE_SETTLEMENTS, key), (_TRIES, ""))
    path: list[int] = []
    for transactions, of_key in tries:
        path = [i for i, hop in enumerate(hops) if _is_of(hop, of_key, transactions)]
        if path and of_key:
            path = _with_request(hops, path, transactions)
        if path:
            break
    first = path[0] if path else len(hops)
    on_path = frozenset(path)
    last = max(path, default=-1)
    return [
        _step(hop) if index in on_path or (hop.origin is None and first < index < last)
        else BEFORE if index < first else AFTER
        for index, hop in enumerate(hops)
    ]  # fmt: skip


def _with_request(hops: tuple[Hop, ...], path: list[int], tries: frozenset[str]) -> list[int]:
    """Add what the counter said: its message has no case key yet."""
    for index in range(path[0] - 1, -1, -1):
        hop = hops[index]
        if hop.transaction in tries and hop.sender.startswith("institution:"):
            return [index, *path]
    return path


def _is_of(hop: Hop, key: str, transactions: frozenset[str]) -> bool:
    return hop.transaction in transactions and _key(hop) == key


def _key(hop: Hop) -> str:
    return hop.origin.case_key if hop.origin is not None else ""


def _step(hop: Hop) -> int:
    sender, recipient = hop.sender.partition(":")[0], hop.recipient.partition(":")[0]
    if hop.origin is None or hop.kind == Kind.REQUEST:
        return 4 if sender == "hub" else 1
    if recipient in ("institution", "person"):
        return 7
    return 5 if sender == "insured" else 6
