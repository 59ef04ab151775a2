from __future__ import annotations

import asyncio
import stat

import pytest

from tests.broker.engines.contract import eventually
from tests.broker.engines.servers import mosquitto
from tests.live.own_nodes import example
from tests.protocol.test_authentication import signed_by_insured
from tests.running.test_signing import NAME, signed
from yidi.broker.engines.base import engine_from_url
from yidi.protocol.envelope import Origin, frame, seal
from yidi.protocol.errors import StoredDataError, TransportError
from yidi.protocol.journal import JournalWriter
from yidi.scenarios.library.loader import load
from yidi.scenarios.live.core import LiveCore
from yidi.scenarios.live.folder import create_network
from yidi.scenarios.live.host import Ground, LiveHost
from yidi.scenarios.live.keys import KEYS, read_keyring, secrets_folder, write_keyrings
from yidi.scenarios.live.network import run_live
from yidi.scenarios.running.run import assemble, opening_of

HUB, TREATMENT, INSURED = "hub:100000", "treatment:310000", "insured:340600"


@pytest.fixture
def network(tmp_path):
    """The keys of two nodes and of the desk."""
    write_keyrings(tmp_path, [HUB, INSURED])
    return tmp_path


def test_every_owner_has_a_file_of_its_own(network):
    """Two nodes and the desk, each readable by the owner of the folder alone."""
    files = sorted(network.rglob(KEYS))

    assert ["hub-100000", "insured-340600", "operator-desk"] == [f.parent.name for f in files]
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in files}
    assert {0o700} == {stat.S_IMODE(path.parent.stat().st_mode) for path in files}
    assert HUB == read_keyring(network, f"{HUB}/3").owner


def test_two_networks_share_no_key(network, tmp_path_factory):
    """Keys are drawn, not derived from anything that somebody could know."""
    other = tmp_path_factory.mktemp("other")
    write_keyrings(other, [HUB])

    assert read_keyring(network, HUB).makes[HUB] != read_keyring(other, HUB).makes[HUB]


def test_keys_open_to_others_are_refused(network):
    """A file that others can read is not used."""
    (secrets_folder(network, HUB) / KEYS).chmod(0o644)

    with pytest.raises(TransportError, match="want=mode 0600"):
        read_keyring(network, HUB)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"owner": 5, "makes": "c2VjcmV0"}'])
def test_a_file_that_is_no_keyring(network, content):
    """It is refused, and nothing of it is repeated."""
    (secrets_folder(network, HUB) / KEYS).write_bytes(content)

    with pytest.raises(StoredDataError, match="want=a keyring") as caught:
        read_keyring(network, HUB)
    assert "c2Vj" not in str(caught.value)


def test_keys_are_never_written_over(network):
    """A second making finds the first one's files, and changes nothing."""
    before = read_keyring(network, HUB)

    with pytest.raises(FileExistsError):
        write_keyrings(network, [HUB])
    assert before == read_keyring(network, HUB)


def test_a_live_run_is_signed_too():
    """What the embedded engine carries is signed and verified; the books are those of any run."""
    refused = run_live(signed()).refused

    assert {} == refused


def test_the_edge_signs_for_somebodys_own_node():
    """What an own node says over HTTP, unsigned, is signed anew where it enters the network."""
    with example("node.py") as url:
        result = run_live(signed(), externals=(f"insured:340600={url}",))
    states = {case.state for case in result.nodes["hub:100000"].state.cases.values()}
    states |= {case.state for case in result.nodes["hub:yrd"].state.cases.values()}

    assert {"CLEARED"} == states
    assert not [code for code in result.refused if code.startswith("E_S")]


def test_a_frame_that_does_not_verify_reaches_no_node(tmp_path):
    """W23 on a live network: one changed byte is E_SIG_BAD, a dead letter, and no input."""
    loaded = signed()
    cast = assemble(loaded)
    network = create_network(tmp_path / "network", loaded, cast, "embedded", 1_000)
    hub = LiveHost({HUB: cast.nodes[HUB]}, None, _ground(network, cast, HUB))
    treatment = LiveCore(hub.core.router, 1, guard=network.guard(TREATMENT))
    origin = Origin(
        "2207", 0, "M1", "", TREATMENT, INSURED, "A1", "310000", "340600", 0, cast.start, 0, "T"
    )
    _, raw = treatment.send(TREATMENT, seal(HUB, origin, b"\x90"), network.clock(cast.start).now())
    for one in (raw[:-1] + b"\x91", raw):
        hub._deliver(hub.parties[HUB], one, [])

    assert {"E_SIG_BAD": 1} == hub.core.refused
    assert 1 == hub.deliveries


async def test_m01_an_insider_without_a_server_that_stops_him(tmp_path):
    """M01: where mosquitto grants all topics, the node rejects by topic and by signature.

    The insured region claims to be the treatment region, under its own topic and under the other's.
    """
    loaded = signed()
    cast = assemble(loaded)
    network = create_network(tmp_path / "network", loaded, cast, "embedded", 1_000)
    (tmp_path / "engine").mkdir()
    server = mosquitto(tmp_path / "engine")
    server.start()
    url = f"mqtt://127.0.0.1:{server.port}"
    hub = LiveHost({HUB: cast.nodes[HUB]}, None, _ground(network, cast, HUB, url))
    insider = engine_from_url(url)
    forged = signed_by_insured("2207", TREATMENT, read_keyring(network.folder, INSURED))
    raw = frame(forged, forged.link)
    serving = asyncio.create_task(hub.run(lambda: False))
    try:
        for claimed in (INSURED, TREATMENT):
            attachment = await insider.attach(claimed, None)
            await attachment.ready()
            attachment.send(HUB, 0, raw)
            await attachment.drain()
        await eventually(lambda: sum(hub.core.refused.values()) == 2)
    finally:
        hub.stop()
        await serving
        await insider.close()
        await hub.engine.close()
        server.stop()

    assert {"E_SENDER_MISMATCH": 2} == hub.core.refused
    assert 0 == hub.deliveries


def _ground(network, cast, address, url="embedded"):
    journal = JournalWriter(None, opening_of(network.loaded, 1, (address,), cast.start))
    return Ground(
        engine=engine_from_url(url), journal=journal, clock=network.clock(cast.start),
        peers=tuple(cast.nodes), guard=network.guard(address),
    )  # fmt: skip


def test_an_unsigned_network_has_no_keys(tmp_path):
    """Where messages are not signed there is no secret, and nobody looks for one."""
    loaded = load(NAME)
    network = create_network(tmp_path / "network", loaded, assemble(loaded), "embedded", 1_000)

    assert network.guard(HUB) is None
    assert not list(network.folder.rglob(KEYS))
