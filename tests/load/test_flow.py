from __future__ import annotations

import pytest

from yidi.nodes.lifecycle import SETTLED
from yidi.scenarios.load import flow
from yidi.scenarios.load.measure import check_results, measure_flow


@pytest.mark.parametrize(("settlements", "in_flight"), [(1, 1), (12, 5), (5, 50)])
def test_every_visit_is_settled_over_the_counted_envelopes(settlements, in_flight):
    """16 envelopes between the nodes and 8 at the counter for each, whatever is in flight."""
    result = flow.run_flow(settlements, in_flight)

    assert (flow.ENVELOPES + flow.EDGE_ENVELOPES) * settlements == result.envelopes
    assert result.journal_bytes > 8_000 * settlements


def test_the_same_seed_writes_the_same_journal():
    """Seed and count decide every byte; another seed has other latencies, so another hash."""
    first, again, other = (flow.run_flow(6, 3, seed=seed).journal_hash for seed in (1, 1, 2))

    assert first == again != other


def test_a_visit_that_is_not_settled_voids_the_round(monkeypatch):
    """A refusal is no throughput: the round fails instead of looking fast."""
    requests_of = flow._requests_of

    def without_fees(index, lines, total):
        visit = requests_of(index, lines, total)
        return [visit[0], visit[3]] if index == 2 else visit

    monkeypatch.setattr(flow, "_requests_of", without_fees)
    with pytest.raises(AssertionError, match="1 refusals"):
        flow.run_flow(4, 2)


def test_a_check_that_fails_voids_the_round(monkeypatch):
    """A round in which a per-event check found something is refused."""
    book = flow.EventChecks._check_split

    def doctored(self, watch, case):
        case.cash_fen += 1
        book(self, watch, case)
        case.cash_fen -= 1

    monkeypatch.setattr(flow.EventChecks, "_check_split", doctored)
    with pytest.raises(AssertionError, match="INV-01"):
        flow.run_flow(2, 1)


def test_what_is_settled_is_settled_at_three_nodes():
    """The validity gate looks at every node's own books."""
    nodes = flow.build(1)
    with pytest.raises(AssertionError, match="0 of 1 settled"):
        flow._assert_settled(nodes, flow.Visits([], 1), 1)
    assert SETTLED == "SETTLED"


def test_rounds_that_differ_are_no_measurement():
    """Two rounds with different journals cannot both be the flow."""
    rounds = [flow.run_flow(1, 1, seed=seed) for seed in (1, 2)]
    with pytest.raises(AssertionError, match="journals differ"):
        check_results(rounds)


def test_a_report_names_what_it_measured():
    """Counts and names of a tiny measurement; no time is asserted."""
    report = measure_flow(rounds=2, settlements=3, in_flight=2, seed=7)

    assert (2, 3, 2, 7) == (report.rounds, report.settlements, report.in_flight, report.seed)
    assert (16, 8) == (report.envelopes_per_settlement, report.edge_envelopes)
    assert 0 < report.ratio.least <= report.ratio_to_codec_floor <= report.ratio.most
    assert 64 == len(report.journal_hash)
