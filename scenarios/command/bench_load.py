"""`yidi bench load NAME`: a scenario's traffic at a rate, in an open loop, and what it came to."""

from __future__ import annotations

import sys
from collections.abc import Callable

from yidi.scenarios.command.common import ExitCode, Language, print_json, print_table, say
from yidi.scenarios.judging.check_titles import title_of
from yidi.scenarios.judging.report import verdict_text
from yidi.scenarios.library.loader import load
from yidi.scenarios.load.load_report import Gate, Generator, LoadReport
from yidi.scenarios.load.load_run import LoadOptions, LoadProgress, run_load

STAGE_WORDS = {
    "eligibility": "人员信息",
    "fee_upload": "费用上传",
    "pre_settlement": "预结算",
    "settlement": "结算",
    "registration": "挂号",
    "admission": "入院",
    "discharge": "出院",
    "cancellation": "撤销",
    "reversal": "冲正",
    "status_query": "状态查询",
    "visit": "整次就诊",
}


ROLE_WORDS = {"treatment": "就医地", "hub": "平台", "insured": "参保地"}


def bench_load(name: str, options: LoadOptions, language: Language, *, as_json: bool) -> ExitCode:
    """Run the load, show it, and say whether it stands."""
    loaded = load(name)
    report = run_load(loaded, options, _teller(language))
    if as_json:
        print_json(report)
    else:
        _show(report, language)
    if report.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.OK if report.passed else ExitCode.FAILED


def _teller(language: Language) -> Callable[[LoadProgress], None]:
    """A line a second: over itself on a terminal, one below the other elsewhere."""
    zh, over = language == "zh", sys.stderr.isatty()

    def tell(progress: LoadProgress) -> None:
        facts = (
            f"{progress.seconds:5.0f} s  到达 {progress.arrived:,}  结算 {progress.settled:,}"
            f"  拒绝 {progress.refused:,}  在途 {progress.open_visits:,}"
            f"  整次 p99 {_ms(progress.p99_us)} ms"
            if zh
            else f"{progress.seconds:5.0f} s  arrived {progress.arrived:,}"
            f"  settled {progress.settled:,}  refused {progress.refused:,}"
            f"  under way {progress.open_visits:,}  visit p99 {_ms(progress.p99_us)} ms"
        )
        if over:
            print(f"\r{facts} ", end="", file=sys.stderr, flush=True)
        else:
            say(facts)

    return tell


def _show(report: LoadReport, language: Language) -> None:
    zh = language == "zh"
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(_heading(report, language))
    print_table(
        ["阶段", "次数", "p50 ms", "p95 ms", "p99 ms", "最大 ms", "拒绝"]
        if zh
        else ["stage", "count", "p50 ms", "p95 ms", "p99 ms", "max ms", "refused"],
        [
            (
                STAGE_WORDS.get(row.stage, row.stage) if zh else row.stage.replace("_", " "),
                f"{row.latency.count:,}", _ms(row.latency.p50_us), _ms(row.latency.p95_us),
                _ms(row.latency.p99_us), _ms(row.latency.max_us), f"{row.refused:,}",
            )
            for row in report.stages
        ],
        right=[1, 2, 3, 4, 5, 6],
    )  # fmt: skip
    print(
        "时延自应到时刻起算：首问自排定的到达时刻，其后各步自前一答复到达时刻。"
        if zh
        else "Latency is from when a question was due: a visit's first at its scheduled arrival, "
        "each later one at the answer before it."
    )
    print(_rates(report, language))
    print(_batches(report, language))
    print(_generator(report.generator, language))
    print(_gate(report.gate, language))
    _show_checks(report, language)


def _heading(report: LoadReport, language: Language) -> str:
    machine = report.machine
    where = f"{machine.machine}, {machine.cpus} CPU, Python {machine.python}, {machine.commit}"
    where += "".join(f"\n{one}" for one in report.externals)
    if language == "zh":
        return (
            f"{report.scenario}，引擎 {report.engine}，进程 {report.processes}，"
            f"每秒 {report.rate:g} 次就诊，{report.seconds:g} 秒"
            f"（前 {report.warm_up:g} 秒不计时延），种子 {report.seed}\n{where}"
        )
    return (
        f"{report.scenario}, engine {report.engine}, processes {report.processes}, "
        f"{report.rate:g} visits a second for {report.seconds:g} s "
        f"(latencies without the first {report.warm_up:g} s), seed {report.seed}\n{where}"
    )


