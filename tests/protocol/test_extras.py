"""What stands behind a body: found by its name, and by nobody who does not look."""

from __future__ import annotations

from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.codec import encode
from yidi.protocol.extras import extras_of, with_extras

BODY = encode(m.StatusQuery(person_no="p", visit="v"))


def test_extras_come_back_by_name():
    """Several are one; nil stays nil."""
    body = with_extras(with_extras(BODY, {"exp_note": "?"}), {"psn_no": None})

    assert {"exp_note": "?", "psn_no": None} == extras_of(body, t.STATUS_QUERY)


def test_a_plain_body_has_none():
    """Nor has one that is no positional document."""
    assert {} == extras_of(BODY, t.STATUS_QUERY) == extras_of(b"\xc1", t.STATUS_QUERY)
    assert {} == extras_of(encode({"a": 1}), t.STATUS_QUERY)
