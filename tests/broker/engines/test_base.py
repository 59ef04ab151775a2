from __future__ import annotations

import subprocess
import sys

import pytest

from yidi.broker.engines.base import Counters, engine_from_url
from yidi.protocol.errors import TransportError


@pytest.mark.parametrize(
    "url",
    ["", "amqp://h:1", "mqtt", "mqtt://", "mqtt://h:0", "mqtt://h:70000", "mqtt://h:x",
     "mqtt://h:1883/topic", "nats://h", "nats://h:x", "nats://h:1,", "nats://", "redis://h:1"],
)  # fmt: skip
def test_a_url_that_names_no_engine_is_refused(url):
    """Anything but the three forms is E_ENGINE, and the answer says what is wanted."""
    with pytest.raises(TransportError, match=r"E_ENGINE.*want="):
        engine_from_url(url)


@pytest.mark.parametrize("url", ["mqtt://hub:secret@h:1883", "nats://hub:secret@h:4222"])
def test_credentials_in_a_url_are_refused(url):
    """C09: a password on a command line is refused, and not repeated."""
    with pytest.raises(TransportError, match="E_ENGINE") as caught:
        engine_from_url(url)
    assert "secret" not in str(caught.value)


def test_ports_have_their_usual_values():
    """Without a port MQTT means 1883, and 8883 with TLS."""
    assert 1883 == engine_from_url("mqtt://h").port
    assert 8883 == engine_from_url("mqtts://h").port
    assert ["nats://a:1", "nats://b:2"] == engine_from_url("nats://a:1,b:2").servers


def test_nobody_pays_for_a_client_not_in_use():
    """The embedded engine imports neither aiomqtt nor nats nor ssl."""
    code = (
        "import sys; from yidi.broker.engines.base import engine_from_url;"
        "engine_from_url('embedded');"
        "print([name for name in ('aiomqtt', 'paho', 'nats', 'aiohttp') if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )

    assert "[]" == run.stdout.strip()


@pytest.mark.parametrize(
    ("frames", "bucket"),
    [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (9, 4), (17, 5), (33, 6), (64, 6)],
)
def test_batches_are_counted_by_size(frames, bucket):
    """The histogram has a place for up to 1, 2, 4, 8, 16, 32 and 64 frames."""
    counters = Counters()
    counters.count_batch(frames, 10 * frames)

    assert [int(place == bucket) for place in range(7)] == counters.sizes
