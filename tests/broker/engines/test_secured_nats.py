"""Row N01 and who is let in, against a nats-server that `yidi up --secure` configured."""

from __future__ import annotations

import asyncio

import pytest

from tests.broker.engines.contract import HUB, INSURED, TREATMENT, attach, eventually
from tests.broker.engines.secured_servers import Secured, reach_each_other, refusal
from yidi.broker.engines.topics import client_name, topic
from yidi.protocol.errors import TransportError
from yidi.scenarios.live.certificates import Authority
from yidi.scenarios.live.keys import write_private

nats = pytest.importorskip("nats", reason="nats-py is not installed: pip install 'yidi[cluster]'")
from yidi.broker.engines.nats import connect  # noqa: E402 (it needs nats-py)


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """A secured nats-server for hub, insured and treatment region."""
    secured = Secured(tmp_path_factory.mktemp("secured"), "tls")
    secured.server.start()
    asyncio.run(secured.prepare())
    yield secured
    secured.server.stop()


@pytest.fixture
async def someone(secured):
    """The insured region's connection, and what the server says against what it tries."""
    errors = []

    async def on_error(error):
        errors.append(str(error))

    engine = secured.engine(INSURED)
    name = client_name("yidi", INSURED)
    client = await connect(engine.servers[0], name, engine.options, on_error=on_error)
    client.errors = errors
    yield client
    await client.close()


async def test_nodes_are_let_in_and_reach_each_other(secured):
    """With its certificate every node makes its own consumer and gets what is for it."""
    await reach_each_other(secured)


@pytest.mark.parametrize(
    "subject",
    [topic(HUB, TREATMENT, 0, "."), topic(TREATMENT, HUB, 0, "."), "yidi.session.yidi-hub-100000",
     "$JS.API.STREAM.DELETE.yidi", "$JS.API.STREAM.PURGE.yidi", "$JS.API.STREAM.CREATE.yidi",
     "$JS.API.STREAM.MSG.GET.yidi", "$JS.API.STREAM.MSG.DELETE.yidi",
     "$JS.API.CONSUMER.MSG.NEXT.yidi.yidi-hub-100000",
     "$JS.API.CONSUMER.DELETE.yidi.yidi-hub-100000",
     "$JS.API.CONSUMER.DURABLE.CREATE.yidi.yidi-insured-340600",
     "$JS.API.CONSUMER.CREATE.yidi.yidi-insured-340600.yidi.v1.*.hub-100000.*",
     "$JS.ACK.yidi.yidi-hub-100000.1.1.1.1.1"],
)  # fmt: skip
async def test_n01_another_ones_subject(someone, subject):
    """N01: a publish where one has no right is a permissions violation, and nothing else ends."""
    await someone.publish(subject, b"forged")
    await eventually(lambda: someone.errors)

    assert "permissions violation" in someone.errors[0]
    assert someone.is_connected


@pytest.mark.parametrize(
    "subject", [">", "yidi.>", "yidi.v1.*.insured-340600.*", "_INBOX.>", "$SYS.>"]
)
async def test_n01_listening(someone, subject):
    """N01: nobody hears anything but what his own consumer is given."""
    await someone.subscribe(subject)
    await eventually(lambda: someone.errors)

    assert "permissions violation" in someone.errors[0]


async def test_n01_a_node_says_so_and_stays_up(secured):
    """N01: a node whose rights are another one's raises E_DENIED; what it may say still goes."""
    alarms = []
    hub_engine, engine = secured.engine(HUB), secured.engine(INSURED)
    _, at_hub = await attach(hub_engine, HUB)
    insured, _ = await attach(engine, INSURED, alarm=alarms.append)
    insured.base = TREATMENT
    insured.send(HUB, 0, b"forged")
    await eventually(lambda: alarms)
    insured.base = INSURED
    insured.send(HUB, 0, b"true")

    assert "E_DENIED" == alarms[0].code
    assert b"true" in await at_hub.has(1)
    assert insured.connected
    await engine.close()
    await hub_engine.close()


async def test_a_stranger_is_not_let_in(secured, tmp_path):
    """A certificate of another authority, and none at all, end in the handshake."""
    stranger = Authority("stranger").issue("hub-100000")
    for name, content in (("certificate.pem", stranger.certificate), ("key.pem", stranger.key)):
        write_private(tmp_path / name, content)
    files = {"certificate_file": "certificate.pem", "key_file": "key.pem"}
    strange = {option: str(tmp_path / name) for option, name in files.items()}
    for options in (strange, dict.fromkeys(files, "")):
        assert "E_CONNECTION" in await refusal(secured.engine(HUB, **options))
    await eventually(lambda: "unknown authority" in secured.log())


async def test_a_known_certificate_with_another_name(secured):
    """The stream's admin may make the stream, and attach under no address."""
    engine = secured.engine("stream:admin")
    attachment = await engine.attach(HUB, None)
    with pytest.raises((TransportError, TimeoutError)):
        await asyncio.wait_for(attachment.ready(), 1)
    await attachment.abort()


def test_the_file_holds_no_password(secured):
    """The server's file wants at least TLS 1.2 and maps certificates to users."""
    text = (secured.folder / "servers" / "nats-server-1.conf").read_text()

    assert 'min_version: "1.2"' in text
    assert "verify_and_map: true" in text
    assert "password" not in text
