"""Policy files: benefit parameters as TOML, loaded into the `PolicyBook` that nodes use.

The files of yidi stand in `policies/`, one per province. A user's own file is laid over them:
it replaces every version of the (region, insurance type) it names, agreements by name, and the
default cut. Errors name file, line and key. What is allowed but strange, such as a cut beyond
the national ceilings, is a warning (`policy_checks.policy_warnings`), for people to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from os import PathLike, fspath

from yidi.nodes import policy as terms
from yidi.nodes.policy import NATIONAL_CUT, FilingCut, NoFiling, Policy, PolicyBook
from yidi.protocol.errors import ErrorCode
from yidi.scenarios.library.policy_checks import check_entry, overlap
from yidi.scenarios.library.policy_schema import (
    CappedEntry,
    CutEntry,
    InpatientEntry,
    Level,
    PolicyEntry,
    PolicyFile,
    SeriousEntry,
    YearlyEntry,
)
from yidi.scenarios.library.toml_lines import Document, decode, parse_toml, read_text

SCHEMA = 1


class _Loaded:
    """What was read so far; later files are laid over earlier ones."""

    def __init__(self) -> None:
        self.policies: dict[tuple[str, str], list[Policy]] = {}
        self.no_filing: dict[str, NoFiling] = {}
        self.cut = NATIONAL_CUT
        self.cut_source = "S18: national ceilings"

    def lay_over(self, parts: Iterable[tuple[Document, PolicyFile]]) -> None:
        """Add files that belong together: none of them may repeat another."""
        policies: dict[tuple[str, str], list[Policy]] = {}
        for document, file in parts:
            for index, entry in enumerate(file.policy):
                check_entry(document, entry, index)
                here = ("policy", index, "valid_from")
                one = _policy(entry)
                versions = policies.setdefault((one.region, one.insutype), [])
                if any(overlap(one, other) for other in versions):
                    want = "dates that no other version of this policy covers"
                    raise document.error(ErrorCode.E_RANGE, here, want=want, got=one.valid_from)
                versions.append(one)
            for agreement in file.no_filing:
                self.no_filing[agreement.name] = NoFiling(
                    **{name: getattr(agreement, name) for name in agreement.__struct_fields__}
                )
            if file.filing_cut_default is not None:
                self.cut = _cut(file.filing_cut_default)
                self.cut_source = file.filing_cut_default.source
        self.policies |= policies

    def book(self) -> PolicyBook:
        """The book of everything loaded."""
        every = [one for versions in self.policies.values() for one in versions]
        return PolicyBook(every, self.no_filing.values(), self.cut, self.cut_source)


def load_policies(paths: Sequence[str | PathLike[str]] | None = None) -> PolicyBook:
    """The built-in policies, with the given files laid over them.

    Raises:
        ScenarioError: a file is unreadable or wrong; `at` is `file:line:key`.
    """
    if not paths:
        return _built_in()
    loaded = _built_in_parts()
    loaded.lay_over(_read(read_text(fspath(path)), fspath(path)) for path in paths)
    return loaded.book()


def load_policies_text(text: str, path: str) -> PolicyBook:
    """The policies of one text and no others; a bundle's `policies.toml` is read so.

    Raises:
        ScenarioError: the text is wrong.
    """
    loaded = _Loaded()
    loaded.lay_over([_read(text, path)])
    return loaded.book()


@cache
def _built_in() -> PolicyBook:
    return _built_in_parts().book()


def _built_in_parts() -> _Loaded:
    folder = files("yidi.scenarios.library") / "policies"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    loaded = _Loaded()
    loaded.lay_over(_read((folder / name).read_text(encoding="utf-8"), name) for name in names)
    return loaded


def _read(text: str, path: str) -> tuple[Document, PolicyFile]:
    document = parse_toml(text, path)
    if document.data.get("schema", SCHEMA) != SCHEMA:
        got = document.data["schema"]
        want = f"schema = {SCHEMA}"
        raise document.error(ErrorCode.E_SCENARIO_VERSION, ("schema",), want=want, got=got)
    return document, decode(document, PolicyFile)


# --- From the file's types to those of the nodes ---------------------------------------------


def _policy(entry: PolicyEntry) -> Policy:
    return Policy(
        region=entry.region,
        name=entry.name,
        insutype=entry.insutype,
        valid_from=entry.valid_from,
        valid_to=entry.valid_to,
        source=entry.source,
        inpatient=_inpatient(entry.inpatient),
        outpatient=_yearly(entry.outpatient),
        chronic=_yearly(entry.chronic),
        large=_large(entry.large),
        serious_illness=_serious(entry.serious_illness),
        assistance={
            category: terms.Assistance(ratio_bp=rule.ratio, cap_fen=rule.cap)
            for category, rule in entry.assistance.items()
        },
        filing_cut=None if entry.filing_cut is None else _cut(entry.filing_cut),
        referral_list=entry.referral_list,
        provenance=dict(entry.provenance),
    )


def _table(entry: Mapping[Level, int]) -> dict[str, int]:
    return dict(entry.items())


def _inpatient(entry: InpatientEntry | None) -> terms.InpatientTerms | None:
    if entry is None:
        return None
    percent = entry.deductible_percent
    return terms.InpatientTerms(
        deductible=_table(entry.deductible),
        ratio=_table(entry.ratio),
        annual_cap_fen=entry.annual_cap,
        deductible_out=None if entry.deductible_out is None else _table(entry.deductible_out),
        deductible_percent=None
        if percent is None
        else terms.DeductiblePercent(
            ratio_bp=percent.bp, floor_fen=percent.floor, ceiling_fen=percent.ceiling
        ),
        deductible_step_fen=entry.deductible_step,
        deductible_floor_fen=entry.deductible_floor,
        retired_bonus_bp=entry.retired_bonus,
    )


def _yearly(entry: YearlyEntry | None) -> terms.YearlyTerms | None:
    if entry is None:
        return None
    return terms.YearlyTerms(
        deductible_fen=entry.deductible,
        ratio=_table(entry.ratio),
        annual_cap_fen=entry.annual_cap,
        retired_bonus_bp=entry.retired_bonus,
    )


def _large(entry: CappedEntry | None) -> terms.LargeAmount | None:
    return None if entry is None else terms.LargeAmount(ratio_bp=entry.ratio, cap_fen=entry.cap)


def _serious(entry: SeriousEntry | None) -> terms.SeriousIllness | None:
    if entry is None:
        return None
    return terms.SeriousIllness(
        threshold_fen=entry.threshold,
        tiers=tuple(terms.Tier(upper_fen=one.upper, ratio_bp=one.ratio) for one in entry.tiers),
        cap_fen=entry.cap,
        oop_excludes_deductible=entry.oop_excludes_deductible,
    )


def _cut(entry: CutEntry) -> FilingCut:
    return FilingCut(
        mode=entry.mode,
        referral=entry.referral,
        emergency=entry.emergency,
        other_temporary=entry.other_temporary,
    )
