"""The JSON twin of every body: national field names, yuan strings, national dates.

A twin is derived from its native type (`msgspec.defstruct`) and is never written twice; what a
field is called there stands in `national_names`, how it is written in `national_forms`. Reading
is strict about form and lenient about more: an unknown field is ignored and named in a warning,
unless the caller is strict. Numbers may come as strings and strings as numbers. An instant
keeps whole seconds, because that is the field's national form.

`to_national` and `from_national` are inverse; `national_fields` is the flat view that traces,
exports and expectations of scenarios use.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import msgspec

from yidi.protocol.bodies import body_type
from yidi.protocol.codec import too_long_code
from yidi.protocol.codes import national_fund, pooled_fund
from yidi.protocol.errors import DecodeError, ErrorCode, RemoteProtocolError
from yidi.protocol.json_scan import Shape, scan
from yidi.protocol.messages import FundPay
from yidi.protocol.messages_clearing import FundSum
from yidi.protocol.money import yuan
from yidi.protocol.national_forms import Form, form_of
from yidi.protocol.national_names import (
    FLAGS,
    FUND_COLUMNS,
    OTHER_COLUMN,
    POOL_COLUMN,
    national_name,
)
from yidi.protocol.transactions import TRANSACTIONS, Kind

B = TypeVar("B", bound=msgspec.Struct)


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a body in both forms; exactly one of `form` and `twin` is set."""

    native: str
    national: str
    form: Form | None
    twin: Twin | None
    many: bool


class Twin(msgspec.Struct, frozen=True, kw_only=True):
    """A native type, its JSON twin and the fields of both."""

    native: type[msgspec.Struct]
    type: type[msgspec.Struct]
    fields: tuple[Field, ...]
    shape: Shape
    decoder: msgspec.json.Decoder[msgspec.Struct]


_TWINS: dict[type[msgspec.Struct], Twin] = {}
_encoder = msgspec.json.Encoder()
_AT = re.compile(r" - at `\$([^`]*)`")
_MISSING = re.compile(r"missing required field `([^`]*)`")
_NATIVE_STEP = re.compile(r"\.([a-z_0-9]+)|\[\d+\]")


def twin_of(native: type[msgspec.Struct]) -> Twin:
    """The twin of a body type, derived once."""
    twin = _TWINS.get(native)
    if twin is None:
        twin = _TWINS[native] = _derived(native)
    return twin


def to_national(body: msgspec.Struct) -> bytes:
    """Write a body as JSON with national names."""
    return _encoder.encode(to_twin(body))


def to_twin(body: msgspec.Struct) -> msgspec.Struct:
    """The JSON twin of a body, as a struct that `msgspec.json` encodes."""
    twin = twin_of(type(body))
    return twin.type(**{f.native: _written(f, getattr(body, f.native)) for f in twin.fields})


def from_national(
    native: type[B], data: bytes, *, strict: bool = False, root: str = "$"
) -> tuple[B, list[str]]:
    """Read a body from JSON with national names.

    Args:
        native: the body's type, as of `body_type`.
        data: one JSON document, whole.
        strict: refuse unknown fields instead of naming them.
        root: where the document stands in a larger one, for `at`.

    Returns:
        The body, and a warning for each field that nobody defined.

    Raises:
        RemoteProtocolError: `E_FRAME_EMPTY`, `E_FRAME_TOO_LARGE`, `E_DECODE`,
            `E_UNKNOWN_FIELD`, `E_MISSING_FIELD`, `E_DUPLICATE_KEY`, `E_TOO_MANY_ITEMS`,
            `E_AMOUNT`, `E_DATE` or `E_CODE`, with the national path in `at`.
    """
    twin = twin_of(native)
    scanned = scan(data, twin.shape, root)
    if strict and scanned.unknown:
        raise DecodeError(ErrorCode.E_UNKNOWN_FIELD, at=scanned.unknown[0])
    try:
        read = twin.decoder.decode(scanned.document)
    except msgspec.ValidationError as error:
        raise _explained(str(error), twin, root) from None
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError) as error:
        raise DecodeError(ErrorCode.E_DECODE, got=type(error).__name__) from None
    body = _native(twin, read, root)
    assert isinstance(body, native)
    return body, [f"{ErrorCode.E_UNKNOWN_FIELD} at={path}" for path in scanned.unknown]


def national_path(native: type[msgspec.Struct], at: str) -> str:
    """A path in native names (`$.lines[17].amount_fen`) in national ones."""
    twin: Twin | None = twin_of(native)
    path = "$"
    for step in _NATIVE_STEP.finditer(at):
        field = next((f for f in twin.fields if f.native == step[1]), None) if twin else None
        if step[1] is None or field is None:
            path += step[0]
            continue
        path += f".{field.national}"
        twin = field.twin
    return path


def national_fields(body: msgspec.Struct) -> dict[str, str]:
    """The scalar fields of a body by national name, as texts; lists are left out.

    A settlement's answer has its funds by column too (`hifp_pay`, `hifmi_pay`, …), and
    `psn_part_amt`, which is what account and cash come to.
    """
    flat: dict[str, str] = {}
    for field in twin_of(type(body)).fields:
        value = getattr(body, field.native)
        if field.many or field.form is None:
            continue
        written = field.form.write(value)
        if isinstance(written, bool):
            written = "1" if written else "0"
        flat[field.national] = written.hex() if isinstance(written, bytes) else str(written)
    funds = getattr(body, "funds", None)
    if isinstance(funds, list):
        flat.update(fund_columns(funds, getattr(body, "insutype", "")))
    account, cash = getattr(body, "account_fen", None), getattr(body, "cash_fen", None)
    if account is not None and cash is not None:
        flat["psn_part_amt"] = yuan(account + cash)
    return flat