def _rates(report: LoadReport, language: Language) -> str:
    if language == "zh":
        return (
            f"到达 {report.offered:,}，结算 {report.settled:,}"
            f"（每秒 {report.settled_per_second:g}），拒绝 {report.refused:,}；"
            f"每笔 CPU {report.cpu_us_per_settlement:,.0f} µs，"
            f"日志落盘 {report.commits:,} 次"
        )
    return (
        f"arrived {report.offered:,}, settled {report.settled:,} "
        f"({report.settled_per_second:g} a second), refused {report.refused:,}; "
        f"{report.cpu_us_per_settlement:,.0f} CPU µs a settlement, "
        f"{report.commits:,} journal syncs"
    )


def _batches(report: LoadReport, language: Language) -> str:
    batches = report.batches
    sizes = ", ".join(f"≤{most}: {count:,}" for most, count in batches.sizes.items() if count)
    if language == "zh":
        counts = f"{batches.frames:,} 帧，{batches.publishes:,} 批"
        return f"批次：{counts}，平均 {batches.mean:g}（{sizes}）"
    return (
        f"batches: {batches.frames:,} frames in {batches.publishes:,} publishes, "
        f"{batches.mean:g} on average ({sizes})"
    )


def _generator(generator: Generator, language: Language) -> str:
    late, share = generator.lateness, f"{100 * generator.cpu_share:.0f} %"
    if language == "zh":
        where = "自身进程" if generator.alone else "与网络共用的线程"
        red = "，它成了瓶颈：以上数字不作数" if generator.was_bottleneck else ""
        return (
            f"发生器：迟到 p50 {_ms(late.p50_us)} ms，p99 {_ms(late.p99_us)} ms，"
            f"最大 {_ms(late.max_us)} ms；占{where} {share}{red}"
        )
    where = "of a core, in a process of its own" if generator.alone else "of the network's thread"
    red = "; IT WAS THE BOTTLENECK: these figures do not count" if generator.was_bottleneck else ""
    return (
        f"generator: late by p50 {_ms(late.p50_us)} ms, p99 {_ms(late.p99_us)} ms, "
        f"max {_ms(late.max_us)} ms; took {share} {where}{red}"
    )


def _gate(gate: Gate, language: Language) -> str:
    words = ROLE_WORDS if language == "zh" else {}
    booked = ", ".join(f"{words.get(role, role)} {n:,}" for role, n in gate.booked.items())
    if language == "zh":
        return (
            f"有效性：结算 {gate.settled:,} = 预结算 {gate.pre_settled:,} - 其后被拒 "
            f"{gate.refused_after:,}；账上 {booked}；未答复 {gate.unanswered:,}："
            f"{'成立' if gate.holds else '不成立'}"
        )
    return (
        f"validity: settled {gate.settled:,} = pre-settled {gate.pre_settled:,} - refused after "
        f"it {gate.refused_after:,}; booked: {booked}; unanswered {gate.unanswered:,}: "
        f"{'holds' if gate.holds else 'DOES NOT HOLD'}"
    )


def _show_checks(report: LoadReport, language: Language) -> None:
    zh = language == "zh"
    looked = sum(1 for row in report.checks if row.count)
    total = sum(row.count for row in report.checks)
    told = verdict_text(report.verdict, language)
    print(
        f"检查 {looked} 项，共 {total:,} 次：{told}"
        if zh
        else f"{looked} checks looked {total:,} times: {told}"
    )
    for row in report.checks:
        if row.verdict != "pass":
            facts = row.first_violation.facts if row.first_violation else row.reason
            verdict = verdict_text(row.verdict, language)
            print(f"{verdict}  {row.id} {title_of(row.id, language)}: {facts}")


def _ms(microseconds: int) -> str:
    return f"{microseconds / 1_000:,.1f}"
