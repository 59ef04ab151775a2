"""The engine that a URL names, with the options a network runs with."""

from __future__ import annotations

from yidi.broker.engines.base import Engine, EngineOptions, engine_from_url
from yidi.scenarios.live.tuning import Tuning

REPLICAS = 3
"""Copies of a JetStream message, where there are servers enough to hold them."""


def engine_of(url: str, tuning: Tuning | None = None) -> Engine:
    """The engine of a URL; a JetStream cluster of three or more holds three copies.

    Raises:
        TransportError: `E_ENGINE`, as `engine_from_url`.
    """
    tuning = tuning or Tuning()
    replicas = REPLICAS if url.count(",") + 1 >= REPLICAS else 1
    options = EngineOptions(replicas=replicas, batch_frames_max=tuning.batch_frames_max)
    return engine_from_url(url, options)