def fund_columns(funds: Sequence[FundPay | FundSum], insutype: str) -> dict[str, str]:
    """What each fund pays, by the columns of `setlinfo`; every column is there.

    The pool of the person's insurance type is `hifp_pay`; what has no column is `oth_pay`.
    """
    columns = dict.fromkeys([POOL_COLUMN, *FUND_COLUMNS.values(), OTHER_COLUMN], 0)
    try:
        pool = str(pooled_fund(insutype))
    except RemoteProtocolError:
        pool = ""
    for pay in funds:
        fund = national_fund(pay.fund_pay_type)
        column = FUND_COLUMNS.get(fund, OTHER_COLUMN)
        columns[POOL_COLUMN if fund == pool else column] += pay.fund_fen
    return {column: yuan(fen) for column, fen in columns.items()}


def all_twins() -> list[Twin]:
    """The twin of every body of the catalogue, each once, in catalogue order."""
    types = [body_type(row.code, kind) for row in TRANSACTIONS for kind in Kind]
    return [twin_of(native) for native in dict.fromkeys(types)]


# --- Deriving -----------------------------------------------------------------------------------


def _derived(native: type[msgspec.Struct]) -> Twin:
    info = msgspec.inspect.type_info(native)
    assert isinstance(info, msgspec.inspect.StructType)
    fields, members = [], []
    for one in info.fields:
        field, kind = _field(native.__name__, one)
        fields.append(field)
        members.append((one.name, kind, *_default(field, one)))
    renamed = {field.native: field.national for field in fields}
    assert len(set(renamed.values())) == len(renamed), f"{native.__name__} repeats a name"
    made = msgspec.defstruct(
        f"National{native.__name__}", members, rename=renamed, kw_only=True, frozen=True
    )
    return Twin(
        native=native,
        type=made,
        fields=tuple(fields),
        shape={f.national: f.twin.shape if f.twin else None for f in fields},
        decoder=msgspec.json.Decoder(made, strict=False),
    )


def _field(owner: str, one: msgspec.inspect.Field) -> tuple[Field, Any]:
    """A field in both forms, and its type at the edge."""
    kind = one.type
    many = isinstance(kind, msgspec.inspect.ListType)
    item = kind.item_type if isinstance(kind, msgspec.inspect.ListType) else kind
    form, twin = None, None
    if isinstance(item, msgspec.inspect.StructType):
        twin = twin_of(item.cls)
        edge: Any = twin.type
    else:
        form = form_of(one.name, item, flag=one.name in FLAGS)
        edge = form.type
    if isinstance(kind, msgspec.inspect.ListType):
        edge = Annotated[list[edge], msgspec.Meta(max_length=kind.max_length)]
    national = national_name(owner, one.name)
    return Field(native=one.name, national=national, form=form, twin=twin, many=many), edge


def _default(field: Field, one: msgspec.inspect.Field) -> tuple[Any, ...]:
    if one.required:
        return ()
    if field.many:
        return (msgspec.field(default_factory=list),)
    assert field.form is not None
    return (field.form.write(one.default),)


# --- There and back -----------------------------------------------------------------------------


def _written(field: Field, value: Any) -> Any:
    if field.twin is not None:
        return [to_twin(one) for one in value] if field.many else to_twin(value)
    assert field.form is not None
    write = field.form.write
    return [write(one) for one in value] if field.many else write(value)


def _native(twin: Twin, read: msgspec.Struct, at: str) -> msgspec.Struct:
    values = {}
    for field in twin.fields:
        value, here = getattr(read, field.native), f"{at}.{field.national}"
        if field.many:
            values[field.native] = [
                _read(field, one, f"{here}[{index}]") for index, one in enumerate(value)
            ]
        else:
            values[field.native] = _read(field, value, here)
    return twin.native(**values)


def _read(field: Field, value: Any, at: str) -> Any:
    if field.twin is not None:
        return _native(field.twin, value, at)
    assert field.form is not None
    return field.form.read(value, at)


def _explained(text: str, twin: Twin, root: str) -> DecodeError:
    """Turn msgspec's sentence into one of our errors."""
    place = _AT.search(text)
    at = root + (place[1].replace("[...]", "") if place else "")
    reason = _AT.sub("", text)
    missing = _MISSING.search(reason)
    if missing is not None:
        return DecodeError(ErrorCode.E_MISSING_FIELD, at=f"{at}.{missing[1]}")
    field = _field_at(twin, place[1] if place else "")
    if field is not None and field.form is not None and field.form.amount:
        return DecodeError(ErrorCode.E_AMOUNT, at=at, want="yuan as a string", got=reason)
    if "`array` of length" in reason:
        limit = int(reason.rpartition(" ")[2])
        return DecodeError(ErrorCode.E_TOO_MANY_ITEMS, at=at, limit=limit)
    code = too_long_code(field.native if field else "", reason) or ErrorCode.E_DECODE
    return DecodeError(code, at=at, got=reason)


def _field_at(twin: Twin, path: str) -> Field | None:
    current: Twin | None = twin
    found = None
    for name in re.findall(r"\.([A-Za-z_0-9]+)", path):
        found = next((f for f in current.fields if f.national == name), None) if current else None
        current = found.twin if found else None
    return found
