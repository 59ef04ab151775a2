from __future__ import annotations

import pytest

from tests.judging.runs import FEW, STORM, some_case
from yidi.scenarios.judging.audit_run import audit_journal, audit_substance
from yidi.scenarios.judging.journal_file import open_journal
from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.judging.outputs import open_folder
from yidi.scenarios.judging.refold import Refold, fold_within
from yidi.scenarios.judging.verdicts import TallyBook
from yidi.scenarios.library.loader import load
from yidi.scenarios.running.build import nodes_of_world


@pytest.fixture
def run(tmp_path):
    """A run that was written, to be spoiled."""
    return judged_run(load(STORM, FEW), open_folder(tmp_path / "run"))


def failed(run):
    """What auditing the journal finds now."""
    book = TallyBook()
    audit_journal(run.result, run.folder / "journal.bin", book)
    return {row.id for row in book.results() if row.verdict == "fail"}, book


def test_an_honest_journal_folds_to_the_states(run):
    """Every node's memory is the fold of its inputs, and every answer computes again."""
    found, book = failed(run)
    assert found == set()
    assert min(book[name].count for name in ("INV-16", "INV-34", "INV-39")) > 5


def test_inv_34_finds_a_state_that_no_input_caused(run):
    """INV-34: a counter that no input raised."""
    run.result.nodes["treatment:310000"].state.minted_cases += 1
    assert {"INV-34", "INV-39"} <= failed(run)[0]


def test_inv_16_finds_an_answer_that_does_not_compute(run):
    """INV-16: an insured region's saved answer is not what its inputs give."""
    some_case(run.result, "insured").answer += b"x"
    assert "INV-16" in failed(run)[0]


def test_inv_39_finds_another_hash(run):
    """INV-39: the journal on the disk is not the one that was written."""
    run.result.journal_hash = "0" * 64
    assert failed(run)[0] == {"INV-39"}


def test_inv_34_finds_a_journal_that_cannot_be_read(run):
    """INV-34: a damaged journal folds to nothing."""
    (run.folder / "journal.bin").write_bytes(b"YIDJ")
    assert "INV-34" in failed(run)[0]


def test_a_small_budget_folds_few_nodes_whole(run):
    """Within a budget the smallest nodes are folded, each with all of its inputs."""
    result = run.result
    fresh = nodes_of_world(result.world, result.book)
    folded, applied = fold_within(fresh, open_journal(run.folder / "journal.bin"), 400)
    assert 0 < len(folded) < len(fresh)
    assert applied <= 400
    for address in folded:
        assert fresh[address].snapshot() == result.nodes[address].snapshot()


def test_a_full_fold_gives_the_recorded_outputs(run):
    """Block by block the outputs are those recorded; with one node spoiled they are not."""
    result = run.result
    for spoiled in (False, True):
        nodes = nodes_of_world(result.world, result.book)
        if spoiled:
            nodes["hub:100000"].state.relayed += 1
        reader = open_journal(run.folder / "journal.bin")
        assert bool(list(Refold(nodes, reader.opening.nodes).blocks(reader))) == spoiled


@pytest.mark.parametrize(
    ("check", "enough"), [("INV-36", False), ("INV-01", True), ("STEP-a", True)]
)
def test_inv_42_wants_more_than_upkeep(check, enough):
    """INV-42: messages and accounts are there without any case; a case or a step is something."""
    book = TallyBook()
    book[check].count = 5
    audit_substance(book)

    assert ("pass" if enough else "fail") == book["INV-42"].verdict
