"""`yidi serve [NAME]`: a scenario's network in one process, and the national gateway before it.

Prints where it listens, who may be treated where, and a call that can be pasted into a shell.
Without a file of credentials a token is made for this run alone. Ctrl-C or SIGTERM: new calls
get 503, those under way are finished, and the exit code is 130.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

import click

from yidi.scenarios.command.common import (
    ExitCode,
    Language,
    both,
    json_option,
    language_option,
    print_json,
    print_table,
    printable,
    say,
    verb,
)

if TYPE_CHECKING:
    from yidi.broker.gateway.guards import Client
    from yidi.broker.gateway.signing import Signatures
    from yidi.scenarios.library.loader import LoadedScenario
    from yidi.scenarios.live.folder import Network
    from yidi.scenarios.live.gateway import Served, ServeOptions
    from yidi.scenarios.running.world import InstitutionRow

PORT = 8080
DEFAULT_NAME = "yangtze-delta-month"
SHOWN_MAX = 20
"""Persons and institutions that are listed."""
CREDENTIALS_VARIABLE = "YIDI_GATEWAY_CREDENTIALS"


class Scale(click.ParamType[int]):
    """How much faster than real time, as a decimal; kept in thousandths."""

    name = "scale"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Read the number."""
        if isinstance(value, int):
            return value
        try:
            thousandths = int(Decimal(str(value)[:16]) * 1_000)
        except (InvalidOperation, ValueError, OverflowError):
            thousandths = 0
        if not 1 <= thousandths <= 100_000_000:
            self.fail(f"{printable(str(value)[:64])!r}: want 0.001..100000", param, ctx)
        return thousandths


@verb(
    "serve",
    "启动一个场景的实时网络与国家接口网关。",
    "Serve a scenario's network, live, behind the national gateway.",
)
@click.argument("name", metavar="[NAME|FILE]", default=DEFAULT_NAME)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=PORT,
    help=both("端口，0 为任选", "Port on loopback; 0 takes a free one. Default 8080."),
)
@click.option(
    "--listen",
    default="127.0.0.1",
    metavar="ADDRESS",
    help=both("监听地址", "Where the gateway listens; default 127.0.0.1, this machine only."),
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help=both("接受的 Host，可重复", "A Host header to accept beside loopback; may be repeated."),
)
@click.option(
    "--time-scale",
    "scale",
    type=Scale(),
    default=1_000,
    help=both("时间倍速", "How much faster than real time the network's clock runs."),
)
@click.option(
    "--network",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help=both("多进程网络的目录", "Serve the network that `yidi up` made here."),
)
@click.option("--play", is_flag=True, help=both("同时上演场景", "Play the scenario's story, too."))
@click.option(
    "--strict", is_flag=True, help=both("拒绝未定义的字段", "Refuse fields nobody defined.")
)
@click.option(
    "--credentials",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=both("访问凭证文件", "Credentials, one a line: name token scope[,scope] [last day]."),
)
@click.option(
    "--signatures",
    type=click.Choice(["off", "warn", "enforce"]),
    default="off",
    help=both("验签方式", "What becomes of a call whose cainfo does not verify."),
)
@click.option(
    "--cainfo",
    "form",
    type=click.Choice(["envelope", "input"]),
    default="envelope",
    help=both("签名内容", "What cainfo signs: the public parameters, or input."),
)
@click.option(
    "--rate",
    type=click.IntRange(1, 100_000),
    default=200,
    help=both("每秒请求上限", "Calls a second that one client may make. Default 200."),
)
@click.option(
    "--allow-chaos",
    "chaos",
    is_flag=True,
    help=both("允许测试干预", "Let `yidi ctl` change outcomes and reset nodes; for testing only."),
)
@language_option
@json_option
def serve(  # noqa: PLR0917 - one parameter an option
    name: str,
    port: int,
    listen: str,
    names: Sequence[str],
    scale: int,
    folder: Path | None,
    play: bool,
    strict: bool,
    credentials: Path | None,
    signatures: str,
    form: str,
    rate: int,
    chaos: bool,
    language: Language,
    as_json: bool,
) -> ExitCode:
    """Serve until interrupted."""
    from yidi.broker.gateway.server import LOOPBACK, ServerOptions
    from yidi.scenarios.library.loader import load
    from yidi.scenarios.live.event_loop import run_on_loop
    from yidi.scenarios.live.gateway import ServeOptions

    clients, token = _clients(credentials)
    options = ServeOptions(
        clients=clients,
        scale=scale,
        play=play,
        strict=strict,
        control=True,
        chaos=chaos,
        signatures=_signatures(signatures, form, clients),
        http=ServerOptions(
            host=listen,
            port=port,
            names=(*LOOPBACK, *(one.lower() for one in names)),
            rate=rate,
            burst=2 * rate,
        ),
    )
    if folder is None:
        return run_on_loop(_serve(load(name), options, token, language, as_json))
    from msgspec.structs import replace

    from yidi.scenarios.live.folder import read_network

    network = read_network(folder)
    settings = network.settings
    options = replace(options, engine=settings.engine, chaos=settings.chaos)
    return run_on_loop(_serve(network.loaded, options, token, language, as_json, network))


