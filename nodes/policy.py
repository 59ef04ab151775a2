"""A region's benefit policy as plain data, and the book they are looked up in.

The key is (insured region, insurance type); a key has versions by effective date, and the
version in force on the settlement date decides. Money is integer fen, ratios are basis points.
Nothing here reads a file: `yidi.scenarios.library.policy_file` builds these from TOML, and keeps
for every number where it comes from (`Policy.provenance`), so that what is made up for training
can be marked wherever a person sees it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

ILLUSTRATIVE = "illustrative"
"""A provenance that begins with this word marks a number as made up for training."""

INPATIENT, CHRONIC, OUTPATIENT = "inpatient", "chronic", "outpatient"

VISIT_KINDS: dict[str, str] = {
    "11": OUTPATIENT,
    "13": OUTPATIENT,
    "14": CHRONIC,
    "21": INPATIENT,
    "22": INPATIENT,
    "23": INPATIENT,
    "24": INPATIENT,
    "41": OUTPATIENT,
}
"""`med_type` to the section of a policy that pays for it."""


class DeductiblePercent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A deductible that is a share of the bill, within bounds; it applies out of province."""

    ratio_bp: int
    floor_fen: int
    ceiling_fen: int


class InpatientTerms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a stay is paid by. Tables are keyed by hospital level (`1`, `2`, `3`, `provincial`)."""

    deductible: dict[str, int]
    """Level to fen, per stay."""
    ratio: dict[str, int]
    """Level to basis points."""
    annual_cap_fen: int
    deductible_out: dict[str, int] | None = None
    """Level to fen, for treatment in another province."""
    deductible_percent: DeductiblePercent | None = None
    deductible_step_fen: int = 0
    """Each earlier stay of the year lowers the deductible by this much."""
    deductible_floor_fen: int = 0
    retired_bonus_bp: int = 0


class YearlyTerms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What ordinary outpatient and chronic visits are paid by: one deductible a year."""

    deductible_fen: int
    ratio: dict[str, int]
    """Level to basis points."""
    annual_cap_fen: int
    retired_bonus_bp: int = 0


class LargeAmount(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """大额: what employees get above the pool's annual cap; the cap here is per claim."""

    ratio_bp: int
    cap_fen: int


class Tier(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One step of the serious-illness scale."""

    upper_fen: int | None
    """Upper bound, measured above the threshold; None means no bound."""
    ratio_bp: int


class SeriousIllness(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """居民大病: tiers over the year's compliant out-of-pocket; the cap is per year."""

    threshold_fen: int
    tiers: tuple[Tier, ...]
    cap_fen: int
    oop_excludes_deductible: bool = False


class Assistance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """救助 of one category; the cap is per claim."""

    ratio_bp: int
    cap_fen: int


class FilingCut(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a ratio shrinks outside the pooling area, by filing category.

    `points` subtracts basis points; `multiplier` multiplies by them (10000 leaves it whole).
    """

    mode: Literal["points", "multiplier"]
    referral: int
    emergency: int
    other_temporary: int

    def of(self, filing: str) -> int | None:
        """The number for a filing category, None for one that is never cut."""
        if filing == "referral":
            return self.referral
        if filing == "emergency":
            return self.emergency
        return self.other_temporary if filing == "other_temporary" else None


NATIONAL_CUT = FilingCut(mode="points", referral=1000, emergency=1000, other_temporary=2000)
"""The national ceilings (S18), where neither region nor file names a cut."""


class Policy(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One region's terms for one insurance type, in force from a date."""

    region: str
    name: str
    insutype: str
    valid_from: str
    """ISO date, inclusive."""
    valid_to: str | None = None
    """ISO date, inclusive; None while the policy has no end."""
    inpatient: InpatientTerms | None = None
    outpatient: YearlyTerms | None = None
    chronic: YearlyTerms | None = None
    large: LargeAmount | None = None
    serious_illness: SeriousIllness | None = None
    assistance: dict[str, Assistance] = {}
    filing_cut: FilingCut | None = None
    """None: the book's default applies."""
    referral_list: tuple[str, ...] = ()
    """转诊备案病种清单: ICD-10 prefixes. A rule of filing; the computation does not read it."""
    source: str = ""
    provenance: dict[str, str] = {}
    """Parameter path (`inpatient.ratio.3`) to where the number comes from."""

    def provenance_of(self, path: str) -> str:
        """Where one number comes from: the longest recorded path that covers it."""
        while path:
            found = self.provenance.get(path)
            if found is not None:
                return found
            path = path.rpartition("." if "@" not in path else "@")[0]
        return self.source

    def is_illustrative(self, path: str) -> bool:
        """Whether a number is made up for training."""
        return self.provenance_of(path).startswith(ILLUSTRATIVE)


class NoFiling(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An agreement under which visits need no filing; prefixes are those of provinces."""

    name: str
    insured: tuple[str, ...]
    treatment: tuple[str, ...]
    med_type: tuple[str, ...]
    source: str = ""
    provenance: str = ""


def in_pooling_area(insured: str, treatment: str) -> bool:
    """Whether the treatment region lies in the insured region's pooling area.

    The area is the region's own code; a code ending in 0000 pools the whole province prefix.
    """
    return insured == treatment or (insured[2:] == "0000" and insured[:2] == treatment[:2])


class PolicyBook:
    """Every policy and agreement in use; built once, then only read."""

    def __init__(
        self,
        policies: Iterable[Policy],
        no_filing: Iterable[NoFiling] = (),
        filing_cut_default: FilingCut = NATIONAL_CUT,
        filing_cut_source: str = "S18: national ceilings",
    ) -> None:
        self.policies = tuple(
            sorted(policies, key=lambda one: (one.region, one.insutype, one.valid_from))
        )
        self.no_filing = tuple(no_filing)
        self.filing_cut_default = filing_cut_default
        self.filing_cut_source = filing_cut_source
        self._versions: dict[str, tuple[Policy, ...]] = {}
        for policy in self.policies:
            key = policy.region + policy.insutype
            self._versions[key] = (*self._versions.get(key, ()), policy)
        self._exempt = _expand(self.no_filing)

    def find(self, region: str, insutype: str, day: str) -> Policy | None:
        """The policy in force on an ISO date, or None."""
        for policy in self._versions.get(region + insutype, ()):
            if policy.valid_from <= day and (policy.valid_to is None or day <= policy.valid_to):
                return policy
        return None

    def agreement(self, insured: str, treatment: str, med_type: str) -> NoFiling | None:
        """The agreement that frees this pair and visit from filing, or None."""
        return self._exempt.get(insured[:2] + treatment[:2] + med_type)

    def needs_filing(self, insured: str, treatment: str, med_type: str) -> bool:
        """Whether a claim with no filing would be refused."""
        return (
            not in_pooling_area(insured, treatment)
            and self.agreement(insured, treatment, med_type) is None
        )

    def cut_of(self, policy: Policy) -> FilingCut:
        """The region's own cut, or the default."""
        return policy.filing_cut or self.filing_cut_default

    def regions(self) -> tuple[str, ...]:
        """Insured regions that have a policy, in code order."""
        return tuple(dict.fromkeys(policy.region for policy in self.policies))


def _expand(agreements: tuple[NoFiling, ...]) -> dict[str, NoFiling]:
    """One entry per insured prefix, treatment prefix and visit; the first agreement wins."""
    exempt: dict[str, NoFiling] = {}
    for agreement in agreements:
        for insured in agreement.insured:
            for treatment in agreement.treatment:
                for med_type in agreement.med_type:
                    exempt.setdefault(insured + treatment + med_type, agreement)
    return exempt
