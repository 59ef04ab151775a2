"""What the page shows, as data: cases, their messages in both languages, their money.

The scripted cases come first, then one sample of each flow, found by its pair of regions and
kind of visit; a case in which a check failed comes before all. The chains are read in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from yidi.nodes.policy import ILLUSTRATIVE, VISIT_KINDS
from yidi.protocol.codes import labelled
from yidi.protocol.errors import YidiError
from yidi.protocol.instants import iso_text
from yidi.protocol.regions import label, province_of
from yidi.scenarios.judging.chain import Chain, Hop, Mark, read_chains
from yidi.scenarios.judging.chain_find import read_visits, selection_of
from yidi.scenarios.judging.chain_fold import POLICIES, WORLD
from yidi.scenarios.judging.chain_match import Selection
from yidi.scenarios.judging.explain import Narrator
from yidi.scenarios.judging.page_money import Snapshot, snapshots_along
from yidi.scenarios.judging.party_names import PartyNames, read_names, state_name
from yidi.scenarios.judging.rows import CaseRow
from yidi.scenarios.judging.scripted_cases import scripted_cases
from yidi.scenarios.judging.tour import steps_along
from yidi.scenarios.library.policy_file import load_policies_text
from yidi.scenarios.library.schema import Scenario
from yidi.scenarios.running.world import read_world

CASES_MAX = 40
"""Cases on one page; a classroom does not page through more."""
CANDIDATES_MAX = 40
"""Visits looked at for the sample of one flow."""
HOPS_MAX = 400
"""Messages of one case on the page; a storm of duplicates is cut, and says so."""
_LANGUAGES = ("zh", "en")


def chosen_cases(bundle: Path, scenario: Scenario | None, failed: Iterable[str]) -> list[Selection]:
    """The cases to show: failed ones, scripted ones, one sample per flow.

    A scripted case that has no row is told by its messages alone.
    """
    visits = _candidates(bundle, frozenset(failed))
    wrong = frozenset(failed)
    first = [rows for rows in visits if any(row.key in wrong for row in rows)]
    scripted = [rows for rows in visits if rows[0].case_id]
    samples = list(_samples(scenario, visits))
    rowless = scripted_cases(scenario)
    for rows in scripted:
        rowless.pop(rows[0].case_id or "", None)
    if not scripted and not samples and not rowless:
        samples = visits
    chosen: dict[tuple[str, str], Selection] = {}
    for one in [*map(_selected, [*first, *scripted]), *rowless.values(), *map(_selected, samples)]:
        chosen.setdefault((one.institution, one.visit or one.name), one)
    return list(chosen.values())[:CASES_MAX]


def _selected(rows: list[CaseRow]) -> Selection:
    return selection_of(rows, rows[0].case_id or rows[0].visit or rows[0].key)


def _candidates(bundle: Path, wrong: frozenset[str]) -> list[list[CaseRow]]:
    """The rows of visits that may be shown: of each pair and kind of visit, the first ones."""
    visits: dict[tuple[str, str], list[CaseRow]] = {}
    counts: dict[tuple[str, str, str], int] = {}
    for row in read_visits(bundle):
        place = (row.institution, row.visit or row.key)
        if place not in visits:
            bucket = (row.insured, row.treatment, _kind(row.med_type))
            counts[bucket] = counts.get(bucket, 0) + 1
            told = row.case_id or row.key in wrong
            if counts[bucket] > CANDIDATES_MAX and not told:
                continue
        visits.setdefault(place, []).append(row)
    return list(visits.values())


def _samples(scenario: Scenario | None, visits: list[list[CaseRow]]) -> Iterator[list[CaseRow]]:
    """For each flow the first visit that settled, with account money where there is one."""
    for flow in scenario.flow if scenario is not None else ():
        mine = [
            rows
            for rows in visits
            if not rows[0].case_id
            and (rows[0].insured, rows[0].treatment) == (flow.from_, flow.to)
            and _kind(rows[0].med_type) == flow.visit
        ]
        good = [rows for rows in mine if any(row.fund_fen for row in rows)]
        rich = [rows for rows in good if any(row.account_fen for row in rows)]
        found = rich or good or mine
        if found:
            yield found[0]


def _kind(med_type: str) -> str:
    if med_type == "41":
        return "pharmacy"
    return VISIT_KINDS.get(med_type, "outpatient")


def page_cases(bundle: Path, scenario: Scenario | None, failed: Iterable[str]) -> list[Any]:
    """The cases as the page's script reads them.

    Raises:
        StoredDataError: the bundle cannot be read.
    """
    wrong = frozenset(failed)
    selections = chosen_cases(bundle, scenario, wrong)
    names, marked = read_names(bundle), _made_up(bundle)
    return [
        _case(chain, names, wrong) | {"made_up": any(marked(row) for row in chain.rows)}
        for chain in read_chains(bundle, selections)
        if chain.hops
    ]


def _made_up(bundle: Path) -> Callable[[CaseRow], bool]:
    """Tells whether a row's benefit was computed with parameters that are made up."""
    try:
        book = load_policies_text((bundle / POLICIES).read_text("utf-8"), POLICIES)
        with (bundle / WORLD).open("rb") as lines:
            regions = {one.code: one.policy_region for one in read_world(lines).regions}
    except (OSError, YidiError):
        return lambda _: False

    def is_made_up(row: CaseRow) -> bool:
        region = regions.get(row.insured, row.insured)
        policy = book.find(region, row.insutype, row.day or "9999-12-31")
        return policy is not None and any(
            source.startswith(ILLUSTRATIVE)
            for source in (policy.source, *policy.provenance.values())
        )

    return is_made_up