def _clients(path: Path | None) -> tuple[tuple[Client, ...], str]:
    """Whoever may call, and the token to show where one was made for this run."""
    import os
    import secrets

    from yidi.broker.gateway.guards import client, read_clients

    if path is not None:
        return read_clients(path.read_text("utf-8"), path.name), ""
    if text := os.environ.get(CREDENTIALS_VARIABLE):
        return read_clients(text, CREDENTIALS_VARIABLE), ""
    token = secrets.token_urlsafe(24)
    return (client("serve", token),), token


def _signatures(mode: str, form: str, clients: tuple[Client, ...]) -> Signatures:
    """How signatures are looked at; a machine that cannot verify them says so now."""
    from yidi.broker.gateway.signing import Form, Mode, Signatures
    from yidi.protocol.signatures import need_sm2, sm3

    if mode != "off":
        sm3(b"")
        if any(key.algorithm == "SM2" for client in clients for key in client.keys):
            need_sm2()
    return Signatures(mode=Mode(mode), form=Form(form))


async def _serve(
    loaded: LoadedScenario,
    options: ServeOptions,
    token: str,
    language: Language,
    as_json: bool,
    network: Network | None = None,
) -> ExitCode:
    import errno

    from yidi.protocol.errors import ErrorCode, TransportError
    from yidi.scenarios.live.address import write_address
    from yidi.scenarios.live.gateway import serving

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        async with serving(loaded, options, network) as served:
            if network is not None:
                write_address(network.folder, f"http://127.0.0.1:{served.server.port}")
            _show(served, token, language, as_json)
            waiting = asyncio.create_task(stopped.wait())
            await asyncio.wait({waiting, served.task}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if served.task.done():
                await served.task
            say("正在停止：处理完在途请求" if language == "zh" else "stopping: calls under way end")
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise TransportError(ErrorCode.E_PORT_IN_USE, got=str(options.http.port)) from error
    return ExitCode.INTERRUPTED


# --- What is shown ------------------------------------------------------------------------------


def _show(served: Served, token: str, language: Language, as_json: bool) -> None:
    from yidi.protocol.instants import local_text
    from yidi.scenarios.running.fixed_cast import fixed_rows

    facts = {
        "url": f"http://127.0.0.1:{served.server.port}",
        "port": served.server.port,
        "token": token,
        "control": f"http://127.0.0.1:{served.server.port}/_yidi/",
        "clock": local_text(served.desk.now()),
        "institutions": _institutions(served),
        "people": _people(served),
        "items": _items(served, language),
        "fixed_outcomes": fixed_rows(served.cast.world, language),
        "curl": curl_line(served, token),
    }
    if as_json:
        print_json(facts)
    else:
        print_facts(facts, language)
    import sys

    sys.stdout.flush()


def print_facts(facts: dict[str, object], language: Language) -> None:
    """What a served network offers, for people: where, who, what, and a first call."""
    zh = language == "zh"
    print(f"{'国家接口网关' if zh else 'national gateway'}  {facts['url']}")
    if facts["token"]:
        print(f"{'访问令牌（仅本次）' if zh else 'token (this run only)'}  {facts['token']}")
    elif zh:
        print("访问令牌  即所给凭据中的令牌；先执行 TOKEN=…，再粘贴最后的调用")
    else:
        print("token  one of the credentials you gave; set TOKEN=… before you paste the call below")
    print(f"{'网络时钟' if zh else 'network clock'}  {facts['clock']}")
    print(f"OpenAPI  {facts['url']}/openapi.json")
    print(f"{'测试控制（yidi ctl）' if zh else 'control (yidi ctl)'}  {facts['control']}\n")
    for title, key in (
        ("定点医药机构" if zh else "institutions", "institutions"),
        ("人员" if zh else "people", "people"),
        (
            "就医地目录中的项目（其他明细按丙类全自费）"
            if zh
            else "items of the catalogue (a fee of any other is outside it)",
            "items",
        ),
        ("固定结果的测试人员与机构" if zh else "test cast: the outcome is fixed", "fixed_outcomes"),
    ):
        rows = facts[key]
        assert isinstance(rows, list)
        rows = rows[:SHOWN_MAX]
        print(title)
        print_table(list(rows[0]) if rows else [], [list(row.values()) for row in rows])
        print()
    print(facts["curl"])


def _institutions(served: Served) -> list[dict[str, str]]:
    return [
        {"fixmedins_code": one.code, "name": one.name, "region": one.region, "level": one.level}
        for one in _places(served)[:SHOWN_MAX]
    ]


def _places(served: Served) -> list[InstitutionRow]:
    """The scenario's institutions, without those of the test cast."""
    from yidi.scenarios.running.fixed_cast import fixed_institution

    return [row for row in served.cast.world.institutions if fixed_institution(row.code) is None]


def _people(served: Served) -> list[dict[str, str]]:
    """Everybody of the story, and one of each flow; all are made up, so nothing is masked."""
    from yidi.scenarios.running.people import build_people
    from yidi.scenarios.running.streams import Streams

    cast = served.cast
    people = build_people(served.scenario, Streams(cast.seed))
    chosen = [*people.scripted.values(), *(pool[0] for pool in people.pools.values() if pool)]
    return [
        {
            "psn_no": one.psn_no,
            "certno": one.certno,
            "name": one.name,
            "insuplc_admdvs": one.region,
            "insutype": one.insutype,
            "filed": " ".join(f"{held.category}→{held.area}" for held in one.filings),
        }
        for one in chosen[:SHOWN_MAX]
    ]


def _items(served: Served, language: Language) -> list[dict[str, str]]:
    from yidi.protocol.codes import labelled

    return [
        {
            "med_list_codg": row.code,
            "region": row.region,
            "chrgitm_lv": labelled("chrgitm_lv", row.grade, language),
        }
        for row in served.cast.world.items
    ]


def curl_line(served: Served, token: str) -> str:
    """A 1101 that can be pasted into a shell: a person of the network at one of its hospitals."""
    import json

    from yidi.protocol.instants import local_stamp, local_text

    now = served.desk.now()
    hospital = next(row for row in _places(served) if row.code.startswith("H"))
    person = next(
        (row for row in served.cast.world.persons if row.region[:4] != hospital.region[:4]),
        served.cast.world.persons[0],
    )
    call = {
        "infno": "1101",
        "msgid": f"{hospital.code}{local_stamp(now)}0001",
        "mdtrtarea_admvs": hospital.region,
        "insuplc_admdvs": person.region,
        "recer_sys_code": "YBXT",
        "infver": "V1.0",
        "opter_type": "1",
        "opter": "001",
        "opter_name": "收费员",
        "inf_time": local_text(now),
        "fixmedins_code": hospital.code,
        "fixmedins_name": hospital.name,
        "input": {
            "data": {
                "mdtrt_cert_type": "02",
                "mdtrt_cert_no": person.certificate_no,
                "psn_cert_type": "01",
            }
        },
    }
    document = json.dumps(call, ensure_ascii=False).replace("'", "")
    # Only in double quotes does a shell put in its $TOKEN.
    bearer = f"'Authorization: Bearer {token}'" if token else '"Authorization: Bearer $TOKEN"'
    return (
        f"curl -sS http://127.0.0.1:{served.server.port}"
        "/fsi/api/rsfComIfsService/callService \\\n"
        f"  -H {bearer} \\\n"
        f"  -H 'Content-Type: application/json' \\\n  -d '{document}'"
    )
