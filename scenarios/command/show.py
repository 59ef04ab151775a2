"""`yidi show NAME`: a scenario as a person reads it, before it is run.

Says the story and where it comes from, who takes part, what each case does step by step, what
else goes on, what goes wrong, what is expected, and which numbers are made up.
"""

from __future__ import annotations

from collections.abc import Iterator

import click
from msgspec import to_builtins

from yidi.protocol.codes import labelled
from yidi.protocol.identity import mask
from yidi.protocol.instants import DAY, HOUR, MILLISECOND, MINUTE, SECOND, local_text
from yidi.protocol.money import yuan_grouped
from yidi.protocol.regions import label
from yidi.protocol.transactions import TRANSACTIONS
from yidi.scenarios.command.common import (
    ExitCode,
    Language,
    both,
    json_option,
    language_option,
    print_json,
    print_table,
    printable,
    verb,
)
from yidi.scenarios.library.loader import LoadedScenario, load
from yidi.scenarios.library.schema import Case, Expect, Flow, Region, Scenario, Step

_WORDS = {
    "suspend_insurance": ("暂停参保", "insurance suspended"),
    "resume_insurance": ("恢复参保", "insurance resumed"),
    "pay_in_full": ("全额自费，回参保地手工报销", "paid in full, to be claimed on paper"),
    "pre_settlement": ("预结算", "pre-settlement"),
    "settlement": ("结算", "settlement"),
    "cancellation": ("结算撤销", "cancellation"),
    "fee_upload": ("费用明细上传", "fee upload"),
}
_OUTCOMES = {
    "accepted": ("成功", "accepted"),
    "refused": ("被拒绝", "refused"),
    "unknown": ("结果未知", "outcome unknown"),
}
_VISITS = {
    "outpatient": ("普通门诊", "outpatient"),
    "chronic": ("门诊慢特病", "chronic outpatient"),
    "inpatient": ("住院", "inpatient"),
    "pharmacy": ("药店购药", "pharmacy"),
}


@verb(
    "show", "说明一个场景：故事、参与方、步骤、故障与预期。", "Explain a scenario before it is run."
)
@click.argument("name", metavar="NAME|FILE")
@click.option(
    "--people",
    is_flag=True,
    help=both("列出人员，含固定结果的测试人员", "List the persons, and the test cast, too."),
)
@language_option
@json_option
def show(name: str, people: bool, language: Language, as_json: bool) -> ExitCode:
    """Print one scenario."""
    loaded = load(name)
    scenario = loaded.scenario
    if as_json:
        shown = to_builtins(scenario)
        if people:
            shown["fixed_outcomes"] = _fixed(loaded, language)
        print_json(shown)
        return ExitCode.OK
    for line in describe(scenario, language):
        print(printable(line))
    if people:
        print()
        _print_people(scenario, language)
        _print_fixed(loaded, language)
    return ExitCode.OK


def describe(scenario: Scenario, language: Language) -> Iterator[str]:
    """The lines that explain a scenario."""
    zh = language == "zh"
    yield f"{scenario.name} · {scenario.title.text(language)}"
    yield ""
    yield scenario.story.text(language).strip()
    yield ""
    yield ("来源：" if zh else "Source: ") + scenario.source
    yield (
        ("起始 " if zh else "Starts ")
        + f"{scenario.start}, {duration_text(scenario.duration)}, "
        + (f"种子 {scenario.seed}" if zh else f"seed {scenario.seed}")
    )
    yield from _headed("参与地区" if zh else "Regions", _regions(scenario, language))
    yield from _headed("案例" if zh else "Cases", _cases(scenario, language))
    yield from _headed("背景业务" if zh else "Background", _flows(scenario, language))
    yield from _headed("故障" if zh else "Faults", [fault.do for fault in scenario.fault])
    expected = [_expected(expect, language) for expect in scenario.expect]
    yield from _headed("预期" if zh else "Expected", expected)
    made_up = "为培训而虚构的数字" if zh else "Made up for training"
    yield from _headed(made_up, scenario.made_up(language))


def duration_text(span: int) -> str:
    """A duration as files write it: `1d9h30m`."""
    parts = []
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"), (MILLISECOND, "ms")):
        count, span = divmod(span, unit)
        parts += [f"{count}{name}"] if count else []
    return "".join(parts) or "0s"


def word_text(word: str, language: Language) -> str:
    """A step's word for people."""
    names = _WORDS.get(word) or next((row.zh, row.en) for row in TRANSACTIONS if row.word == word)
    return names[0 if language == "zh" else 1]


def _headed(title: str, lines: list[str]) -> list[str]:
    return ["", title, *(f"  {line}" for line in lines)] if lines else []


def _regions(scenario: Scenario, language: Language) -> list[str]:
    zh = language == "zh"
    names = {"insured": "参保地", "treatment": "就医地"}
    lines = []
    for region in scenario.region:
        roles = [names[role] if zh else f"{role} region" for role in region.roles]
        lines.append(f"{label(region.code, language)}: {', '.join(roles)}{_enrolled(region, zh)}")
    return lines


def _enrolled(region: Region, zh: bool) -> str:
    if not region.population:
        return ""
    made_up = "" if region.population_source else ("（虚构）" if zh else " (made up)")
    if zh:
        return f"，参保 {region.population:,} 人{made_up}"
    return f", {region.population:,} insured{made_up}"


