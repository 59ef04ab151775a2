"""What a treatment platform is told to do: one prompt a step, for people and for programs."""

from __future__ import annotations

from typing import Any

import msgspec

from yidi.protocol import transactions as t
from yidi.protocol.money import yuan
from yidi.scenarios.library.cases import Fields, Step
from yidi.scenarios.running.requests import PLAIN_ITEM, Story

_WORDS: dict[str, tuple[str, str]] = {
    "eligibility": ("获取人员信息", "ask who the person is"),
    "benefit_check": ("检查待遇", "check the benefit"),
    "registration": ("办理门诊挂号", "register the visit"),
    "admission": ("办理入院", "admit the person"),
    "admission_cancellation": ("撤销入院", "cancel the admission"),
    "discharge": ("办理出院", "discharge the person"),
    "discharge_cancellation": ("撤销出院", "cancel the discharge"),
    "fee_upload": ("上传费用明细", "upload the fee lines"),
    "pre_settlement": ("预结算", "pre-settle"),
    "settlement": ("结算", "settle"),
    "cancellation": ("撤销结算", "cancel the settlement"),
    "reversal": ("冲正", "reverse what is in doubt"),
    "status_query": ("查询结算", "ask how the settlement stands"),
}


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """One step, as it is told: what a hook gets as JSON."""

    number: int
    """0, 1, 2 … in this scenario."""
    scenario: str
    case: str
    step: str
    do: str
    """Word of the step, as scenario files have it; `doubt`: whatever is done in doubt."""
    transactions: tuple[str, ...]
    """Any of these is what is waited for."""
    institution: str
    treatment: str
    """Region of the institution."""
    insured: str
    """Insured region, as named at the counter."""
    person: dict[str, str]
    med_type: str
    batch: str
    """Charge batch, or a stay's serial."""
    fields: dict[str, Any] = {}
    """What the step carries, as in a scenario file; amounts are yuan."""
    again: str = ""
    """Step whose message is to be sent once more, under the same message id."""
    sentence: dict[str, str] = {}
    gateway: str = ""
    token: str = ""


def prompt_of(
    about: dict[str, str],
    number: int,
    story: Story,
    step: Step,
    name: str,
    fields: Fields,
    *,
    in_doubt: bool,
) -> Prompt:
    """The prompt of a step.

    Args:
        about: scenario, gateway and token.
        number: of the prompt in this scenario.
        story: what the case has come to so far.
        step: what is to be done.
        name: of the step.
        fields: the step's, with references filled.
        in_doubt: whether an outcome before it is unknown, and the step is about that.
    """
    person = story.person
    codes = (t.STATUS_QUERY, t.REVERSAL) if in_doubt else _codes(step, story)
    return Prompt(
        number=number,
        scenario=about.get("scenario", ""),
        case=story.case.id,
        step=name,
        do="doubt" if in_doubt else step.do,
        transactions=codes,
        institution=story.case.institution,
        treatment=story.treatment,
        insured=story.insured,
        person={"psn_no": person.psn_no, "certno": person.certno, "psn_name": person.name,
                "insutype": person.insutype},
        med_type=story.med_type,
        batch=story.batch,
        fields=_said(step, fields),
        again=fields.again or "",
        sentence={language: _sentence(story, step, fields, language, in_doubt=in_doubt)
                  for language in ("zh", "en")},
        gateway=about.get("gateway", ""),
        token=about.get("token", ""),
    )  # fmt: skip


def _codes(step: Step, story: Story) -> tuple[str, ...]:
    """The transaction of a step, by the kind of visit where that decides."""
    codes = t.codes_of(step.do)
    return codes if len(codes) == 1 else (t.family_code(step.do, story.med_type),)


def _said(step: Step, fields: Fields) -> dict[str, Any]:
    """What the step says itself, under the names of scenario files; a bill as its lines."""
    said: dict[str, Any] = {}
    for field in msgspec.structs.fields(Fields):
        value = getattr(fields, field.name)
        if value is None or value == () or field.name in ("again", "original"):
            continue
        said[field.encode_name] = value
    if fields.amount is not None and step.do == "fee_upload":
        said["items"] = [
            {"code": PLAIN_ITEM, "name": "诊疗费", "count": 1, "price": fields.amount,
             "amount": fields.amount}
        ]  # fmt: skip
    elif fields.items:
        said["items"] = [
            {"code": one.code, "name": one.name, "count": one.count, "price": yuan(one.price_fen),
             "amount": yuan(one.total_fen)}
            for one in fields.items
        ]  # fmt: skip
    return said


def _sentence(story: Story, step: Step, fields: Fields, language: str, *, in_doubt: bool) -> str:
    zh = language == "zh"
    person, place = story.person, story.case.institution
    if in_doubt:
        return (
            f"{place}：{person.name} 的上一笔没有应答，按贵方的做法处理，不要另发新报文"
            if zh
            else f"{place}: nothing came back for {person.name}; do what you do in doubt"
        )
    words = _WORDS.get(step.do, (step.do, step.do))[0 if zh else 1]
    if fields.again:
        words += "（同一报文原样再发一次）" if zh else " (the same message once more)"
    code = "/".join(_codes(step, story))
    amount = f" {fields.amount}" if fields.amount else ""
    return (
        f"{place}：为 {person.name}（{person.certno}，参保地 {story.insured}）"
        f"{words} {code}{amount}"
        if zh
        else f"{place}: {words} {code}{amount} for {person.name} ({person.certno}, "
        f"insured in {story.insured})"
    )
