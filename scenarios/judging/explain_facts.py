"""The facts of one message as the words of `explain.toml` name them, in one language.

Amounts are yuan with thousands separated; places, parties, schemes and transactions stand with
their names beside their codes. A fact that a message does not have is shown as a dash.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import msgspec

from yidi.protocol import messages as m
from yidi.protocol import messages_clearing as c
from yidi.protocol.codes import label, labelled, national_fund
from yidi.protocol.errors import ErrorCode, sentence
from yidi.protocol.money import yuan_grouped
from yidi.protocol.regions import province_of
from yidi.protocol.transactions import title
from yidi.scenarios.judging.chain import Chain, Hop
from yidi.scenarios.judging.party_names import PartyNames, place_name, two

NONE = "—"
_AN_ANSWER = ("给窗口的答复", "an answer to the counter")
_FEN = "_fen"
_OPTIONAL = frozenset({"hospital_part", "account_part", "funds_part", "settled_again", "facts"})
"""Parts of a sentence that are left out where there is nothing to say."""
_PLACES = frozenset({"payer", "payee", "area"})
_FILINGS = {
    "not_required": ("无需备案", "not required"),
    "none": ("未备案", "none"),
    "": ("无", "none"),
}
_STATUSES = {
    "effective": ("已生效", "effective"),
    "submitted": ("已提交、待审核", "submitted and waiting"),
    "refused": ("未通过", "refused"),
    "withdrawn": ("已撤回", "withdrawn"),
    "paid": ("已付出", "paid"),
    "received": ("已收到", "received"),
    "failed": ("支付失败（状态 9）", "failed (finance state 9)"),
    "payment": ("付款通知书", "payment notice"),
    "collection": ("收款通知书", "collection notice"),
    "yellow": ("黄色", "yellow"),
    "red": ("红色", "red"),
}
_OUTCOMES = {
    "reversed": (
        ("结算确已生效，现已撤回", "it had taken effect and is undone now"),
        ("退了：基金与个人账户都回到结算之前。", "Taken back: funds and account are as before."),
    ),
    "nothing": (
        ("那一笔没有生效，没有可撤回的", "it had not taken effect, there is nothing to undo"),
        ("没有动：从来没有记过账。", "Nothing moved: nothing was ever booked."),
    ),
    "reinstated": (
        (
            "撤销确已生效，现予恢复，结算仍然有效",
            "the cancellation is undone, the settlement stands",
        ),
        ("恢复：结算的金额重新记账。", "Reinstated: the settlement's amounts are booked again."),
    ),
    "rejected": (
        ("那一笔当时就被拒绝了", "it had been refused at once"),
        ("没有动：被拒绝的结算不记账。", "Nothing moved: a refused settlement is not booked."),
    ),
}


class Kept(defaultdict[str, str]):
    """Facts for `format_map`: what is missing is a dash, never an error."""


def kept(facts: Mapping[str, str]) -> Kept:
    """The facts, with a dash for every other name."""
    return Kept(lambda: NONE, facts)


def facts_of(chain: Chain, hop: Hop, names: PartyNames, language: str) -> dict[str, str]:
    """Everything that can be said of one hop."""
    facts = _parties(chain, hop, names, language)
    body = hop.body
    if body is not None:
        facts |= _plain(body, language)
        facts |= _special(body, language)
    return {name: value if value or name in _OPTIONAL else NONE for name, value in facts.items()}


def _parties(chain: Chain, hop: Hop, names: PartyNames, language: str) -> dict[str, str]:
    chosen, origin = chain.selection, hop.origin
    speaker = origin.sender if origin is not None else hop.sender
    asked = origin.recipient if origin is not None else hop.recipient
    insured = (origin.insured if origin is not None else "") or chosen.insured
    treatment = (origin.treatment if origin is not None else "") or chosen.treatment
    return {
        "speaker": names.short(speaker, language),
        "asker": names.short(speaker, language),
        "asked": names.short(asked, language),
        "carrier": names.short(hop.sender, language),
        "hop_to": names.short(hop.recipient, language),
        "hub": names.short(chosen.hub, language) if chosen.hub else "",
        "person": names.person(chosen.person_no, language),
        "insured": place_name(insured, language) if insured else "",
        "treatment": place_name(treatment, language) if treatment else "",
        "payer": place_name(province_of(insured), language) if insured else "",
        "payee": place_name(province_of(treatment), language) if treatment else "",
        "day": hop.day,
        "sequence": str(hop.sequence),
        "visit": chosen.visit,
        "key": origin.case_key if origin is not None else "",
        "title": title(origin.transaction, language) if origin is not None else "",
        "sent": _joined([title(code, language) for code in hop.causes], language)
        or two(_AN_ANSWER, language),
    }


def _plain(body: msgspec.Struct, language: str) -> dict[str, str]:
    """A body's own fields: amounts as yuan, places by name, the rest as it stands."""
    facts: dict[str, str] = {}
    for field in body.__struct_fields__:
        value = getattr(body, field)
        if field.endswith(_FEN) and isinstance(value, int):
            facts[field.removesuffix(_FEN)] = yuan_grouped(value)
        elif field in _PLACES and isinstance(value, str):
            facts[field] = place_name(value, language) if value else ""
        elif isinstance(value, str | int) and not isinstance(value, bool):
            facts[field] = str(value)
    return facts