def _cases(scenario: Scenario, language: Language) -> list[str]:
    persons = {person.id: person for person in scenario.person}
    places = {place.code: place for place in scenario.institution}
    lines: list[str] = []
    for case in scenario.case:
        person, place = persons[case.person], places[case.institution]
        way = f"{label(person.region, language)} → {label(place.region, language)}"
        lines.append(f"{case.id}  {_moment(scenario, case)}  {person.name}  {way}  {place.name}")
        if case.note is not None:
            lines.append(f"    {case.note.text(language)}")
        lines += [
            f"    {number}. {_step(step, language)}" for number, step in enumerate(case.step, 1)
        ]
    return lines


def _moment(scenario: Scenario, case: Case) -> str:
    if scenario.start == "now":
        return f"+{duration_text(case.at.offset or 0)}"
    return local_text(case.at.at(scenario.start_instant()))[:16]


def _step(step: Step, language: Language) -> str:
    text = word_text(step.do, language)
    if step.after:
        text += f" +{duration_text(step.after)}"
    if step.note is not None:
        text += f"  {step.note.text(language)}"
    expect = step.expect
    if expect is not None:
        index = 0 if language == "zh" else 1
        facts = [_OUTCOMES[expect.outcome][index]] if expect.outcome else []
        facts += [expect.code] if expect.code else []
        facts += [f"{name} = {value}" for name, value in expect.fields.items()]
        text += "  ⇒ " + ", ".join(facts)
    return text


def _flows(scenario: Scenario, language: Language) -> list[str]:
    return [_flow(flow, language) for flow in scenario.flow]


def _flow(flow: Flow, language: Language) -> str:
    visit = _VISITS[flow.visit][0 if language == "zh" else 1]
    rate = (
        f"每日 {flow.arrivals.per_day} 人次"
        if language == "zh"
        else f"{flow.arrivals.per_day} a day"
    )
    bill = f"{yuan_grouped(flow.bill.p50_fen)} – {yuan_grouped(flow.bill.max_fen)}"
    way = f"{label(flow.from_, language)} → {label(flow.to, language)}"
    return f"{flow.name}: {way}, {visit}, {rate} ({flow.arrivals.process}), {bill} " + (
        "元" if language == "zh" else "yuan"
    )


def _expected(expect: Expect, language: Language) -> str:
    zh = language == "zh"
    whose = expect.filter
    chosen = {n: getattr(whose, n) for n in whose.__struct_fields__} if whose is not None else {}
    facts = [expect.case or ("所有案例" if zh else "every case")]
    facts += [f"{name} {value}" for name, value in chosen.items() if value is not None]
    if expect.outcome is not None:
        known = expect.outcome != "MANUAL"
        manual = "手工报销 MANUAL" if zh else "claimed on paper MANUAL"
        facts.append("⇒ " + (labelled("case_state", expect.outcome, language) if known else manual))
    facts += [expect.code] if expect.code else []
    for sign, number in (("=", expect.count), ("≥", expect.at_least), ("≤", expect.at_most)):
        facts += [f"{'笔数' if zh else 'count'} {sign} {number}"] if number is not None else []
    facts += [f"{name} = {value}" for name, value in expect.fields.items()]
    return " ".join(facts)


def _print_people(scenario: Scenario, language: Language) -> None:
    from yidi.scenarios.running.people import build_people
    from yidi.scenarios.running.streams import Streams

    people = build_people(scenario, Streams(scenario.seed))
    zh = language == "zh"
    headers = (
        ["人员", "姓名", "参保地", "险种", "人员类别", "出生", "证件号码", "账户余额"]
        if zh
        else ["id", "name", "insured in", "scheme", "type", "born", "identity", "account"]
    )
    rows = [
        [
            person.scenario_id or person.psn_no,
            person.name,
            label(person.region, language),
            labelled("insutype", person.insutype, language),
            labelled("psn_type", person.psn_type, language),
            person.birth,
            mask(person.certno),
            yuan_grouped(person.balance_fen),
        ]
        for person in people.scripted.values()
    ]
    print_table(headers, rows, right=[7])
    for name, pool in people.pools.items():
        count = len(pool)
        print(
            printable(f"{name}: {count} 名虚构人员" if zh else f"{name}: {count} made-up persons")
        )


def _fixed(loaded: LoadedScenario, language: Language) -> list[dict[str, str]]:
    """The test cast that a served network of this scenario has."""
    from yidi.scenarios.live.clock import real_now
    from yidi.scenarios.running.fixed_cast import fixed_rows, with_fixed_cast
    from yidi.scenarios.running.run import assemble

    return fixed_rows(assemble(loaded, now=real_now(), extend=with_fixed_cast).world, language)


def _print_fixed(loaded: LoadedScenario, language: Language) -> None:
    zh = language == "zh"
    print()
    print("serve 与 up 另有固定结果的测试人员与机构：" if zh else
          "serve and up have a test cast besides, whose outcome is fixed:")  # fmt: skip
    headers = (
        ["编号", "证件号码", "名称", "地区", "结果"]
        if zh
        else ["code", "identity", "name", "region", "outcome"]
    )
    rows = [{**row, "region": label(row["region"], language)} for row in _fixed(loaded, language)]
    print_table(headers, [list(row.values()) for row in rows])
