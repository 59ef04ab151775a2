"""`yidi bench engine`: engines against each other and against what people run today."""

from __future__ import annotations

from yidi.scenarios.command.common import ExitCode, Language, print_json, print_table, say
from yidi.scenarios.load.engine_bench import (
    EngineOptions,
    EngineReport,
    Goal,
    Round,
    measure_engines,
)

PROGRAM_WORDS = {
    "mosquitto": ("Mosquitto，攒批", "Mosquitto, batched"),
    "mosquitto-single": ("Mosquitto，不攒批", "Mosquitto, one frame a publish"),
    "today": ("今日做法：Mosquitto + aiomqtt + JSON", "today: Mosquitto + aiomqtt + JSON"),
    "jetstream-r1": ("JetStream 单副本，攒批", "JetStream R1, batched"),
    "jetstream-r1-single": ("JetStream 单副本，不攒批", "JetStream R1, one frame a publish"),
    "jetstream-r3": ("JetStream 三副本，攒批", "JetStream R3, batched"),
}


def bench_engine(options: EngineOptions, language: Language, *, as_json: bool) -> ExitCode:
    """Measure and show; a measurement that is void ends with exit code 1."""
    zh = language == "zh"

    def tell(number: int, name: str, done: Round) -> None:
        word = "轮" if zh else "round"
        unit = "笔/秒" if zh else "settlements/s"
        say(f"{word} {number}/{options.rounds}  {name}: {done.per_second:,.0f} {unit}")

    try:
        report = measure_engines(options, tell)
    except AssertionError as error:
        say(f"{'测量无效' if zh else 'the measurement is void'}: {error}")
        return ExitCode.FAILED
    if as_json:
        print_json(report)
    else:
        _show(report, language)
    return ExitCode.OK


def _show(report: EngineReport, language: Language) -> None:
    zh = language == "zh"
    options, machine = report.options, report.machine
    print(
        f"{machine.machine}, {machine.cpus} CPU, Python {machine.python}, "
        f"yidi {machine.yidi}, {machine.commit}"
    )
    print(
        f"每秒提供 {options.rate:g} 次就诊，同时在途至多 {options.in_flight}；每轮 "
        f"{options.seconds:g} 秒，前 {options.warm_up:g} 秒不计；{options.rounds} 轮交替，取中位数"
        if zh
        else f"offered {options.rate:g} visits a second, at most {options.in_flight} under way; "
        f"rounds of {options.seconds:g} s without their first {options.warm_up:g}; "
        f"{options.rounds} rounds in turns, medians"
    )
    print_table(
        ["程序", "结算/秒", "最少-最多", "× 今日", "CPU µs", "× 今日", "帧/批", "单条 ms", "结算"]
        if zh
        else ["program", "settled/s", "least-most", "x today", "CPU µs", "x today", "frames/batch",
              "lone ms", "settled"],
        [
            (
                PROGRAM_WORDS[row.name][0 if zh else 1],
                f"{row.per_second.median:,.0f}",
                f"{row.per_second.least:,.0f}-{row.per_second.most:,.0f}",
                f"{row.times_today.median:.1f}" if row.times_today else "-",
                f"{row.cpu_us:,.0f}" if row.cpu_us is not None else "-",
                f"{row.cpu_times_today:.1f}" if row.cpu_times_today is not None else "-",
                f"{row.mean_batch:.1f}",
                f"{row.lone_us / 1_000:.2f}",
                f"{row.settled:,}",
            )
            for row in report.programs
        ],
        right=[1, 2, 3, 4, 5, 6, 7, 8],
    )  # fmt: skip
    print(
        "各为三个进程；每笔 16 个信封经过消息服务器。我们的有规则、账，日志落盘后才发出；\n"
        "今日做法没有这些。每一笔都在三方账上，金额相同，账目平衡。CPU 含消息服务器。"
        if zh
        else "Three processes each; 16 envelopes a settlement go through the broker. Ours have\n"
        "rules, ledger, and a journal synced before anything leaves; today's has none of that.\n"
        "Every settlement is in three books with the same money. CPU includes the broker."
    )
    print_table(
        ["目标", "要求", "达到", ""] if zh else ["goal", "wanted", "reached", ""],
        [_goal(goal, language) for goal in report.goals],
        right=[1, 2],
    )
    for name, reason in report.left_out.items():
        print(f"{'未测' if zh else 'not measured'}  {name}: {reason}")


def _goal(goal: Goal, language: Language) -> tuple[str, str, str, str]:
    zh = language == "zh"
    wanted = f"{'≤' if goal.at_most else '≥'} {goal.wanted:g}"
    if goal.reached is None:
        return goal.name, wanted, "-", "未测" if zh else "not measured"
    met = goal.reached <= goal.wanted if goal.at_most else goal.reached >= goal.wanted
    if met:
        return goal.name, wanted, f"{goal.reached:g}", "达到" if zh else "met"
    share = goal.wanted / goal.reached if goal.at_most else goal.reached / goal.wanted
    said = f"{'为目标的' if zh else 'not met:'} {100 * share:.0f} %{'' if zh else ' of it'}"
    return goal.name, wanted, f"{goal.reached:g}", said
