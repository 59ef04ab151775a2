"""`yidi ctl …`: a tester's hand on a live network that `yidi serve` or `yidi up` has started.

For testing only. Each command asks the gateway of the network on this machine; what changes
something becomes an operator's message to the node it concerns, and stands in its journal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click
from rich_click import RichCommand, RichGroup

from yidi.scenarios.command.common import (
    HELP_OPTION,
    ExitCode,
    Language,
    both,
    json_option,
    language_option,
    print_json,
    print_table,
)
from yidi.scenarios.command.ctl_client import Gateway

OUTCOMES = ("refuse", "slow", "ignore", "lose", "hold", "clear")


@click.group(
    "ctl",
    cls=RichGroup,
    help=both(
        "控制一个实时网络（仅供测试）", "Control a live network, on this machine, for testing only."
    ),
)
@HELP_OPTION
@language_option
def ctl(language: Language) -> None:
    """Hold the commands; their own `--lang` falls back to the one given here."""


def command(name: str, zh: str, en: str) -> Callable[[Callable[..., Any]], RichCommand]:
    """A command of `ctl`: its callback gets `gateway`, `language` and `as_json`, too."""

    def decorate(function: Callable[..., Any]) -> RichCommand:
        def perform(url: str, folder: Path, **given: Any) -> ExitCode | None:
            result: ExitCode | None = function(gateway=Gateway(url, folder), **given)
            return result

        # click keeps the options that decorators have put on a function under this name.
        perform.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
        for option in (_URL, _FOLDER, language_option, json_option, HELP_OPTION):
            perform = option(perform)
        made = ctl.command(name, cls=RichCommand, help=f"{zh}\n\n{en}", short_help=both(zh, en))
        found: RichCommand = made(perform)
        return found

    return decorate


_URL = click.option(
    "--url",
    default="",
    metavar="URL",
    help=both("网关地址", "Gateway; default: the one of --network, else http://127.0.0.1:8080."),
)
_FOLDER = click.option(
    "--network",
    "folder",
    default="network",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help=both("网络目录，默认 ./network", "Folder of the network; default ./network."),
)


class Seconds(click.ParamType[int]):
    """Seconds as a decimal; kept in milliseconds."""

    name = "seconds"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Read the number."""
        try:
            read = int(Decimal(str(value)[:16]) * 1_000)
        except (InvalidOperation, ValueError, OverflowError):
            read = -1
        if not 0 <= read <= 3_600_000:
            self.fail("want 0..3600", param, ctx)
        return read


# --- Looking ------------------------------------------------------------------------------------


@command(
    "status", "网络现状：时钟、会计日、设定与待处理数。", "Clock, days, orders and what waits."
)
def status(gateway: Gateway, language: Language, as_json: bool) -> ExitCode:
    """Every node, whether it answers, and what is ordered there; exit code 1 if one does not."""
    told = gateway.get("")
    nodes = told["nodes"]
    if as_json:
        print_json(told)
    else:
        zh = language == "zh"
        print(f"{'网络时钟' if zh else 'network clock'}  {told['clock']}")
        print("--allow-chaos  " + _yes(told["chaos"], language) + "\n")
        head = ["节点", "应答", "会计日", "设定", "待处理"] if zh else [
            "node", "answers", "day", "orders", "pending",
        ]  # fmt: skip
        rows = [
            [one["node"], _yes(one["answers"], language), one["day"], len(one["rules"]),
             one["pending"]]
            for one in nodes
        ]  # fmt: skip
        print_table(head, rows, right=[3, 4])
    return ExitCode.OK if all(one["answers"] for one in nodes) else ExitCode.FAILED


@command("messages", "一笔业务的全部报文。", "The messages of a case, in order of arrival.")
@click.argument("name", metavar="KEY|MSGID|SETL_ID|MDTRT_ID")
def messages(gateway: Gateway, name: str, language: Language, as_json: bool) -> None:
    """Every message on every leg."""
    rows = gateway.get("messages", name=name)
    if as_json:
        print_json(rows)
        return
    zh = language == "zh"
    kinds = {"request": "请求", "result": "应答", "rejection": "拒绝"}
    head = ["时间", "发", "收", "交易", "类", "报文号", "业务键", "代码"] if zh else [
        "at", "from", "to", "transaction", "kind", "msgid", "key", "code",
    ]  # fmt: skip
    shown = [
        [one["at"][11:], one["sender"], one["recipient"],
         f"{one['zh' if zh else 'en']} {one['infno']}",
         kinds[one["kind"]] if zh else one["kind"],
         one["msgid"], one.get("key", ""), one.get("code", "")]
        for one in rows
    ]  # fmt: skip
    print_table(head, shown)


