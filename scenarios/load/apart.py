"""A load on a network of processes over a broker: each node has one, the generator has this one.

The nodes are those of `yidi node`, with data directories of their own. When the load is over they
are told to stop; their journals are folded once more, all together by time, and the per-event
checks watch that. So what is checked is what is on disk, and the checks cost the load nothing.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from time import process_time
from typing import Any

from yidi.nodes.ledger import Posting
from yidi.protocol.authentication import DESK
from yidi.protocol.journal import JournalWriter
from yidi.protocol.journal_reader import Record
from yidi.scenarios.judging.event_checks import EventChecks
from yidi.scenarios.judging.journal_file import open_journal
from yidi.scenarios.judging.refold import Refold
from yidi.scenarios.live.engines import engine_of
from yidi.scenarios.live.folder import Network, create_network, read_network
from yidi.scenarios.live.host import Ground, LiveHost
from yidi.scenarios.live.process import serve_node
from yidi.scenarios.live.store import JOURNAL
from yidi.scenarios.live.tuning import Tuning
from yidi.scenarios.load.drive import LoadOptions, Prepared, Ran, Tell, drive
from yidi.scenarios.load.load_report import batches_of, sum_batches
from yidi.scenarios.load.parties import Said, party, say
from yidi.scenarios.running.run import opening_of, quiet_collector

WHOLE_JOURNALS = Tuning(snapshot_every=1 << 40)
"""A journal that is folded from its beginning needs no snapshot, and may not be cut by one."""


async def run_apart(
    prepared: Prepared, options: LoadOptions, folder: Path, tell: Tell | None
) -> Ran:
    """Run every node in a process of its own, and the generator here.

    Raises:
        TransportError: the engine could not be had, or a process did not come up.
    """
    network = create_network(
        folder / "network", prepared.loaded, prepared, options.engine, 1_000,
        tuning=WHOLE_JOURNALS,
    )  # fmt: skip
    engine = engine_of(options.engine, WHOLE_JOURNALS)
    await engine.prepare()
    opening = opening_of(prepared.loaded, prepared.seed, tuple(prepared.nodes), prepared.start)
    ground = Ground(
        engine=engine, journal=JournalWriter(None, opening),
        clock=network.clock(prepared.start), peers=tuple(prepared.nodes),
        guard=network.guard(DESK),
    )  # fmt: skip
    host = LiveHost({}, prepared.loop, ground)
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(party(_command(network, address))) for address in prepared.nodes
        ]
        for node in nodes:
            node.hear("ready")
        try:
            with quiet_collector():
                times = await drive(host, prepared.loop, options, tell)
        finally:
            await engine.close()
        said = [node.end() for node in nodes]
    own = batches_of(one.attachment.counters for one in host.everybody if one.attachment)
    folded, checks = fold_network(network, prepared)
    return Ran(
        nodes=folded, checks=checks,
        batches=sum_batches([own, *(one.batches for one in said if one.batches)]),
        commits=sum(one.commits for one in said),
        cpu_seconds=times.cpu_seconds + sum(one.cpu_seconds for one in said),
        busy_seconds=times.cpu_seconds, wall_seconds=times.wall_seconds,
        processes=1 + len(nodes), interrupted=times.interrupted,
    )  # fmt: skip


def fold_network(network: Network, prepared: Prepared) -> tuple[dict[str, Any], EventChecks]:
    """The nodes as their journals leave them, and the checks that watched the fold.

    Raises:
        StoredDataError: a journal cannot be read.
    """
    nodes = network.nodes()
    checks = EventChecks(nodes, prepared.wire.book)

    def on_posting(address: str, posting: Posting) -> None:
        cases = getattr(nodes[address].state, "cases", {})
        checks.on_posting(nodes[address], posting, cases.get(posting.key))

    folds = {address: Refold({address: nodes[address]}, [address], on_posting) for address in nodes}
    records: list[tuple[int, str, Record]] = []
    for address, fold in folds.items():
        fold.on_delivery = checks.on_delivery
        reader = open_journal(network.node_folder(address) / JOURNAL, strict=False)
        whole = (record for block in reader.blocks() if block.whole for record in block.records)
        records += ((record.now, address, record) for record in (*whole, *reader.unsealed))
    records.sort(key=lambda one: one[0])  # stable: each journal stays in its own order
    for _, address, record in records:
        folds[address].apply(record, _ignore)
    return nodes, checks


def _ignore(_output: bytes) -> None:
    """Outputs were sent when it happened."""


# --- One node's process ---------------------------------------------------------------------------


def _command(network: Network, address: str) -> list[str]:
    return [sys.executable, "-m", "yidi.scenarios.load.apart", str(network.folder), address]


def serve(folder: str, address: str) -> None:
    """Be one node until told to stop, and say what it took."""
    serve_node(
        read_network(Path(folder)), address, ready=lambda _words: say(Said(say="ready")),
        beside=_accounting,
    )  # fmt: skip


@asynccontextmanager
async def _accounting(host: LiveHost) -> AsyncIterator[None]:
    began = process_time()
    yield
    attachments = [one.attachment for one in host.everybody if one.attachment is not None]
    say(
        Said(
            say="done", commits=host.commits, cpu_seconds=process_time() - began,
            batches=batches_of(one.counters for one in attachments),
        )
    )  # fmt: skip


if __name__ == "__main__":
    serve(*sys.argv[1:])
