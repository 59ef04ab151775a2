from __future__ import annotations

import msgspec
import pytest

from tests.strategies import BODIES
from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.bodies import body_type, open_body, schema_text
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Envelope, Origin
from yidi.protocol.errors import DecodeError
from yidi.protocol.transactions import Kind

Inspected = msgspec.inspect.Type


def carrying(transaction: str, kind: int, body: object) -> Envelope:
    """An envelope with that body."""
    origin = Origin(transaction, kind, "M", "", "a", "b", "", "", "", 0, 1, 0, "")
    return Envelope("b", origin, b"", encode(body))


@pytest.mark.parametrize("row", t.TRANSACTIONS, ids=lambda row: row.code)
def test_every_transaction_has_three_bodies(row):
    """Request, result and rejection have a type each; every refusal is a Rejection."""
    kinds = [body_type(row.code, kind) for kind in Kind]

    assert m.Rejection is kinds[Kind.REJECTION]
    assert all(issubclass(kind, msgspec.Struct) for kind in kinds)


@pytest.mark.parametrize(("transaction", "kind"), [("9999", 0), ("2207", 7), ("", 0)])
def test_what_is_not_in_the_catalogue_has_no_body(transaction, kind):
    """An unknown number or kind is E_INFNO_UNKNOWN, whether asked for or opened."""
    with pytest.raises(DecodeError, match="E_INFNO_UNKNOWN"):
        body_type(transaction, kind)
    with pytest.raises(DecodeError, match="E_INFNO_UNKNOWN"):
        open_body(carrying(transaction, kind, []))


def test_a_body_is_opened_as_its_transaction_says():
    """The same bytes are a query under 5203 and refused as a fee upload."""
    query = m.StatusQuery(person_no="P", visit="V")

    assert query == open_body(carrying("5203", 0, query))
    with pytest.raises(DecodeError, match="E_MISSING_FIELD"):
        open_body(carrying("2204", 0, query))


def _unbounded(kind: Inspected, path: str) -> list[str]:
    """Paths of a type that a peer could fill without end."""
    if isinstance(kind, msgspec.inspect.StructType):
        return [p for f in kind.fields for p in _unbounded(f.type, f"{path}.{f.name}")]
    if isinstance(kind, msgspec.inspect.ListType):
        return ([] if kind.max_length else [path]) + _unbounded(kind.item_type, f"{path}[]")
    if isinstance(kind, msgspec.inspect.StrType | msgspec.inspect.BytesType):
        return [] if kind.max_length is not None else [path]
    if isinstance(kind, msgspec.inspect.IntType):
        return [] if kind.le is not None and kind.ge is not None else [path]
    return [] if isinstance(kind, msgspec.inspect.BoolType) else [path]


@pytest.mark.parametrize("native", BODIES, ids=lambda native: native.__name__)
def test_every_field_is_bounded(native):
    """Lengths, counts and ranges: no body has a field that is unlimited, untyped or a float."""
    assert [] == _unbounded(msgspec.inspect.type_info(native), native.__name__)


@pytest.mark.parametrize("native", BODIES, ids=lambda native: native.__name__)
def test_a_field_with_a_default_is_followed_by_none_without(native):
    """Documents are positional and append-only: what may be left out stands at the end."""
    required = [field.required for field in msgspec.structs.fields(native)]

    assert sorted(required, reverse=True) == required


def test_the_schema_names_every_body():
    """The digest of the schema covers each transaction with its three bodies."""
    lines = schema_text().decode().splitlines()

    assert 3 * len(t.TRANSACTIONS) == len(lines)
    assert any(line.startswith("2207/1 SettlementResult(") for line in lines)
