"""The event loop that live nodes run on: uvloop's where it exists, else Python's own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")


def run_on_loop(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a coroutine to its end on a loop of its own.

    uvloop makes sockets cheaper. JetStream's client gains more by it than MQTT's, which does its
    own reading and writing.
    """
    try:
        import uvloop  # noqa: PLC0415 - does not exist on Windows
    except ImportError:
        return asyncio.run(work)
    result: _Result = uvloop.run(work)
    return result
