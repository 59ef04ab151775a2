"""`yidi up`, `yidi down`, `yidi ps`: a live network of local processes."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click

from yidi.scenarios.command.common import (
    ExitCode,
    Language,
    both,
    json_option,
    language_option,
    print_json,
    print_table,
    say,
    verb,
)

SIGNED = ("signatures=true",)
SECURE_ENGINE = "mqtts://127.0.0.1:8883"
FOLDER = click.option(
    "--network",
    "folder",
    default="network",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help=both("网络目录，默认 ./network", "Folder of the network; default ./network."),
)


@verb("up", "启动一个场景的多进程网络。", "Start a scenario's network as local processes.")
@click.argument("name", metavar="NAME|FILE")
@click.option(
    "--engine",
    default="embedded",
    metavar="URL",
    help=both("消息引擎", "embedded (one process), mqtt://host:port, nats://host:port."),
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, help=both("网关端口", "Gateway's port.")
)
@click.option(
    "--time-scale",
    "scale",
    type=click.FloatRange(0.001, 100_000),
    default=1.0,
    help=both("时间倍速", "Speed of the network's clock."),
)
@click.option(
    "--batch",
    "batch_frames_max",
    type=click.IntRange(1, 64),
    default=64,
    help=both("每次发布至多几帧，1 为不合批", "Frames in one publish at most; 1: no batching."),
)
@click.option(
    "--credit",
    type=click.IntRange(1, 65_536),
    default=65_536,
    help=both("每条链路在途报文上限", "Messages that one link may have under way."),
)
@click.option(
    "--clock",
    default="00:00",
    metavar="HH:MM",
    type=click.DateTime(["%H:%M"]),
    help=both("网络时钟从几点开始", "Hour of the scenario's first day at which the clock starts."),
)
@click.option(
    "--allow-chaos",
    "chaos",
    is_flag=True,
    help=both("允许测试干预", "Let `yidi ctl` change outcomes and reset nodes; for testing only."),
)
@click.option(
    "--secure",
    is_flag=True,
    help=both(
        "加固：TLS、证书、按节点授权、报文签名",
        "Certificates, rights for each node, signed messages; mqtts://, tls://.",
    ),
)
@click.option(
    "--prepare",
    is_flag=True,
    help=both(
        "只写网络目录", "Only write the network's folder; the processes are started elsewhere."
    ),
)
@FOLDER
@json_option
@language_option
def up(  # noqa: PLR0917 - one parameter an option
    name: str,
    engine: str,
    port: int,
    scale: float,
    clock: datetime,
    chaos: bool,
    secure: bool,
    prepare: bool,
    folder: Path,
    as_json: bool,
    language: Language,
    **tuned: int,
) -> ExitCode:
    """Start, wait until everything serves, and print what the gateway offers."""
    from yidi.protocol.errors import ErrorCode, StoredDataError
    from yidi.protocol.instants import HOUR, MINUTE, Instant
    from yidi.scenarios.command.serve import print_facts
    from yidi.scenarios.library.loader import load
    from yidi.scenarios.live.folder import SETTINGS, create_network, read_network
    from yidi.scenarios.live.tuning import Tuning
    from yidi.scenarios.live.updown import start_network
    from yidi.scenarios.running.fixed_cast import with_fixed_cast
    from yidi.scenarios.running.run import assemble

    if (folder / SETTINGS).exists():
        network = read_network(folder)
        settings = network.settings
        if (secure and not settings.secure) or (chaos and not settings.chaos):
            got = "holds a network that was made without " + (
                "--allow-chaos" if settings.secure or not secure else "--secure"
            )
            raise StoredDataError(ErrorCode.E_OUTPUT, at=str(folder), got=got)
    else:
        loaded = load(name, SIGNED if secure else ())
        cast = assemble(loaded, extend=with_fixed_cast)
        cast.start = Instant(cast.start + clock.hour * HOUR + clock.minute * MINUTE)
        if secure:
            from yidi.scenarios.live.secured import make_secured

            engine = SECURE_ENGINE if engine == "embedded" else engine
            make_secured(folder, cast.nodes, engine)
        network = create_network(
            folder, loaded, cast, engine, round(scale * 1_000), chaos=chaos, tuning=Tuning(**tuned)
        )
    if prepare:
        words = ("网络目录", "节点") if language == "zh" else ("network", "nodes")
        print(f"{words[0]}  {folder}\n{words[1]}  {' '.join(network.nodes())}")
        return ExitCode.OK
    for one in start_network(network, port, language):
        say(f"{one.name}  pid {one.pid}")
    facts = (folder / "logs" / "gateway.log").read_text("utf-8")
    if as_json:
        print(facts, end="")
    else:
        print_facts(json.JSONDecoder().raw_decode(facts[facts.index("{") :])[0], language)
    return ExitCode.OK


@verb("down", "停止多进程网络。", "End a network of local processes.")
@FOLDER
@language_option
def down(folder: Path, language: Language) -> ExitCode:
    """SIGTERM to all, and wait; data directories stay."""
    from yidi.scenarios.live.updown import end_network

    ended = end_network(folder)
    word = "个进程已停止" if language == "zh" else "processes ended"
    print(f"{len(ended)} {word}")
    return ExitCode.OK


@verb("ps", "列出多进程网络的进程。", "List the processes of a network.")
@FOLDER
@language_option
@json_option
def ps(folder: Path, language: Language, as_json: bool) -> ExitCode:
    """Every process that was started, and whether it runs; exit code 1 if one does not."""
    from yidi.scenarios.live.updown import is_alive, read_processes

    rows = [(one, is_alive(one)) for one in read_processes(folder)]
    if as_json:
        print_json([{"name": one.name, "pid": one.pid, "alive": alive} for one, alive in rows])
    else:
        words = ("运行", "已停") if language == "zh" else ("runs", "gone")
        print_table(
            ["节点", "pid", "状态"] if language == "zh" else ["node", "pid", "state"],
            [[one.name, str(one.pid), words[0 if alive else 1]] for one, alive in rows],
        )
    return ExitCode.OK if all(alive for _, alive in rows) else ExitCode.FAILED
