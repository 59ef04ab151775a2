"""3201 and 3202: an institution's statements against the region's books."""

from __future__ import annotations

import pytest

from tests.nodes import visit_harness as h
from tests.nodes.test_institution_files import archive
from yidi.nodes.institution_files import unzipped
from yidi.nodes.statements import ROWS_MAX, read_rows
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.errors import RemoteProtocolError
from yidi.protocol.messages_institution import (
    DetailReconciliation,
    FileQuery,
    FileUpload,
    TotalsReconciliation,
)
from yidi.protocol.money import yuan

DAY = "2026-03-16"


def totals(answer: m.SettlementResult, **changes) -> TotalsReconciliation:
    """3201 of a day with one settlement."""
    given = {"insutype": "310", "clr_type": "11", "office": "310000", "begin": DAY, "end": DAY,
             "total_fen": answer.total_fen, "fund_fen": answer.fund_fen,
             "account_fen": answer.account_fen, "count": 1}  # fmt: skip
    return TotalsReconciliation(**{**given, **changes})


def line(answer: m.SettlementResult, **changes) -> str:
    """Its row in an institution's file."""
    given = {"setl": answer.settlement_id, "visit": "V1", "person": h.PERSON,
             "total": yuan(answer.total_fen), "fund": yuan(answer.fund_fen),
             "account": yuan(answer.account_fen), "flag": "0"}  # fmt: skip
    return "\t".join({**given, **changes}.values())


def details(net: h.Net, content: bytes, *, total: int, fund: int, count: int = 1, **changes):
    """What 3202 answers to a file."""
    sent = net.ask(t.FILE_UPLOAD, FileUpload(filename="mx.zip", content=content))
    given = {"office": "310000", "file_no": sent.file_no, "begin": DAY, "end": DAY,
             "total_fen": total, "fund_fen": fund, "cash_fen": 0, "count": count}  # fmt: skip
    return net.ask(t.DETAIL_RECONCILIATION, DetailReconciliation(**{**given, **changes}))


@pytest.mark.parametrize(
    ("changes", "result"),
    [
        ({}, "0"),
        ({"count": 0}, "1"),
        ({"count": 2}, "2"),
        ({"fund_fen": 1}, "3"),
        ({"insutype": "390"}, "2"),
        ({"clr_type": "21"}, "2"),
        ({"begin": "2026-03-01", "end": "2026-03-15"}, "2"),
    ],
)
def test_totals_say_who_has_more(changes, result):
    """0 level, 1 the region, 2 the institution, 3 amounts; by type, kind and span."""
    net = h.Net()
    answer = net.ask(t.TOTALS_RECONCILIATION, totals(h.settled(net), **changes))

    assert ("310000", result) == (answer.office, answer.result)


def test_a_refund_is_a_row_of_its_own_or_takes_its_settlement_out():
    """Two rows that come to nothing; with the flag 0 there is no row at all."""
    net = h.Net()
    answer = h.settled(net)
    net.ask(t.OUTPATIENT_CANCELLATION, h.cancellation(answer))
    nothing = {"total_fen": 0, "fund_fen": 0, "account_fen": 0}

    for refunds, count in ((True, 2), (False, 0)):
        body = totals(answer, **nothing, count=count, refunds=refunds)
        assert "0" == net.ask(t.TOTALS_RECONCILIATION, body).result


@pytest.mark.parametrize(
    ("changes", "code", "at"),
    [({"office": "340600"}, "E_NOT_MINE", "$.office"), ({"clr_type": "7"}, "E_CODE", "$.clr_type"),
     ({"begin": "2026-03-17"}, "E_DATE", "$.end")],
)  # fmt: skip
def test_a_statement_to_nobody_of_nothing_or_never_is_refused(changes, code, at):
    """Another agency, an unknown kind, a span that ends before it begins."""
    net = h.Net()
    answer = net.ask(t.TOTALS_RECONCILIATION, totals(h.settled(net), **changes))

    assert (code, at) == (answer.code, answer.at)


def test_details_say_it_row_by_row():
    """A level row, one the region alone has (a refund), one the institution alone has."""
    net = h.Net()
    answer = h.settled(net)
    msgid = next(iter(net.treatment.state.effect_ids))
    undone = net.ask(t.OUTPATIENT_CANCELLATION, h.cancellation(answer))
    plain = line(answer) + "\n" + line(answer, setl="S9", total="1.00", fund="0.50", account="0")
    fund = answer.fund_fen + 50
    result = details(net, archive(("mx.txt", plain.encode())), count=2, fund=fund,
                     total=answer.total_fen + 100)  # fmt: skip
    file = net.ask(t.FILE_DOWNLOAD, FileQuery(file_no=result.file_no, filename=result.filename))
    rows = [row.split("\t") for row in unzipped(file.content).decode().splitlines()]

    assert ["0", "1", "2"] == sorted(row[4] for row in rows)
    by_id = {row[2]: row for row in rows}
    assert [h.PERSON, "V1", answer.settlement_id, msgid, "0", "0"] == by_id[answer.settlement_id][
        :6
    ]
    assert f"-{yuan(answer.total_fen)}" == by_id[undone.settlement_id][7]
    assert ["2", "0", "医药机构多", "1.00"] == by_id["S9"][4:8]


def test_details_with_other_amounts_differ():
    """`stmt_rslt` 3, with the region's amounts."""
    net = h.Net()
    answer = h.settled(net)
    content = archive(("mx.txt", line(answer, fund="0.01").encode()))
    result = details(net, content, total=answer.total_fen, fund=1)
    file = net.ask(t.FILE_DOWNLOAD, FileQuery(file_no=result.file_no))
    (row,) = unzipped(file.content).decode().splitlines()

    assert ["3", yuan(answer.fund_fen)] == [row.split("\t")[n] for n in (4, 8)]


def test_a_file_that_does_not_add_up_or_is_none_is_refused():
    """E_ITEM_SUM against the call's own totals, E_DECODE, E_NOT_FOUND, E_DECOMPRESS_LIMIT."""
    net = h.Net()
    answer = h.settled(net)
    good = archive(("mx.txt", line(answer).encode()))
    fund, total = answer.fund_fen, answer.total_fen

    assert "E_ITEM_SUM" == details(net, good, total=1, fund=fund).code
    assert "E_DECODE" == details(net, b"none", total=total, fund=fund).code
    assert "E_NOT_FOUND" == details(net, good, total=total, fund=fund, file_no="X").code
    bomb = archive(("mx.txt", b"\n" * 2_000_000))
    assert "E_DECOMPRESS_LIMIT" == details(net, bomb, total=total, fund=fund).code


@pytest.mark.parametrize(
    ("plain", "code"),
    [(b"a\tb", "E_DECODE"), (b"\xff", "E_DECODE"), (b"s\tv\tp\t1\t1\t1\t7", "E_DECODE"),
     (b"s\tv\tp\t1.234\t1\t1\t0", "E_AMOUNT"), (b"\n" * (ROWS_MAX + 1), "E_TOO_MANY_ITEMS")],
)  # fmt: skip
def test_rows_are_read_strictly(plain, code):
    """Seven columns, UTF-8, amounts to the fen, so many rows and no more."""
    with pytest.raises(RemoteProtocolError) as caught:
        read_rows(plain)

    assert code == caught.value.code
