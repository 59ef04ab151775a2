"""`yidi trace RUN CASE`: the messages of one case, in the seven steps of a settlement.

Everything is read from the run's files. Without options the steps are printed with what each
message says, why, what it does to the money and what comes next; `--step` shows one message at
a time; `--svg` draws the sequence; `--json` gives it all as data.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    from yidi.scenarios.judging.chain import Chain, Hop
    from yidi.scenarios.judging.explain import Narrator

_AROUND = {-1: ("之前", "Before"), 8: ("之后", "Afterwards")}
_LABELS = {
    "why": ("为什么", "why"),
    "money": ("钱", "money"),
    "next": ("接着", "next"),
    "states": ("状态", "states"),
}


@verb(
    "trace",
    "逐条解释一个案例的报文：谁说了什么、为什么、钱动没动、接着会怎样。\n\n"
    "RUN 是结果目录或 last；CASE 是案例号、案件号、就诊号、报文号或结算号；不写则列出可看的案例。",
    "Explain one case message by message: who, why, money, what next.\n\n"
    "RUN is a folder or `last`; CASE is a case id, case key, visit, message id or settlement id; "
    "without it the cases worth a look are listed.",
)
@click.argument("run", metavar="RUN")
@click.argument("case", metavar="[CASE]", required=False)
@click.option("--step", "stepping", is_flag=True, help=both("一次一条", "One message at a time."))
@click.option(
    "--svg",
    "picture",
    metavar="F",
    type=click.Path(dir_okay=False, path_type=Path),
    help=both("把时序图写到文件", "Write the sequence diagram to a file."),
)
@json_option
@language_option
def trace(
    run: str,
    case: str | None,
    *,
    stepping: bool,
    picture: Path | None,
    as_json: bool,
    language: Language,
) -> ExitCode:
    """Print the messages of a case."""
    from yidi.scenarios.command.runs import run_folder
    from yidi.scenarios.judging.chain import read_chain
    from yidi.scenarios.judging.explain import Narrator
    from yidi.scenarios.judging.party_names import read_names

    bundle = run_folder(run)
    if case is None:
        return _list_cases(bundle, language, as_json=as_json)
    chain, names = read_chain(bundle, case), read_names(bundle)
    narrator = Narrator(chain, names, language)
    if picture is not None:
        from yidi.scenarios.judging.sequence import sequence_svg

        picture.write_text(sequence_svg(chain, names), "utf-8")
        say(f"时序图：{picture}" if language == "zh" else f"picture: {picture}")
    if as_json:
        print_json(as_data(narrator))
    elif stepping:
        _one_by_one(narrator)
    else:
        _print_tour(narrator)
    return ExitCode.OK


def _list_cases(bundle: Path, language: Language, *, as_json: bool) -> ExitCode:
    """The scripted cases of a run and a sample of each flow."""
    from yidi.scenarios.judging.page_data import chosen_cases
    from yidi.scenarios.judging.party_names import read_names
    from yidi.scenarios.judging.scripted_cases import read_scenario

    chosen = chosen_cases(bundle, read_scenario(bundle), ())
    if as_json:
        print_json([{"case": one.name, "visit": one.visit, "keys": one.keys} for one in chosen])
        return ExitCode.OK
    zh, names = language == "zh", read_names(bundle)
    headers = ["案例", "患者", "参保地", "就医机构"] if zh else ["case", "patient", "from", "at"]
    rows = [
        [
            one.name,
            names.person(one.person_no, language),
            names.party(f"insured:{one.insured}", language),
            names.party(f"institution:{one.institution}", language),
        ]
        for one in chosen
    ]
    print_table(headers, rows)
    return ExitCode.OK


def as_data(narrator: Narrator) -> dict[str, Any]:
    """A chain with its explanations, for `--json`."""
    from yidi.scenarios.judging.tour import steps_along

    chain = narrator.chain
    chosen = chain.selection
    steps = steps_along(chain)
    return {
        "case_id": chosen.case_id or None,
        "keys": list(chosen.keys),
        "visit": chosen.visit,
        "institution": chosen.institution,
        "treatment": chosen.treatment,
        "insured": chosen.insured,
        "hub": chosen.hub,
        "states": [{"node": row.node, "key": row.key, "state": row.state} for row in chain.rows],
        "messages": [_message(narrator, index, steps[index]) for index in range(len(chain.hops))],
    }


def _message(narrator: Narrator, index: int, step: int) -> dict[str, Any]:
    from yidi.protocol.instants import iso_text
    from yidi.protocol.national import to_twin

    hop, told = narrator.chain.hops[index], narrator.explain(index)
    origin = hop.origin
    return {
        "number": index + 1,
        "step": step if 0 <= step <= 7 else None,
        "lsn": hop.lsn,
        "at": iso_text(hop.at),
        "sent_at": iso_text(hop.sent_at),
        "from": hop.sender,
        "to": hop.recipient,
        "transaction": hop.transaction or None,
        "kind": _kind(hop),
        "message_id": origin.message_id if origin is not None else None,
        "correlation_id": (origin.correlation_id or None) if origin is not None else None,
        "answers": hop.request + 1 if hop.request >= 0 else None,
        "key": (origin.case_key or None) if origin is not None else None,
        "day": hop.day or None,
        "mark": str(hop.mark) or None,
        "title": told.title,
        "what": told.what,
        "why": told.why,
        "money": told.money,
        "next": told.next,
        "note": told.mark or None,
        "body": to_twin(hop.body) if hop.body is not None else None,
    }


def _kind(hop: Hop) -> str:
    return ("request", "result", "rejection")[hop.kind] if hop.origin is not None else "deadline"


# --- For people ---------------------------------------------------------------------------------


def _print_tour(narrator: Narrator) -> None:
    """The seven steps, with what came before and after."""
    from yidi.scenarios.judging.tour import STEPS, steps_along

    chain, language = narrator.chain, narrator.language
    steps = steps_along(chain)
    _print_head(narrator)
    if not any(0 <= step <= 7 for step in steps):
        _print_without_tour(narrator)
        return
    _print_section(narrator, _AROUND[-1], [i for i, step in enumerate(steps) if step == -1])
    for step in STEPS:
        title, sees = (step.title[0], step.sees[0]) if language == "zh" else (
            step.title[1], step.sees[1],
        )  # fmt: skip
        print(f"\n[{step.number}] {title}  ·  {step.where}\n    {sees}")
        if step.number == 0:
            print(f"    {_story(narrator)}")
        elif step.number in (2, 3):
            _print_carriage(chain, steps, step.number, language)
        else:
            for index in [i for i, of in enumerate(steps) if of == step.number]:
                _print_hop(narrator, index)
    _print_section(narrator, _AROUND[8], [i for i, step in enumerate(steps) if step == 8])


def _print_without_tour(narrator: Narrator) -> None:
    """A case that never came to a settlement has no seven steps: its messages, in full."""
    zh, count = narrator.language == "zh", len(narrator.chain.hops)
    if not count:
        print("日志中没有本案的报文。" if zh else "The journal has no message of this case.")
        return
    print(
        "没有进行到预结算或结算，全部报文如下。"
        if zh
        else "It never came to a pre-settlement or a settlement; these are all its messages."
    )
    for index in range(count):
        _print_hop(narrator, index)


def _print_section(narrator: Narrator, title: tuple[str, str], chosen: list[int]) -> None:
    if chosen:
        print(f"\n[·] {title[0] if narrator.language == 'zh' else title[1]}")
        for index in chosen:
            _print_hop(narrator, index, short=True)


def _print_head(narrator: Narrator) -> None:
    for line in head_lines(narrator):
        print(printable(line))


def head_lines(narrator: Narrator) -> list[str]:
    """Who, where, what it came to: two or three lines above a trace."""
    from yidi.scenarios.judging.party_names import state_name

    chain, language = narrator.chain, narrator.language
    zh, chosen, row = language == "zh", chain.selection, _row(narrator)
    lines = [f"{chosen.case_id or chosen.name}  ·  {_story(narrator)}"]
    if row is not None:
        state = state_name(row.state, language)
        day = row.day or ("无" if zh else "none")
        lines.append(
            f"案件号 {row.key or '—'}，{state}，会计日 {day}"
            if zh
            else f"case key {row.key or '—'}, {state}, accounting day {day}"
        )
        lines.append(money_line(row, language))
    if chain.hops and not chain.folded:
        lines.append(
            "此次运行不能由本程序重放：窗口收到的答复未列出。"
            if zh
            else "This run cannot be folded here: what the counter was told is not shown."
        )
    return lines


def money_line(row: Any, language: str) -> str:
    """A bill and who pays it: `2,000.00 = 基金 737.00 + …`."""
    from yidi.protocol.money import yuan_grouped

    zh = language == "zh"
    parts = (
        ("基金" if zh else "funds", row.fund_fen),
        ("个人账户" if zh else "account", row.account_fen),
        ("现金" if zh else "cash", row.cash_fen),
        ("医院负担" if zh else "hospital", row.hospital_fen),
    )
    shown = [f"{name} {yuan_grouped(fen)}" for name, fen in parts if fen]
    whole = f"{'账单' if zh else 'bill'} {yuan_grouped(row.total_fen)}"
    return f"{whole} = {' + '.join(shown)}" if shown else whole


def _row(narrator: Narrator) -> Any:
    """The row of the settlement that the tour follows, at the treatment region if it is there."""
    from yidi.scenarios.judging.tour import path_key

    key = path_key(narrator.chain)
    rows = [row for row in narrator.chain.rows if row.key == key] or list(narrator.chain.rows)
    at_treatment = [row for row in rows if row.node.startswith("treatment:")]
    return next(iter(at_treatment or rows), None)


def _story(narrator: Narrator) -> str:
    from yidi.protocol.codes import labelled
    from yidi.protocol.regions import label

    chosen, language, names = narrator.chain.selection, narrator.language, narrator.names
    zh, row = language == "zh", _row(narrator)
    home = label(chosen.insured, language) if chosen.insured else "?"
    place = names.party(f"institution:{chosen.institution}", language)
    where = label(chosen.treatment, language) if chosen.treatment else "?"
    visit = labelled("med_type", row.med_type, language) if row is not None and row.med_type else ""
    person = names.person(chosen.person_no, language)
    if zh:
        return printable(f"{person}，参保地 {home}，在 {where} {place} 就医 {visit}".rstrip())
    return printable(f"{person}, insured in {home}, treated in {where} at {place} {visit}".rstrip())


def _print_hop(narrator: Narrator, index: int, *, short: bool = False) -> None:
    """One message; `short` leaves out why, money and next."""
    from yidi.protocol.instants import iso_text

    hop, told, language = narrator.chain.hops[index], narrator.explain(index), narrator.language
    way = told.sender if hop.origin is None else f"{told.sender} → {told.recipient}"
    clock = iso_text(hop.at)
    print(printable(f"\n  {index + 1:>3}  {clock[:10]} {clock[11:23]}  {told.title}"))
    print(printable(f"       {way}"))
    print(printable(f"       {told.what}"))
    if told.mark:
        print(printable(f"       ※ {told.mark}"))
    for name in () if short else ("why", "money", "next"):
        text = getattr(told, name)
        if text:
            label = _LABELS[name][0 if language == "zh" else 1]
            print(printable(f"       {label}: {text}"))


def _print_carriage(chain: Chain, steps: list[int], number: int, language: str) -> None:
    """Steps 2 and 3: not messages, but how they were carried."""
    from yidi.scenarios.judging.chain import Mark

    zh = language == "zh"
    carried = [hop for hop, step in zip(chain.hops, steps, strict=True) if 1 <= step <= 7]
    sent = [hop for hop in carried if hop.origin is not None and not hop.outside]
    if number == 2:
        deadlines = sum(1 for hop in carried if hop.origin is None)
        print(
            f"    这一段有 {len(sent)} 次递送、{deadlines} 次时限到"
            if zh
            else f"    {len(sent)} deliveries and {deadlines} deadline(s) on this stretch"
        )
        return
    for hop in sent:
        spent = (hop.at - hop.sent_at) / 1000
        far = f"{spent:.1f} ms" if hop.mark is not Mark.LOST else ("丢失" if zh else "lost")
        again = f"  {hop.mark}" if hop.mark not in (Mark.FIRST, Mark.LOST) else ""
        print(f"    {hop.sender} → {hop.recipient}  {hop.transaction}  {far}{again}")


def _one_by_one(narrator: Narrator) -> None:
    """One message after the other; on a terminal a key shows the next, `q` ends."""
    _print_head(narrator)
    waits = sys.stdin.isatty() and sys.stdout.isatty()
    count = len(narrator.chain.hops)
    zh = narrator.language == "zh"
    for index in range(count):
        _print_hop(narrator, index)
        states = narrator.explain(index).states
        if states:
            label = _LABELS["states"][0 if zh else 1]
            print(printable(f"       {label}: {states}"))
        if waits and index + 1 < count:
            sys.stdout.flush()
            say(f"({index + 1}/{count}) {'任意键继续，q 结束' if zh else 'any key, or q to end'}")
            if click.getchar() in ("q", "Q", "\x1b"):
                return
