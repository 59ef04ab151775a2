"""Draws any body of the catalogue, from what its type says of its bounds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import msgspec
from hypothesis import strategies as st

from yidi.protocol.bodies import body_type
from yidi.protocol.errors import RemoteProtocolError
from yidi.protocol.money import FEN_MAX
from yidi.protocol.transactions import TRANSACTIONS, Kind

BODIES = list(dict.fromkeys(body_type(row.code, kind) for row in TRANSACTIONS for kind in Kind))
"""Every body type, each once."""

SECOND = 1_000_000
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
dates = st.dates(date(1900, 1, 1), date(2200, 12, 31)).map(str)
days = st.one_of(st.just(""), dates)
months = st.one_of(st.just(""), dates.map(lambda day: day[:7]))


def value_of(kind: msgspec.inspect.Type, *, money: bool = False) -> st.SearchStrategy:
    """Values of one native type, within its bounds; instants keep whole seconds."""
    if isinstance(kind, msgspec.inspect.IntType):
        if kind.le == 2**53 and not money:
            return st.integers(0, 7 * 10**9).map(lambda n: n * SECOND)
        # The bound itself has ten digits of yuan, one more than a JSON edge takes.
        high = FEN_MAX - 1 if kind.le == FEN_MAX else kind.le
        return st.integers(-high if (kind.ge or 0) < 0 else kind.ge, high)
    if isinstance(kind, msgspec.inspect.StrType):
        special = {10: days, 7: months}.get(kind.max_length)
        return special if special is not None else texts
    if isinstance(kind, msgspec.inspect.BytesType):
        return st.binary(max_size=min(kind.max_length, 40))
    if isinstance(kind, msgspec.inspect.BoolType):
        return st.booleans()
    if isinstance(kind, msgspec.inspect.ListType):
        return st.lists(value_of(kind.item_type), max_size=3)
    assert isinstance(kind, msgspec.inspect.StructType), kind
    return body_of(kind.cls)


def body_of(native: type[msgspec.Struct]) -> st.SearchStrategy:
    """Bodies of one type."""
    info = msgspec.inspect.type_info(native)
    return st.builds(
        native,
        **{
            field.name: value_of(field.type, money=field.name.endswith("_fen"))
            for field in info.fields
        },
    )


bodies = st.sampled_from(BODIES).flatmap(body_of)
"""Any body of any type."""


def error_of(call: Callable[[], object]) -> RemoteProtocolError | None:
    """The protocol error that a call ends with, None when it succeeds; all else goes through."""
    try:
        call()
    except RemoteProtocolError as error:
        return error
    return None
