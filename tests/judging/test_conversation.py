"""A conversation put in order: each request beside its answer, each case with its chain."""

from __future__ import annotations

from yidi.scenarios.judging.conversation import (
    Conversation,
    Message,
    missing_fields,
    unknown_fields,
)

CLAIM = {
    "fixmedins_code": "H31010100001", "mdtrt_id": "v", "chrg_bchno": "1", "psn_no": "p",
    "insutype": "310", "med_type": "11", "medfee_sumamt": "1.00",
    "begntime": "2026-03-02 09:00:00", "endtime": "2026-03-02 09:00:00",
}  # fmt: skip


def asked(name="m1", key="k", **fields):
    """A settlement request to the node."""
    return Message(at=0, to_node=True, transaction="2207", kind="request", message_id=name,
                   key=key, fields={**CLAIM, **fields})  # fmt: skip


def said(name="m1", key="k", kind="result", **fields):
    """What the node says to it."""
    return Message(at=1, to_node=False, transaction="2207", kind=kind, message_id=f"a-{name}",
                   correlation=name, key=key, fields=fields)  # fmt: skip


def test_an_answer_belongs_to_the_earliest_sending_without_one():
    """A request sent twice and answered twice is two exchanges."""
    one, two = said(setl_id="1"), said(setl_id="2")
    exchanges = Conversation([asked(), asked(), one, two]).exchanges()

    assert [one, two] == [exchange.answer for exchange in exchanges]


def test_a_sending_may_stay_without_an_answer():
    """And an answer to nothing belongs to nobody."""
    first, second = Conversation([asked(), said(), asked("m2"), said("m3")]).exchanges()

    assert first.accepted
    assert second.answer is None
    assert not second.accepted
    assert not second.refused


def test_what_the_node_asks_is_kept_apart():
    """A node that speaks first is answered by the network."""
    conversation = Conversation(
        [
            Message(at=0, to_node=False, transaction="1101", kind="request", message_id="q"),
            Message(at=1, to_node=True, transaction="1101", kind="rejection", correlation="q"),
        ]
    )

    assert [] == conversation.exchanges()
    assert conversation.asked()[0].refused


def test_a_chain_is_the_case():
    """All messages of the key, and no others."""
    conversation = Conversation([asked(), said(), asked("m2", "other"), said("m2", "other")])
    exchange = conversation.exchanges()[0]

    assert ["m1", ""] == [one.message_id[:2].replace("a-", "") for one in
                          conversation.chain(exchange)]  # fmt: skip


def test_fields_too_many_and_too_few_have_names():
    """By the transaction's own definition; what has a default is not missed."""
    del (few := asked()).fields["psn_no"]

    assert ["exp_note"] == unknown_fields(asked(exp_note="?"))
    assert ["psn_no"] == missing_fields(few)
    assert ([], []) == (unknown_fields(asked()), missing_fields(asked()))


def test_a_line_says_who_what_and_which():
    """In either language, with the transaction's name and number."""
    assert "→ 门诊结算 2207 请求 m1" in asked().line("zh")
    assert "← outpatient settlement 2207 answer m1" in said().line("en")
