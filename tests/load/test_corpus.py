from __future__ import annotations

import msgspec
import pytest

from yidi.scenarios.load import corpus as module
from yidi.scenarios.load.codec_costs import as_map, measure_codec
from yidi.scenarios.load.flow import LINES, record_messages
from yidi.scenarios.load.measure import check_corpus


@pytest.fixture(scope="module")
def corpus():
    """The corpus of this version."""
    return module.load()


def test_the_corpus_is_the_flow(corpus):
    """Eight messages, each exchange's request before its answer, exactly as the flow sends them."""
    words = [(one.word, one.kind) for one in corpus.messages]

    assert [
        (word, kind)
        for word in ("eligibility", "fee_upload", "pre_settlement", "settlement")
        for kind in (0, 1)
    ] == words
    check_corpus(corpus)


def test_every_message_goes_through_the_codec_unchanged(corpus):
    """Opened and encoded again, origin and body are the bytes that were recorded."""
    for one in corpus.messages:
        origin, body = one.opened()
        assert one.origin == msgspec.msgpack.encode(origin)
        assert one.body == msgspec.msgpack.encode(body)


def test_the_upload_has_thirty_lines(corpus):
    """The fee upload of the corpus is as large as the flow's definition says."""
    (upload,) = [one for one in corpus.messages if one.word == "fee_upload" and one.kind == 0]

    assert LINES == len(upload.opened()[1].lines) == 30


def test_a_recorded_corpus_is_read_back(tmp_path, monkeypatch):
    """What `record` makes and `write` writes is what `load` gives."""
    monkeypatch.setattr(module, "PATH", tmp_path / "corpus.json")
    recorded = module.record(record_messages())
    module.write(recorded)

    assert module.load() == recorded
    assert recorded.bytes_per_settlement == module.load().bytes_per_settlement > 2_000


def test_another_corpus_is_refused(corpus):
    """A flow whose messages are not those of the corpus is not measured."""
    fatter = msgspec.structs.replace(corpus, messages=corpus.messages[:-1])

    with pytest.raises(AssertionError, match="not those of the corpus"):
        check_corpus(fatter)


def test_positional_documents_are_the_smaller_form(corpus):
    """Every message costs something, and all together are at most 60 % of the map form (P8)."""
    report = measure_codec(rounds=1, settlements=1)

    assert len(corpus.messages) == len(report.messages)
    assert 0 < report.wire_share <= 0.6
    assert as_map(corpus.messages[2].opened()[1])["lines"][0]["line_no"] == 1
