"""The engine that a URL names, with the options a network runs with."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from yidi.broker.engines.base import Engine, EngineOptions, engine_from_url
from yidi.scenarios.live.keys import AUTHORITY, CERTIFICATE, KEY, LOGIN
from yidi.scenarios.live.tuning import Tuning

REPLICAS = 3
"""Copies of a JetStream message, where there are servers enough to hold them."""


def engine_of(
    url: str, tuning: Tuning | None = None, secrets: Path | None = None, *, fresh: bool = False
) -> Engine:
    """The engine of a URL; a JetStream cluster of three or more holds three copies.

    Args:
        url: of the engine.
        tuning: where the defaults are not what is wanted.
        secrets: folder of who attaches (`keys`); None where the line is not secured.
        fresh: the network begins with nothing, and so does what the engine holds for it.

    Raises:
        TransportError: `E_ENGINE`, as `engine_from_url`.
    """
    tuning = tuning or Tuning()
    replicas = REPLICAS if url.count(",") + 1 >= REPLICAS else 1
    options = EngineOptions(
        replicas=replicas, batch_frames_max=tuning.batch_frames_max, fresh=fresh
    )
    if secrets is not None:
        options = replace(
            options,
            ca_file=str(secrets.parent / AUTHORITY),
            certificate_file=str(secrets / CERTIFICATE),
            key_file=str(secrets / KEY),
            credentials_file=str(secrets / LOGIN) if url.startswith("mqtt") else "",
        )
    return engine_from_url(url, options)
