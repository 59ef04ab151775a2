"""Monthly clearing: what is cleared, once, in which batch, and what follows."""

from __future__ import annotations

from tests.nodes.agency_harness import Net, make_case, plan


def test_a_month_is_cleared_and_paid():
    """A settled, reconciled month ends CLEARED at three nodes, PAID, with level banks."""
    net = Net(plan())
    for number in range(5):
        net.settle(make_case(number))
    net.close_until("2026-06-05")
    batches = list(net.hub.state.clearing.batches.values())

    assert ["PAID"] == [batch.state for batch in batches]
    assert sum(1_000 + n for n in range(5)) == batches[0].payable_fen
    for _, node in net.nodes_of(make_case(0)):
        assert {"CLEARED"} == {case.state for case in node.cases.values()}
    banks = [net.nodes[f"province:{p}"].ledger.balance("bank") for p in ("310000", "340000")]
    assert sum(banks) == 0
    assert net.hub.clearing.is_finished
