"""Each message in plain words, in two languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.judging.harness import CASE_ID, Stage
from yidi.nodes.lifecycle import TRANSITIONS, CaseState
from yidi.protocol import transactions as t
from yidi.protocol.error_codes import ERRORS, ErrorCode
from yidi.protocol.messages import Rejection
from yidi.protocol.transactions import TRANSACTIONS, Kind
from yidi.scenarios.judging.chain import read_chain
from yidi.scenarios.judging.explain import (
    Narrator,
    advice,
    explain_code,
    is_sure,
    words,
    words_for,
)
from yidi.scenarios.judging.explain_facts import NONE
from yidi.scenarios.judging.explain_states import states_along
from yidi.scenarios.judging.party_names import read_names

CHINESE = re.compile(r"[\u4e00-\u9fff]")
BARE_CODE = re.compile(r"(?<![\w.:])(?:310000|340600|340000|2207|2206|2204|1101)(?![\w.])")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A visit with a filing, a lost answer, resends, a time-out and a query."""
    stage = Stage()
    stage.file()
    stage.lost.add((t.OUTPATIENT_SETTLEMENT, 1, "treatment:310000"))
    stage.visit()
    stage.wait(120)
    return stage.write(tmp_path_factory.mktemp("told"))


def _narrator(bundle: Path, language: str) -> Narrator:
    return Narrator(read_chain(bundle, CASE_ID), read_names(bundle), language)


@pytest.mark.parametrize("row", TRANSACTIONS, ids=lambda row: row.code)
def test_every_message_has_words_in_both_languages(row: t.Transaction):
    """Request, result and refusal of every transaction are told, and why, and relayed too."""
    for kind in Kind:
        for relayed in (False, True):
            entry = words_for(row.code, kind, "treatment", relayed=relayed)
            for zh, en in (entry.what, entry.why):
                assert CHINESE.search(zh)
                assert en
                assert not CHINESE.search(en)


def test_every_entry_names_the_same_facts_in_both_languages():
    """What one language says of a message the other says too: the same placeholders."""
    for name, entry in words().items():
        for pair in (entry.what, entry.why, entry.money, entry.next):
            if pair is not None:
                zh, en = (set(re.findall(r"{(\w+)}", text)) for text in pair)
                # A place may be named by its role in one language and by name in the other.
                assert zh - en <= {"speaker", "carrier", "asker"}, name
                assert en - zh <= {"speaker", "carrier", "asker", "asked"}, name


@pytest.mark.parametrize("row", ERRORS, ids=lambda row: row.code)
def test_every_error_code_is_explained(row):
    """Sentence, whether it is definite, and what to do, in both languages."""
    for language in ("zh", "en"):
        told = explain_code(row.code, language)
        assert row.code in told
        assert advice(row.code, language) in told
        sure = {"zh": ("确定没有生效", "结果未知"), "en": ("certainly not", "outcome unknown")}
        assert sure[language][0 if row.definite else 1] in told


def test_a_timeout_is_never_told_as_a_failure():
    """`E_TIMEOUT` is indefinite: its refusal says unknown and to query, not to try anew."""
    assert not is_sure(Rejection(code="E_TIMEOUT"))
    assert is_sure(Rejection(code="E_NO_FILING"))
    assert not is_sure(Rejection(code="NEVER_HEARD_OF"))
    assert "5203" in advice(ErrorCode.E_TIMEOUT, "en")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_sentence_has_a_hole(bundle: Path, language: str):
    """Every placeholder that a message uses is filled, and nothing is left to format."""
    narrator = _narrator(bundle, language)
    for index in range(len(narrator.chain.hops)):
        told = narrator.explain(index)
        for text in (told.what, told.why, told.money, told.next, told.title):
            assert text
            assert NONE not in text, text
            assert "{" not in text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_code_stands_alone(bundle: Path, language: str):
    """A transaction number or region code has its name before it."""
    narrator = _narrator(bundle, language)
    for index in range(len(narrator.chain.hops)):
        told = narrator.explain(index)
        for text in (told.title, told.sender, told.recipient, told.what):
            for found in BARE_CODE.finditer(text):
                assert text[: found.start()].strip(), text


def test_a_pre_settlement_moves_no_money(bundle: Path):
    """Whoever speaks in a pre-settlement, the money line says that nothing has moved."""
    narrator = _narrator(bundle, "en")
    for index, hop in enumerate(narrator.chain.hops):
        if hop.transaction == "2206":
            assert re.search(r"[Nn]o money|[Nn]othing|trial", narrator.explain(index).money)


def test_the_settlement_says_who_owes_whom(bundle: Path):
    """The insured region's answer names funds, account, cash and the debt it makes."""
    narrator = _narrator(bundle, "zh")
    index = next(i for i, h in enumerate(narrator.chain.hops)
                 if h.transaction == "2207" and h.sender == "insured:340600")  # fmt: skip
    told = narrator.explain(index)
    assert "基金付 737.00 元" in told.what
    assert "现金 763.00 元" in told.what
    assert "安徽淮北的基金欠上海 737.00 元" in told.money
    assert "扣 500.00 元，余 0.00 元" in told.money


def test_a_repeated_answer_moves_nothing_again(bundle: Path):
    """The first answer given again says so and claims no second movement."""
    narrator = _narrator(bundle, "zh")
    again = [i for i, h in enumerate(narrator.chain.hops) if h.mark == "repeated"]
    assert again
    assert all(narrator.explain(i).money.startswith("没有再动钱") for i in again)


def test_states_follow_the_life_cycle(bundle: Path):
    """What an onlooker concludes is never a step that the table does not have."""
    before: dict[str, CaseState] = {}
    for now in states_along(read_chain(bundle, CASE_ID)):
        for role, state in now.items():
            old = before.get(role, CaseState.NEW)
            assert state == old or state in TRANSITIONS[role][old]
        before = now
    assert set(before.values()) == {CaseState.SETTLED}