@command("statements", "日对账单。", "The daily statements between hubs and regions.")
@click.option("--day", default="", metavar="YYYY-MM-DD", help=both("会计日", "Of one day only."))
def statements(gateway: Gateway, day: str, language: Language, as_json: bool) -> None:
    """A row per hub, region and day."""
    rows = gateway.get("statements", day=day)
    if as_json:
        print_json(rows)
        return
    zh = language == "zh"
    head = ["会计日", "枢纽", "地区", "笔数", "基金支付", "对方笔数", "对方基金", "对平"]
    if not zh:
        head = ["day", "hub", "region", "count", "fund", "own count", "own fund", "level"]
    shown = [
        [one["day"], one["hub"], one["region"], one["count"], one["fund"],
         *("…" if one[name] is None else one[name] for name in ("own_count", "own_fund")),
         "…" if one["level"] is None else _yes(one["level"], language)]
        for one in rows
    ]  # fmt: skip
    print_table(head, shown, right=[3, 4, 5, 6])


@command("pending", "待处理的报文。", "The messages that wait for a decision, or for their time.")
def pending(gateway: Gateway, language: Language, as_json: bool) -> None:
    """A row a message."""
    rows = gateway.get("pending")
    if as_json:
        print_json(rows)
        return
    head = ["节点", "报文号", "交易", "发", "人员", "自", "至"] if language == "zh" else [
        "node", "msgid", "infno", "from", "psn_no", "since", "until",
    ]  # fmt: skip
    fields = ("node", "msgid", "infno", "sender", "psn_no", "since", "until")
    print_table(head, [[one[name] for name in fields] for one in rows])


# --- Commands -----------------------------------------------------------------------------------


@command("close", "日切：结束当前会计日。", "Close the accounting day that is open; at any hour.")
@click.option("--hub", default="", metavar="hub:CODE", help=both("枢纽", "One hub; default all."))
def close(gateway: Gateway, hub: str, language: Language, as_json: bool) -> None:
    """Day close at every hub, by its operator."""
    rows = gateway.post("day-close", {"hub": hub})
    if as_json:
        print_json(rows)
        return
    word = "已日切" if language == "zh" else "closed"
    for one in rows:
        print(f"{one['hub']}  {word} {one['day']}  ({one['clock']})")


@command(
    "reset", "恢复初始状态：全部、一个节点或一个人。", "Back to the start: all, a node, a person."
)
@click.argument("target", metavar="all|ROLE:CODE|PSN_NO|CERTNO")
def reset(gateway: Gateway, target: str, language: Language, as_json: bool) -> None:
    """What is reset forgets; the numbers it has given are not given again."""
    order = {"node": target} if ":" in target else {"person": target}
    done = gateway.post("reset", {} if target == "all" else order)
    _tell(done, as_json, f"{'已恢复' if language == 'zh' else 'reset'}  {target}")


@command("person", "新增一名测试参保人。", "Add an insured person; what is left out is made up.")
@click.argument("region", metavar="REGION")
@click.argument("name", metavar="NAME")
@click.option("--birth", default="", metavar="YYYY-MM-DD", help=both("出生日期", "Date of birth."))
@click.option("--sex", default="", type=click.Choice(["", "1", "2"]), help=both("性别", "1 or 2."))
@click.option("--insutype", default="", help=both("险种", "Insurance type; default 310."))
@click.option("--psn-type", default="", help=both("人员类别", "Kind of person."))
@click.option("--certno", default="", help=both("证件号码", "Identity number."))
@click.option("--balance", default="", help=both("个人账户余额（元）", "Personal account, yuan."))
@click.option("--filed", default="", metavar="AREA", help=both("备案地", "Filed, at once, for."))
@click.option("--category", default="", help=both("备案类别", "Of that filing; long_stay."))
def person(  # noqa: PLR0917 - one parameter an option
    gateway: Gateway,
    region: str,
    name: str,
    birth: str,
    sex: str,
    insutype: str,
    psn_type: str,
    certno: str,
    balance: str,
    filed: str,
    category: str,
    language: Language,
    as_json: bool,
) -> None:
    """Somebody that the scenario did not have."""
    order = {
        "region": region, "name": name, "birth": birth, "sex": sex, "insutype": insutype,
        "psn_type": psn_type, "certno": certno, "balc": balance, "filed": filed,
        "category": category,
    }  # fmt: skip
    made = gateway.post("persons", order)
    if as_json:
        print_json(made)
        return
    head = (
        ["人员编号", "证件号码", "姓名", "参保地", "险种", "备案地"]
        if language == "zh"
        else list(made)
    )
    print_table(head, [list(made.values())])


