"""Rows M01, M02, M03, M06 and M11 against a mosquitto that `yidi up --secure` configured."""

from __future__ import annotations

import asyncio
import ssl
import warnings
from pathlib import Path

import msgspec
import pytest
from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5

from tests.broker.engines.contract import HUB, INSURED, TREATMENT, attach, eventually
from tests.broker.engines.secured_servers import Secured, reach_each_other, refusal, say_hello
from yidi.broker.engines.server_files import PACKET_BYTES_MAX
from yidi.broker.engines.topics import client_name, level, topic, topic_filter
from yidi.scenarios.live.certificates import Authority
from yidi.scenarios.live.keys import secrets_folder, write_private

NOT_AUTHORIZED = 0x87
"""Source: MQTT 5.0, 2.4."""


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    """A secured mosquitto for hub, insured and treatment region."""
    secured = Secured(tmp_path_factory.mktemp("secured"), "mqtts")
    secured.server.start()
    yield secured
    secured.server.stop()


class Someone:
    """A client of our own making, with everything that a node has; it counts what it is told."""

    def __init__(self, secured, address=INSURED, will=""):
        self.reasons, self.closed = [], []
        name = client_name("yidi", address)
        self.client = client = Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTv5)
        client.tls_set(
            str(secured.folder / "secrets" / "authority.pem"),
            secured.file(address, "certificate.pem"), secured.file(address, "key.pem"),
        )  # fmt: skip
        user, _, password = Path(secured.file(address, "login")).read_text().strip().partition(":")
        client.username_pw_set(user, password)
        client.on_publish = lambda _c, _u, _m, code, _p: self.reasons.append(code.value)
        client.on_subscribe = lambda _c, _u, _m, codes, _p: self.reasons.append(codes[0].value)
        client.on_disconnect = lambda _c, _u, _f, code, _p: self.closed.append(code.value)
        if will:
            client.will_set(will, b"node down", qos=1)
        client.connect("localhost", secured.port)
        client.loop_start()

    def told(self):
        """The next reason code."""
        for _ in range(2_000):
            if self.reasons or self.closed:
                break
            asyncio.run(asyncio.sleep(0.005))
        return self.reasons.pop(0) if self.reasons else self.closed.pop(0)

    def leave(self):
        """Disconnect."""
        self.client.disconnect()
        self.client.loop_stop()

    def vanish(self):
        """Break the connection without a word, so that the server publishes the will."""
        self.client.loop_stop()
        self.client._sock_close()


@pytest.fixture
def someone(secured):
    """The insured region, doing what it should not."""
    someone = Someone(secured)
    yield someone
    someone.leave()


async def test_nodes_are_let_in_and_reach_each_other(secured):
    """With certificate and password every node publishes under its own name and gets its own."""
    await reach_each_other(secured)


@pytest.mark.parametrize(
    "name",
    [topic(HUB, TREATMENT, 0), topic(TREATMENT, HUB, 0), "$SYS/broker/uptime", "yidi/v1/x",
     "$CONTROL/dynamic-security/v1"],
)  # fmt: skip
def test_m01_another_ones_topic(someone, name):
    """M01: a publish under another name is refused with reason 0x87, and reaches nobody."""
    someone.client.publish(name, b"forged", qos=1)

    assert NOT_AUTHORIZED == someone.told()


def test_m01_ones_own_topic(someone):
    """M01: the same client may publish under its own name."""
    someone.client.publish(topic(INSURED, TREATMENT, 0), b"", qos=1)

    assert NOT_AUTHORIZED > someone.told()


async def test_m01_a_node_is_told_what_was_refused(secured):
    """M01: a node whose rights are another one's notices each publish that was not taken."""
    alarms = []
    engine = secured.engine(INSURED)
    attachment, _ = await attach(engine, INSURED, alarm=alarms.append)
    attachment.base = TREATMENT
    attachment.send(HUB, 0, b"forged")
    await eventually(lambda: [alarm for alarm in alarms if alarm.code == "E_DENIED"])

    assert "Not authorized" in next(a.facts for a in alarms if a.code == "E_DENIED")
    await engine.close()


@pytest.mark.parametrize(
    "wanted",
    ["#", "$SYS/#", "yidi/v1/+/+/#", "yidi/#", "+/#", topic_filter(HUB),
     "$share/all/yidi/v1/+/hub-100000/#", "$CONTROL/#"],
)  # fmt: skip
def test_m02_everything(someone, wanted):
    """M02: a subscription to more than one's own is refused in the SUBACK."""
    someone.client.subscribe(wanted, qos=1)

    assert someone.told() in {0x80, NOT_AUTHORIZED}


def test_m02_ones_own(someone):
    """M02: a subscription to one's own is granted."""
    someone.client.subscribe(topic_filter(INSURED), qos=1)

    assert 1 == someone.told()


def test_m03_retain_is_switched_off(someone):
    """M03: the server takes no retained message, and ends the connection that sends one."""
    someone.client.publish(topic(INSURED, HUB, 0), b"poison", qos=1, retain=True)

    assert someone.told() >= 0x80


def test_m06_the_largest_packet(someone):
    """M06: what is larger than a packet may be ends the connection before it is taken."""
    someone.client.publish(topic(INSURED, HUB, 0), bytes(PACKET_BYTES_MAX + 1), qos=1)

    assert someone.told() >= 0x80