def _special(body: msgspec.Struct, language: str) -> dict[str, str]:
    """What needs more than a field's own value."""
    match body:
        case m.SettlementResult():
            return _settlement(body, language)
        case m.EligibilityResult():
            return _person(body, language)
        case m.BenefitCheckResult():
            return {"hindrances": _hindrances(body, language)}
        case m.FeeUploadRequest():
            return _fees(body)
        case m.FeeUploadResult():
            return {"lines": str(body.count)}
        case m.ReversalRequest():
            return {"original": body.original_message_id}
        case m.ReversalResult():
            said = _OUTCOMES.get(body.outcome, ((body.outcome,) * 2, (NONE,) * 2))
            return {"outcome": two(said[0], language), "outcome_money": two(said[1], language)}
        case m.StatusResult():
            return _status(body, language)
    return _filing(body, language) | _agency(body, language)


def _settlement(body: m.SettlementResult, language: str) -> dict[str, str]:
    zh = language == "zh"
    funds = [
        f"{fund_name(pay.fund_pay_type, language)} {yuan_grouped(pay.fund_fen)}"
        for pay in body.funds
    ]
    said = _joined(funds, language)
    hospital = yuan_grouped(body.hospital_fen)
    account, balance = yuan_grouped(body.account_fen), yuan_grouped(body.balance_fen)
    part = f"，医院负担 {hospital} 元" if zh else f", the hospital {hospital}"
    left = (
        f"；个人账户扣 {account} 元，余 {balance} 元"
        if zh
        else f"; {account} leaves the personal account, {balance} remain"
    )
    return {
        "funds_part": (f"（{said}）" if zh else f" ({said})") if funds else "",
        "ratio": f"{body.ratio_bp / 100:g}%" if body.ratio_bp else "",
        "filing": _filing_name(body.filing, language),
        "hospital_part": part if body.hospital_fen else "",
        "account_part": left if body.account_fen else "",
    }


def fund_name(fund_pay_type: str, language: str) -> str:
    """A fund as people call it, in the national form: `职工基本医疗保险统筹基金`."""
    return label("fund_pay_type", national_fund(fund_pay_type), language)


def _person(body: m.EligibilityResult, language: str) -> dict[str, str]:
    schemes = [labelled("insutype", one.insutype, language) for one in body.insurances]
    balance = sum(one.balance_fen for one in body.insurances)
    return {
        "person": body.name,
        "schemes": _joined(schemes, language),
        "balance": yuan_grouped(balance),
        "filings": str(len(body.filings)),
    }


def _hindrances(body: m.BenefitCheckResult, language: str) -> str:
    zh = language == "zh"
    if body.eligible:
        return "可以享受，没有障碍。" if zh else "yes, nothing stands in the way."
    parts = [
        f"{sentence(ErrorCode(code), language)}" + (f"（{code}）" if zh else f" ({code})")
        for code in body.hindrances
        if code in ErrorCode.__members__
    ]
    return ("不可以：" if zh else "no: ") + ("；" if zh else " ").join(parts)


def _fees(body: m.FeeUploadRequest) -> dict[str, str]:
    lines = body.lines
    return {
        "lines": str(len(lines)),
        "total": yuan_grouped(sum(line.amount_fen for line in lines)),
        "full_self": yuan_grouped(sum(line.full_self_fen for line in lines)),
        "over_limit": yuan_grouped(sum(line.over_limit_fen for line in lines)),
        "prepay": yuan_grouped(sum(line.prepay_fen for line in lines)),
    }


def _status(body: m.StatusResult, language: str) -> dict[str, str]:
    zh = language == "zh"
    unknown = "没有见过这一笔" if zh else "it has never seen this case"
    state = labelled("case_state", body.state, language) if body.state else unknown
    again = "，并附上当初的结算答复" if zh else ", with the settlement's first answer"
    return {"state": state, "settled_again": again if body.settlement else ""}


def _filing(body: msgspec.Struct, language: str) -> dict[str, str]:
    match body:
        case m.FilingRequest():
            return {"category": label("filing", body.category, language)}
        case m.FilingResult():
            long = "长期" if language == "zh" else "without end"
            return {
                "filing_status": _named(_STATUSES, body.status, language),
                "valid_to": body.valid_to or long,
            }
        case m.FilingUpload():
            view = body.filing
            return {
                "filing_id": view.filing_id,
                "filing_status": _named(_STATUSES, view.status, language),
            }
        case m.FilingDecision():
            said = ("同意", "approved") if body.approve else ("不同意", "refused")
            return {"decision": two(said, language)}
        case m.FilingQueryResult():
            return {"filings": str(len(body.filings))}
    return {}


def _agency(body: msgspec.Struct, language: str) -> dict[str, str]:
    match body:
        case c.DayClose() | c.DailyStatement() | c.DailyDetail():
            return {"day_closed": body.day}
        case c.ClearingDeclarationResult():
            return {
                "count": str(sum(group.count for group in body.groups)),
                "fund": yuan_grouped(sum(group.fund_fen for group in body.groups)),
            }
        case c.ClearingDetail():
            return {"count": str(len(body.keys))}
        case c.ClearingDetailResult():
            return {"refused_count": str(len(body.refused))}
        case c.ClearingNotice():
            return {"notice_kind": _named(_STATUSES, body.kind, language)}
        case c.PaymentFeedback():
            return {"payment_status": _named(_STATUSES, body.status, language)}
        case c.PrefundAlarm():
            return {"level": _named(_STATUSES, body.level, language)}
    return {}


def _filing_name(filing: str, language: str) -> str:
    if filing in _FILINGS:
        return two(_FILINGS[filing], language)
    return label("filing", filing, language)


def _named(table: Mapping[str, tuple[str, str]], code: str, language: str) -> str:
    return two(table[code], language) if code in table else code


def _joined(parts: list[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(parts)