@command("next", "设定下一结果。", "Order what becomes of the next requests.")
@click.argument("outcome", type=click.Choice(OUTCOMES))
@click.option("--person", default="", metavar="PSN_NO|CERTNO", help=both("人员", "Of a person."))
@click.option("--institution", default="", metavar="CODE", help=both("机构", "Of an institution."))
@click.option("--region", default="", metavar="CODE", help=both("地区", "Of a region."))
@click.option("--node", default="", metavar="ROLE:CODE", help=both("节点", "Where; else derived."))
@click.option(
    "--transaction",
    "transactions",
    multiple=True,
    metavar="INFNO|WORD",
    help=both("交易，可重复", "Only these, by number or word (settlement); may be repeated."),
)
@click.option("--code", default="", metavar="E_…", help=both("拒绝代码", "Code of a refusal."))
@click.option("--seconds", default=0, type=Seconds(), help=both("延迟秒数", "How slow."))
@click.option(
    "--times",
    type=click.IntRange(0, 1_000_000),
    default=1,
    help=both("次数，0 为一直", "How many requests; 0 until it is cleared. Default 1."),
)
def next_(  # noqa: PLR0917 - one parameter an option
    gateway: Gateway,
    outcome: str,
    person: str,
    institution: str,
    region: str,
    node: str,
    transactions: Sequence[str],
    code: str,
    seconds: int,
    times: int,
    language: Language,
    as_json: bool,
) -> None:
    """refuse by a code, slow, ignore (no answer, no effect), lose (effect, no answer), hold."""
    order = {
        "outcome": outcome, "person": person, "institution": institution, "region": region,
        "node": node, "transactions": list(transactions), "code": code, "milliseconds": seconds,
        "times": times,
    }  # fmt: skip
    done = gateway.post("outcomes", order)
    word = "已设定" if language == "zh" else "ordered"
    _tell(done, as_json, f"{done['node']}  {word} {outcome}")


@command("approve", "放行一条待处理报文。", "Let a waiting message go on to its node.")
@click.argument("msgid", metavar="MSGID")
def approve(gateway: Gateway, msgid: str, language: Language, as_json: bool) -> None:
    """The node handles it as if it came now."""
    _decide(gateway, msgid, "approve", "", as_json, "已放行" if language == "zh" else "approved")


@command("refuse", "以错误代码拒绝一条待处理报文。", "Refuse a waiting message with a code.")
@click.argument("msgid", metavar="MSGID")
@click.argument("code", metavar="E_…")
def refuse(gateway: Gateway, msgid: str, code: str, language: Language, as_json: bool) -> None:
    """The sender gets the refusal; the node never sees the message."""
    _decide(gateway, msgid, "refuse", code, as_json, "已拒绝" if language == "zh" else "refused")


@command("ignore", "不予应答一条待处理报文。", "Never answer a waiting message.")
@click.argument("msgid", metavar="MSGID")
def ignore(gateway: Gateway, msgid: str, language: Language, as_json: bool) -> None:
    """The sender's time-out is an unknown outcome."""
    _decide(gateway, msgid, "ignore", "", as_json, "不予应答" if language == "zh" else "ignored")


def _decide(
    gateway: Gateway, msgid: str, verdict: str, code: str, as_json: bool, word: str
) -> None:
    from yidi.protocol.errors import ErrorCode, RemoteProtocolError

    node = next((one["node"] for one in gateway.get("pending") if one["msgid"] == msgid), "")
    if not node:
        raise RemoteProtocolError(ErrorCode.E_NOT_PENDING, got=msgid)
    order = {"node": node, "msgid": msgid, "verdict": verdict, "code": code}
    _tell(gateway.post("pending", order), as_json, f"{node}  {word} {msgid}")


def _tell(done: Any, as_json: bool, line: str) -> None:
    if as_json:
        print_json(done)
    else:
        print(line)


def _yes(value: object, language: Language) -> str:
    words = ("是", "否") if language == "zh" else ("yes", "no")
    return words[0 if value else 1]
