"""`yidi bench`: how fast it is; `load` and `engine` are shown by modules of their own.

A result that does not hold - a settlement missing, books out of balance, other envelopes than
the corpus's, another journal in another round - is no result: it ends with exit code 1.
"""

from __future__ import annotations

import click

from yidi.scenarios.command.common import (
    SEED,
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
from yidi.scenarios.load.codec_costs import CodecReport, measure_codec
from yidi.scenarios.load.layers import LayersReport, measure_layers
from yidi.scenarios.load.measure import FlowReport, Machine, measure_flow

FORMS = ("flow", "codec", "layers", "load", "engine")
SETTLEMENTS = 1_000
"""In each round: a round lasts about half a second, and a clock that changes hits few."""


@verb(
    "bench",
    "测量吞吐。flow：完整结算流程与编解码下限之比；codec：每条报文的编解码代价；layers：时间花在哪一层；"
    "load 名称：按给定速率开环施压，逐阶段给出时延；engine：各引擎与今日做法相比",
    "Measure throughput. flow: the whole settlement flow against the codec floor; codec: what"
    " each message costs to encode and decode; layers: where the time of the flow goes;"
    " load NAME: a scenario's traffic at a rate, in an open loop, with its latency by stage;"
    " engine: the engines against each other and against what people run today.",
)
@click.argument("form", type=click.Choice(FORMS), default="flow")
@click.argument("name", required=False)
@click.option(
    "--in-flight",
    type=click.IntRange(1, 100_000),
    help=both("同时在途的就诊数", "Visits under way at a time (flow: 50; engine: at most 64)."),
)
@click.option(
    "--rounds",
    type=click.IntRange(1, 1_000),
    help=both("轮数，取中位数", "Rounds, 9; the median counts (engine: 3)."),
)
@click.option(
    "--settlements",
    type=click.IntRange(1, 1_000_000),
    default=SETTLEMENTS,
    show_default=True,
    help=both("每轮结算笔数", "Settlements in each round."),
)
@click.option("--seed", type=SEED, help=both("种子", "Seed (flow: 1; load: the scenario's own)."))
@click.option(
    "--rate",
    type=click.FloatRange(0.1, 100_000),
    help=both("每秒到达的就诊数", "Visits that come in a second (load: 20; engine: 3,000)."),
)
@click.option(
    "--duration",
    type=click.FloatRange(0.1, 86_400),
    help=both("施压秒数", "Seconds in which they come (load: 10; engine: 5 in each round)."),
)
@click.option(
    "--warm-up",
    type=click.FloatRange(0, 86_400),
    help=both(
        "开头不计的秒数",
        "Seconds at the beginning that figures leave out (load: a tenth; engine: a fifth).",
    ),
)
@click.option(
    "--engine",
    metavar="URL",
    default="embedded",
    show_default=True,
    help=both("引擎（load）", "embedded, mqtt://host:port or nats://host:port (load)."),
)
@click.option(
    "--external",
    "externals",
    metavar="ROLE:CODE[=URL]",
    multiple=True,
    help=both("自己的节点（load）", "Your own node in the place of ours, as in yidi run (load)."),
)
@language_option
@json_option
def bench(  # noqa: PLR0917 - one parameter an option
    form: str,
    name: str | None,
    in_flight: int | None,
    rounds: int | None,
    settlements: int,
    seed: int | None,
    rate: float | None,
    duration: float | None,
    warm_up: float | None,
    engine: str,
    externals: tuple[str, ...],
    language: Language,
    as_json: bool,
) -> ExitCode:
    """Measure one form and print it."""
    if (form == "load") != (name is not None):
        raise click.UsageError("load, and nothing else, takes the NAME or FILE of a scenario")
    if name is not None:
        from yidi.scenarios.command.bench_load import bench_load
        from yidi.scenarios.load.load_run import LoadOptions

        seconds = duration or 10.0
        options = LoadOptions(
            rate=rate or 20.0, seconds=seconds, engine=engine, seed=seed, externals=externals,
            warm_up=seconds / 10 if warm_up is None else warm_up,
        )  # fmt: skip
        return bench_load(name, options, language, as_json=as_json)
    if form == "engine":
        from yidi.scenarios.command.bench_engine import bench_engine
        from yidi.scenarios.load.engine_bench import EngineOptions

        seconds = duration or 5.0
        wanted = EngineOptions(
            rate=rate or 3_000.0, in_flight=in_flight or 64, seconds=seconds,
            warm_up=seconds / 5 if warm_up is None else warm_up, rounds=rounds or 3,
        )  # fmt: skip
        return bench_engine(wanted, language, as_json=as_json)
    in_flight, rounds, seed = in_flight or 50, rounds or 9, 1 if seed is None else seed
    try:
        report: FlowReport | CodecReport | LayersReport
        if form == "codec":
            report = measure_codec(rounds=rounds, settlements=settlements)
        else:
            measure = measure_flow if form == "flow" else measure_layers
            report = measure(rounds=rounds, settlements=settlements, in_flight=in_flight, seed=seed)
    except AssertionError as error:
        zh = language == "zh"
        say(f"{'测量无效' if zh else 'the measurement is void'}: {error}")
        return ExitCode.FAILED
    if as_json:
        print_json(report)
    elif isinstance(report, FlowReport):
        _show_flow(report, language)
    elif isinstance(report, LayersReport):
        _show_layers(report, language)
    else:
        _show_codec(report, language)
    return ExitCode.OK


def _show_flow(report: FlowReport, language: Language) -> None:
    zh = language == "zh"
    _show_machine(report.machine, language)
    rows = [
        ("结算 / CPU 秒" if zh else "settled cases / CPU-second",
         _count(report.settlements_per_cpu_second)),
        ("转发的信封 / CPU 秒" if zh else "routed envelopes / CPU-second",
         _count(report.routed_envelopes_per_cpu_second)),
        ("编解码下限：结算 / CPU 秒" if zh else "codec floor: settlements / CPU-second",
         _count(report.floor_per_cpu_second)),
        ("编解码操作 / CPU 秒（下限）" if zh else "codec operations / CPU-second (floor)",
         _count(report.codec_operations_per_cpu_second)),
        ("流程 / 下限" if zh else "flow / floor",
         f"{report.ratio_to_codec_floor:.2f}  ({report.ratio.least:.2f}-{report.ratio.most:.2f})"),
        ("每笔信封" if zh else "envelopes a settlement",
         f"{report.envelopes_per_settlement} + {report.edge_envelopes}"),
        ("每笔日志字节" if zh else "journal bytes a settlement",
         _count(report.journal_bytes_per_settlement)),
        ("轮数 × 每轮结算" if zh else "rounds x settlements",
         f"{report.rounds} x {report.settlements}"),
        ("同时在途" if zh else "in flight", str(report.in_flight)),
        ("种子" if zh else "seed", str(report.seed)),
        ("日志散列" if zh else "journal hash", report.journal_hash),
    ]  # fmt: skip
    print_table(["指标", "值"] if zh else ["figure", "value"], rows)
    print(
        "单进程、虚拟时间：没有消息中间件，也不经过网络。\n"
        "各轮：全部结清，账目平衡，检查无一失败，日志散列相同，报文与语料一致。"
        if zh
        else "One process, virtual time: no broker and no network.\n"
        "In every round: all settled, books balanced, no check failed, the same journal hash, "
        "the corpus's messages."
    )


def _show_codec(report: CodecReport, language: Language) -> None:
    zh = language == "zh"
    _show_machine(report.machine, language)
    print_table(
        ["报文", "正文字节", "映射形式字节", "编码 ns", "解码 ns"]
        if zh
        else ["message", "body bytes", "as a map", "encode ns", "decode ns"],
        [
            (f"{row.transaction}/{row.kind}", row.body_bytes, row.map_bytes, row.encode_ns,
             row.decode_ns)
            for row in report.messages
        ],
        right=[1, 2, 3, 4],
    )  # fmt: skip
    share = f"{100 * report.wire_share:.0f}%"
    floor = _count(report.floor_per_cpu_second)
    print(
        f"线上字节为映射形式的 {share}；下限 {floor} 笔结算 / CPU 秒"
        if zh
        else f"wire: {share} of the map form; floor: {floor} settlements / CPU-second"
    )


LAYERS = {
    "codec": ("编解码下限", "codec floor"),
    "nodes": ("三个节点：规则、账、校验", "three nodes: rules, ledger, validation"),
    "network": ("链路与调度", "links and scheduling"),
    "journal": ("日志与摘要", "journal and digests"),
    "checks": ("逐条检查", "per-event checks"),
}


def _show_layers(report: LayersReport, language: Language) -> None:
    zh = language == "zh"
    _show_machine(report.machine, language)
    rows = [
        (LAYERS[row.name][0 if zh else 1], row.microseconds, row.nanoseconds_per_envelope,
         f"{row.in_floors:.2f}")
        for row in report.layers
    ]  # fmt: skip
    whole = sum(row.nanoseconds_per_envelope for row in report.layers)
    rows.append(
        ("合计" if zh else "whole", report.whole_microseconds, whole,
         f"{report.ratio_to_codec_floor:.2f}")
    )  # fmt: skip
    print_table(
        ["层", "µs / 笔", "ns / 信封", "× 下限"]
        if zh
        else ["layer", "µs a settlement", "ns an envelope", "x floor"],
        rows,
        right=[1, 2, 3],
    )
    if report.signing_microseconds is not None:
        said = "报文签名（结算流程中不开）另加" if zh else "signed messages, off in the flow, add"
        print(f"{said} {report.signing_microseconds} µs")
    said = (
        "平台转发明细上传 / 转发人员信息" if zh else "hub: relaying a fee upload / an eligibility"
    )
    print(f"{said}: {report.relay_ratio:.2f}")


def _show_machine(machine: Machine, language: Language) -> None:
    zh = language == "zh"
    print(
        f"{machine.machine}, {machine.cpus} CPU, Python {machine.python}, "
        f"msgspec {machine.msgspec}, yidi {machine.yidi}, "
        f"{'提交' if zh else 'commit'} {machine.commit}, "
        f"{'语料' if zh else 'corpus'} {machine.corpus}"
    )


def _count(value: float) -> str:
    return f"{value:,.0f}"
