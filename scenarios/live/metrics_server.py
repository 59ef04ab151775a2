"""`/metrics` and `/healthz` of one node: a few lines of HTTP beside the host, in its event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from yidi.broker.gateway.server import METRICS_TYPE
from yidi.scenarios.live.host import LiveHost
from yidi.scenarios.live.metrics import Metrics
from yidi.scenarios.live.process import Beside


def metered(address: str, port: int, say: Callable[[str], object]) -> Beside:
    """What serves a host's `/metrics` beside it; says where, once it does."""

    @asynccontextmanager
    async def beside(host: LiveHost) -> AsyncIterator[None]:
        metrics = Metrics()
        metrics.watch([host])

        def is_healthy() -> bool:
            return all(one.attachment is not None and one.attachment.connected
                       for one in host.everybody)  # fmt: skip

        async with metrics_served(metrics.text, is_healthy, address, port) as found:
            say(f"/metrics  {address}:{found}")
            yield

    return beside


@asynccontextmanager
async def metrics_served(
    text: Callable[[], bytes], is_healthy: Callable[[], bool], address: str, port: int
) -> AsyncIterator[int]:
    """Serve a text under `/metrics`, and 200 or 503 under `/healthz`; yields the port.

    Raises:
        OSError: the port cannot be had.
    """

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=text(), headers={"Content-Type": METRICS_TYPE})

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="ok\n") if is_healthy() else web.Response(status=503)

    application = web.Application(client_max_size=1)
    application.router.add_get("/metrics", metrics)
    application.router.add_get("/healthz", health)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
