"""`yidi node ROLE CODE`: one node of a live network in this process."""

from __future__ import annotations

from pathlib import Path

import click

from yidi.scenarios.command.common import ExitCode, Language, both, language_option, say, verb


@verb("node", "在本进程中运行一个节点。", "Run one node of a live network in this process.")
@click.argument("role", metavar="ROLE")
@click.argument("code", metavar="CODE")
@click.option("--engine", default="", metavar="URL", help=both("消息引擎", "mqtt://host:port, …"))
@click.option(
    "--network",
    "folder",
    default="network",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help=both("网络目录", "Folder made by `yidi up`; default ./network."),
)
@click.option(
    "--metrics-port",
    "port",
    type=click.IntRange(0, 65_535),
    help=both("/metrics 的端口，0 为任选", "Port of /metrics; 0 takes a free one. Default: none."),
)
@click.option(
    "--listen",
    default="127.0.0.1",
    metavar="ADDRESS",
    help=both("/metrics 的监听地址", "Where /metrics listens; default 127.0.0.1."),
)
@language_option
def node(
    role: str,
    code: str,
    engine: str,
    folder: Path,
    port: int | None,
    listen: str,
    language: Language,
) -> ExitCode:
    """Serve until SIGTERM."""
    from yidi.protocol.errors import StoredDataError
    from yidi.scenarios.live.folder import read_network
    from yidi.scenarios.live.process import serve_node

    def tell(error: StoredDataError) -> None:
        say(error.text(language))

    beside = None
    if port is not None:
        from yidi.scenarios.live.metrics_server import metered

        beside = metered(listen, port, say)
    serve_node(
        read_network(folder), f"{role}:{code}", engine=engine, ready=say, tell=tell, beside=beside
    )
    return ExitCode.OK
