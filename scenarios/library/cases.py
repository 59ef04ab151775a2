"""Scripted cases: who goes where, when, and what they do there, step by step.

A case is one visit told as steps; a step is one transaction in the words of `design.md`
section 2, or something an operator does. A step begins when the one before it has been
answered (or, `on = "sent"`, as soon as it was sent) and `after` has passed. A value of an
earlier step's answer is carried as `${step.field}`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from yidi.scenarios.library.values import Fen, Moment, Span, When, YuanText, annotated

StepWord = Literal[
    "filing",
    "filing_decision",
    "filing_withdrawal",
    "referral_filing",
    "eligibility",
    "benefit_check",
    "registration",
    "admission",
    "admission_cancellation",
    "discharge",
    "discharge_cancellation",
    "fee_upload",
    "pre_settlement",
    "settlement",
    "cancellation",
    "reversal",
    "status_query",
    "suspend_insurance",
    "resume_insurance",
    "adjustment",
    "pay_in_full",
]

FilingCategory = Literal[
    "resettled", "long_stay", "posted", "referral", "emergency", "other_temporary"
]
"""The categories of remote filing. Source: domain 2.1."""

StepOutcome = Literal["accepted", "refused", "unknown"]

NATIONAL_FIELDS = (
    *("psn_no", "psn_name", "certno", "gend", "brdy", "balc", "insutype", "psn_type"),
    *("psn_insu_stas", "insuplc_admdvs", "mdtrt_id", "setl_id", "med_type", "medfee_sumamt"),
    *("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_scp_amt"),
    *("act_pay_dedc", "pool_prop_selfpay", "hifp_pay", "hifob_pay", "hifmi_pay"),
    *("cvlserv_pay", "hifes_pay", "maf_pay", "oth_pay", "fund_pay_sumamt", "acct_pay"),
    *("psn_cash_pay", "psn_part_amt", "hosp_part_amt", "refd_setl_flag", "trt_dcla_detl_sn"),
    *("begndate", "enddate", "rloc_admdvs", "rloc_rea", "setl_time", "medins_setl_id"),
    *("trt_enjymnt_flag", "trt_chk_rslt", "dise_codg", "stmt_rslt", "state", "day", "key"),
    *("cumulative", "filing", "changed", "sentence"),
)
"""What `expect` and `${step.field}` may name: fields of answers, by their national names, and a
few of ours (`state`, `day`, `key`, `filing`, `changed`, `sentence`)."""


class Bilingual(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sentence in both languages."""

    zh: str
    en: str

    def text(self, language: str) -> str:
        """The sentence in `zh` or `en`."""
        return self.zh if language == "zh" else self.en


class Expectation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a step must come to; written flat: `{outcome = "accepted", hifp_pay = "12.30"}`."""

    outcome: StepOutcome | None = None
    code: str | None = None
    """An error code, such as `E_NO_FILING`; implies `refused` or, if indefinite, `unknown`."""
    fields: dict[str, str] = {}
    """National field name → the value as text, or `${step.field}`."""


def expectation_reader(value: object) -> object:
    """Reader that parts the flat table into outcome, code and fields."""
    if not isinstance(value, dict):
        return value
    flat = {name: value[name] for name in ("outcome", "code") if name in value}
    rest = {name: value[name] for name in value if name not in flat}
    return {**flat, "fields": rest}


class Item(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the bill."""

    code: str
    """National catalogue code (`med_list_codg`)."""
    name: str
    count: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1
    price_fen: Fen = msgspec.field(name="price")
    amount_fen: Fen | None = msgspec.field(default=None, name="amount")
    """Default: count times price; another value is sent as it stands (`E_ITEM_SUM`)."""
    grade: Literal["01", "02", "03"] | None = None
    """Catalogue grade 甲 01, 乙 02, 丙 03, where the treatment region's catalogue is silent."""
    self_pay_bp: Annotated[int, msgspec.Meta(ge=0, le=10_000)] | None = None
    """先行自付 ratio of a 乙 item, basis points."""
    ceiling_fen: Fen | None = msgspec.field(default=None, name="ceiling")
    """Price ceiling per unit; what lies above is 超限价自费."""

    @property
    def total_fen(self) -> int:
        """The amount billed for the line."""
        return self.price_fen * self.count if self.amount_fen is None else self.amount_fen


class Fields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a step carries; each word uses some. Absent means the runner's natural choice."""

    med_type: str | None = None
    batch: str | None = None
    """Charge batch (`chrg_bchno`): the settlement unit of an outpatient visit."""
    serial: Annotated[int, msgspec.Meta(ge=0, le=99)] | None = None
    """Serial of an interim settlement of a stay (`mid_setl_flag`)."""
    items: tuple[Item, ...] = ()
    amount: YuanText | None = None
    """The bill in yuan: alone, one item of that price; beside items, the total claimed."""
    full_self_pay: YuanText | None = None
    """全自费 part of `amount`."""
    over_limit: YuanText | None = None
    """超限价 part of `amount`."""
    self_pay_first: YuanText | None = None
    """先行自付 part of `amount`."""
    diagnosis: str | None = None
    disease: str | None = None
    """National code of a chronic disease (`dise_codg`), such as M03900."""
    category: FilingCategory | Literal["none"] | None = None
    area: str | None = None
    """Region code the filing is for (`rloc_admdvs`)."""
    valid_from: str | None = None
    valid_to: str | None = None
    channel: str | None = None
    """How the filing came: app, window, hospital."""
    emergency: bool | None = None
    """The emergency marker: deemed filed."""
    account_used: bool | None = None
    by: str | None = None
    """The operator, such as `operator:340600`."""
    decision: Literal["approve", "refuse"] | None = None
    reason: str | None = None
    original: str | None = None
    """Id of the step that a cancellation, reversal, query or decision is about."""
    again: str | None = None
    """Id of an earlier step whose message is sent once more, under the same message id; beside
    `amount`, with that other content."""
    claimed_region: str | None = None
    """Insured region named at the counter, where it is not the person's own."""
    claimed_name: str | None = None
    """Name given at the counter, where it is not the person's own."""
    institution: str | None = None
    """Another institution than the case's: the goal of a referral."""
    direction: Literal["deduct", "add"] | None = None
    """Sign of an adjustment."""
    day: str | None = None
    """A date: of the discharge, of the visit, of the suspension."""


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing done in a case."""

    do: StepWord
    id: str | None = None
    """Name for `${id.field}`; default: the word, numbered from the second (`settlement_2`)."""
    after: Span = 0
    """Microseconds after the previous step was answered or sent."""
    on: Literal["answer", "sent"] = "answer"
    fields: Fields = Fields()
    expect: Annotated[Expectation, annotated(expectation_reader)] | None = None
    requirements: tuple[str, ...] = ()
    """Rules of the scenario that this step's answer shows; what `yidi conform` judges them by."""
    note: Bilingual | None = None


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One person's visit to one institution."""

    id: str
    person: str
    institution: str
    at: Moment = When(offset=None)
    """When the first step begins; default: the scenario's start."""
    note: Bilingual | None = None
    step: tuple[Step, ...] = ()

    def step_ids(self) -> tuple[str, ...]:
        """The name of every step, in order."""
        names: list[str] = []
        for step in self.step:
            seen = sum(1 for name in names if name == step.do or name.startswith(f"{step.do}_"))
            names.append(step.id or (step.do if not seen else f"{step.do}_{seen + 1}"))
        return tuple(names)
