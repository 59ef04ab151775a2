from __future__ import annotations

import pytest

from yidi.scenarios.load.flow import Parts, run_flow
from yidi.scenarios.load.layers import STEPS, measure_layers, run_nodes


def test_the_layers_sum_to_the_whole():
    """Each layer is what it adds, so together they are the flow."""
    report = measure_layers(rounds=1, settlements=3, in_flight=2)

    assert list(STEPS) == [layer.name for layer in report.layers]
    assert report.ratio_to_codec_floor == pytest.approx(
        sum(x.in_floors for x in report.layers), abs=0.1
    )
    assert report.relay_ratio > 0
    assert report.signing_microseconds is not None


def test_a_part_that_is_left_out_changes_nothing_else():
    """Without checks the journal is the same; without a journal the visits are settled too."""
    whole, unwatched, bare = (
        run_flow(4, 2, parts=parts)
        for parts in (Parts(), Parts(checks=False), Parts(journal=False, checks=False))
    )

    assert whole.journal_hash == unwatched.journal_hash != bare.journal_hash
    assert whole.envelopes == unwatched.envelopes == bare.envelopes


def test_a_signed_flow_settles_the_same():
    """Signed or not, the same envelopes are delivered; what the journal holds is longer."""
    plain, signed = run_flow(4, 2), run_flow(4, 2, parts=Parts(signatures=True))

    assert plain.envelopes == signed.envelopes
    assert plain.journal_hash != signed.journal_hash


def test_nodes_settle_without_a_network():
    """Driven by hand, every exchange of a visit comes back to the hospital."""
    assert run_nodes(2) > 0