def _case(chain: Chain, names: PartyNames, wrong: frozenset[str]) -> dict[str, Any]:
    chosen, row = chain.selection, chain.rows[-1] if chain.rows else None
    narrators = [Narrator(chain, names, language) for language in _LANGUAGES]
    shots: list[Snapshot] = []
    steps = steps_along(chain)
    said = []
    for index, snapshot in enumerate(snapshots_along(chain)):
        if not shots or shots[-1] != snapshot:
            shots.append(snapshot)
        if index < HOPS_MAX:
            step = _step(chain.hops[index], narrators, index, chosen)
            said.append(step | {"step": steps[index], "money": len(shots) - 1})
    return {
        "id": chosen.case_id or chosen.name,
        "name": [_case_name(chosen, row, names, language) for language in _LANGUAGES],
        "state": row.state if row is not None else "",
        "failed": any(key in wrong for key in chosen.keys),
        "cut": max(0, len(chain.hops) - HOPS_MAX),
        "lanes": _lanes(chosen, names),
        "steps": said,
        "money": [msgspec.to_builtins(shot) for shot in shots],
    }


def _case_name(chosen: Selection, row: CaseRow | None, names: PartyNames, language: str) -> str:
    person = names.person(chosen.person_no, language)
    home = label(chosen.insured, language) if chosen.insured else "?"
    place = label(chosen.treatment, language) if chosen.treatment else "?"
    visit = labelled("med_type", row.med_type, language) if row is not None and row.med_type else ""
    state = state_name(row.state, language) if row is not None else ""
    parts = [chosen.case_id, person, f"{home} → {place}", visit, state]
    return " · ".join(part for part in parts if part)


def _lanes(chosen: Selection, names: PartyNames) -> list[dict[str, list[str]]]:
    """Head and foot of the four lanes, from the counter to the insured region."""
    institution = names.institution(chosen.institution, "zh")
    english = names.institution(chosen.institution, "en")
    persons = [names.person(chosen.person_no, language) for language in _LANGUAGES]
    hub = chosen.hub or "hub:100000"
    ends = (f"treatment:{chosen.treatment}", hub, f"insured:{chosen.insured}")
    heads = [["患者与窗口", "Patient and counter"], ["就医地", "Treatment region"],
             ["平台", "Hub"], ["参保地", "Insured region"]]  # fmt: skip
    feet = [
        [f"{persons[0]} · {institution}", f"{persons[1]} · {english}"],
        *[[names.party(end, language) for language in _LANGUAGES] for end in ends],
    ]
    feet[1], feet[3] = (
        [label(code, language) if code else "?" for language in _LANGUAGES]
        for code in (chosen.treatment, chosen.insured)
    )
    return [{"head": head, "foot": foot} for head, foot in zip(heads, feet, strict=True)]


def _step(hop: Hop, narrators: list[Narrator], index: int, chosen: Selection) -> dict[str, Any]:
    told = [narrator.explain(index) for narrator in narrators]
    said = {
        name: [getattr(one, name) for one in told]
        for name in ("title", "sender", "recipient", "what", "why", "money", "next", "mark")
    }
    return {
        "at": iso_text(hop.at)[:23].replace("T", " "),
        "from": _lane(hop.sender, chosen),
        "to": _lane(hop.recipient, chosen),
        "kind": ("request", "result", "rejection")[hop.kind] if hop.origin else "deadline",
        "lost": hop.mark is Mark.LOST,
        "again": hop.mark not in (Mark.FIRST, Mark.LOST),
        "id": hop.origin.message_id if hop.origin is not None else "",
        "says": said,
        "states": narrators[0].states[index],
    }


def _lane(address: str, chosen: Selection) -> int:
    """The lane of a party; provinces stand in the lanes of their regions."""
    role, _, code = address.partition(":")
    if role == "province":
        return 3 if code == province_of(chosen.insured) else 1
    return {"treatment": 1, "hub": 2, "insured": 3}.get(role, 0)
