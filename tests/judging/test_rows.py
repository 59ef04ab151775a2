"""The rows of a bundle keep the rules of design 5, read with the standard library only."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from tests.judging.runs import FEW, STORM, TINY, bundle_in
from yidi.scenarios.judging.rows import Totals

MONEY = ("total_fen", "fund_fen", "account_fen", "cash_fen", "hospital_fen")


def rows_of(folder, name):
    """The rows of a file, each a plain dict; a column that stands twice is an error."""

    def once(pairs):
        assert len(pairs) == len(dict(pairs))
        return dict(pairs)

    lines = (folder / name).read_text("utf-8").splitlines()
    return [json.loads(line, object_pairs_hook=once) for line in lines]


@pytest.fixture(scope="module", params=[(STORM, FEW), (TINY, ())], ids=["storm", "tiny"])
def folder(request, tmp_path_factory):
    """A bundle nobody changes."""
    return bundle_in(tmp_path_factory.mktemp("rows"), *request.param)


def cases_by_key(folder):
    """Key → its rows."""
    found = defaultdict(list)
    for row in rows_of(folder, "cases.jsonl"):
        found[row["key"]].append(row)
    return found


def test_one_row_per_key_and_node_that_took_part(folder):
    """The treatment region, at most one hub, and the insured region."""
    for key, rows in cases_by_key(folder).items():
        roles = [row["node"].partition(":")[0] for row in rows]
        named = {f"treatment:{row['treatment']}" for row in rows}
        named |= {f"insured:{row['insured']}" for row in rows}

        assert roles == [role for role in ("treatment", "hub", "insured") if role in roles], key
        assert {row["node"] for row in rows if "hub" not in row["node"]} <= named


def test_a_case_has_one_accounting_day_everywhere(folder):
    """INV-28: who learns of a settlement only by its reversal learns its day, too."""
    by_key = cases_by_key(folder)

    assert {1} == {len({row["day"] for row in rows}) for rows in by_key.values()}


def test_money_of_a_row_is_whole_and_adds_up(folder):
    """Integers from 0, the parts make the total, the funds make the fund; none where refused."""
    for row in rows_of(folder, "cases.jsonl"):
        assert all(type(row[name]) is int and row[name] >= 0 for name in MONEY)
        assert row["total_fen"] == sum(row[name] for name in MONEY[1:])
        assert row["fund_fen"] == sum(row["funds"].values())
        assert row["state"] not in ("NEW", "PRESETTLED", "REJECTED") or not row["total_fen"]


def test_only_what_is_cleared_has_a_batch(folder):
    """Period and batch are null before clearing, and those of a clearing row after."""
    closed = {(row["period"], row["batch"]) for row in rows_of(folder, "clearing.jsonl")}
    for row in rows_of(folder, "cases.jsonl"):
        expected = closed if row["state"] == "CLEARED" else {(None, None)}

        assert (row["period"], row["batch"]) in expected


def test_a_posting_names_each_account_once_and_sums_to_zero(folder):
    """INV-02, and whoever reads the legs into a map loses nothing."""
    for row in rows_of(folder, "postings.jsonl"):
        assert 0 == sum(fen for _, fen in row["legs"])
        assert len(row["legs"]) == len(dict(row["legs"]))


def test_in_province_batches_are_cleared_without_notice(folder):
    """Payer is payee: CONFIRMED, and nobody is sent a notice; else the notices say the sum."""
    told = defaultdict(set)
    for row in rows_of(folder, "notices.jsonl"):
        told[row["batch"]].add(row["amount_fen"])
    for row in rows_of(folder, "clearing.jsonl"):
        at_home = row["payer"] == row["payee"]
        expected = {row["payable_fen"]} if not at_home and row["payable_fen"] else set()

        assert expected == told[row["batch"]]
        assert not at_home or row["state"] == "CONFIRMED"


def test_totals_of_nothing_are_zeros():
    """A run in which nothing settled says 0 of every column, not nothing."""
    assert dict.fromkeys(MONEY, 0) == Totals().money