async def test_m10_a_will_says_nothing(secured):
    """M10: a will "node down" is informational: nobody is told, and no node's state changes."""
    engine = secured.engine(HUB)
    hub, at_hub = await attach(engine, HUB)
    for name in ("yidi/v1/insured-340600/status", topic(TREATMENT, HUB, 0)):
        liar = Someone(secured, INSURED, will=name)
        await eventually(liar.client.is_connected)
        liar.vanish()
    insured_engine = secured.engine(INSURED)
    insured, _ = await attach(insured_engine, INSURED)
    insured.send(HUB, 0, b"true")

    assert [b"true"] == await at_hub.has(1)
    assert not hub.counters.refused
    await engine.close()
    await insured_engine.close()


# --- M11 ----------------------------------------------------------------------------------------


async def test_m11_without_password(secured):
    """M11: a certificate alone lets nobody in."""
    assert "ot authorized" in await refusal(secured.engine(credentials_file=""))


async def test_m11_wrong_password(secured, tmp_path):
    """M11: a wrong password is refused; the server's log names the client, and no password."""
    login = tmp_path / "login"
    write_private(login, b"hub-100000:guessed-password\n")

    assert "ot authorized" in await refusal(secured.engine(credentials_file=str(login)))
    await eventually(lambda: "not authorised" in secured.log())
    assert "guessed-password" not in secured.log()


async def test_m11_another_ones_name(secured):
    """M11: with a password of one's own nobody takes another one's session."""
    engine = secured.engine(HUB, credentials_file=secured.file(INSURED, "login"))

    assert "ot authorized" in await refusal(engine)


async def test_m11_without_certificate(secured):
    """M11: without a certificate the connection ends in the handshake."""
    said = await refusal(secured.engine(certificate_file="", key_file=""))

    assert "E_CONNECTION" in said
    await eventually(lambda: "peer did not return a certificate" in secured.log())


def _with_certificate(secured, folder, issued):
    for name, content in (("certificate.pem", issued.certificate), ("key.pem", issued.key)):
        write_private(folder / name, content)
    return secured.engine(
        certificate_file=str(folder / "certificate.pem"), key_file=str(folder / "key.pem")
    )


async def test_m11_a_certificate_of_another_authority(secured, tmp_path):
    """M11: a certificate that somebody else issued to the same name is refused."""
    stranger = Authority("stranger").issue(level(HUB))

    assert "E_CONNECTION" in await refusal(_with_certificate(secured, tmp_path, stranger))
    await eventually(lambda: "certificate verify failed" in secured.log())


@pytest.fixture
def two_authorities(tmp_path):
    """A secured mosquitto under an authority that still issues."""
    made = []

    def start(days=1, hosts=("localhost",)):
        folder = tmp_path / "second"
        secured = Secured(folder, "mqtts")
        authority = Authority("second")
        (folder / "secrets" / "authority.pem").write_bytes(authority.certificate)
        server = authority.issue("server", hosts)
        (folder / "servers" / "certificate.pem").write_bytes(server.certificate)
        (folder / "servers" / "key.pem").write_bytes(server.key)
        node = authority.issue(level(HUB), days=days)
        home = secrets_folder(folder, HUB)
        (home / "certificate.pem").write_bytes(node.certificate)
        (home / "key.pem").write_bytes(node.key)
        secured.server.start()
        made.append(secured)
        return secured

    yield start
    for secured in made:
        secured.server.stop()


async def test_m11_an_expired_certificate(two_authorities):
    """M11: a node's certificate that has expired is refused, and the server's log says why."""
    secured = two_authorities(days=-1)

    assert "E_CONNECTION" in await refusal(secured.engine())
    await eventually(lambda: "certificate verify failed" in secured.log())


@pytest.mark.filterwarnings(
    # paho leaves the socket of a refused handshake to the garbage collector.
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
async def test_m11_a_server_under_another_name(two_authorities):
    """M11: a node refuses a server whose certificate has another name, and says so."""
    secured = two_authorities(hosts=("elsewhere.example",))

    assert "certificate verify failed: Host" in await refusal(secured.engine())


async def test_m11_the_second_authority_lets_in(two_authorities):
    """The same with valid certificates is let in: it was the certificate, and nothing else."""
    engine = two_authorities().engine()
    attachment, _ = await attach(engine, HUB)

    assert attachment.connected
    await engine.close()


@pytest.mark.parametrize(
    ("version", "expected"),
    [(ssl.TLSVersion.TLSv1_1, "alert protocol version"), (ssl.TLSVersion.TLSv1_2, "TLSv1.2")],
)
def test_m11_old_tls(secured, version, expected):
    """M11: TLS 1.1 is refused in the handshake, 1.2 is taken."""
    context = ssl.create_default_context(cafile=str(secured.folder / "secrets" / "authority.pem"))
    context.load_cert_chain(secured.file(HUB, "certificate.pem"), secured.file(HUB, "key.pem"))
    context.set_ciphers("ALL:@SECLEVEL=0")  # else our own side refuses 1.1 before it says hello
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that is what is tested
        context.minimum_version = context.maximum_version = version

    assert expected in say_hello(secured.port, context)


def test_the_logins_hold_no_password(secured):
    """The plugin's file has digests only, and lets nobody do anything by default."""
    text = (secured.folder / "servers" / "dynamic-security.json").read_text()
    document = msgspec.json.decode(text)
    for address in (HUB, INSURED, TREATMENT):
        assert Path(secured.file(address, "login")).read_text().strip().split(":")[1] not in text

    access = document["defaultACLAccess"]
    assert [False] * 3 == [
        access[kind] for kind in ("publishClientSend", "publishClientReceive", "subscribe")
    ]
