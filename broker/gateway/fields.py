"""Rows of the tables that describe national documents, and the types made from them.

A `Field` is one national field: its name, its length, whether it must be there, and which native
field it becomes (none: it is known and not needed). A `Node` is an object, or a list of them,
under its node name (节点标识). Every scalar is read as text, because clients write numbers as
numbers or as strings; how the text is read follows from the native field (`protocol.national`).
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from yidi.protocol.json_scan import Shape

LINES_MAX = 100
"""Rows of one fee upload. Source: interface (c), batch cap of 2204 and 2301."""
_NUMBERS = (
    *("sumamt", "_amt", "cnt", "pric", "overlmt_selfpay", "acct_pay", "cash_payamt"),
    *("psntime", "med_sumfee", "fund_appy_sum", "startrow", "totalrow", "diag_srt_no"),
)


class Field(msgspec.Struct, frozen=True):
    """One national field."""

    name: str
    to: str = ""
    """Native field it becomes; empty where it is known and not needed."""
    length: int = 50
    required: bool = False
    shared: bool = False
    """Of a row: it belongs to the whole message and is the same in every row."""

    @property
    def is_number(self) -> bool:
        """Whether clients write it as a number, too."""
        return self.name.endswith(_NUMBERS)


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One object or list of objects of `input`."""

    name: str
    fields: tuple[Field, ...]
    many: bool = False
    to: str = "lines"
    """Of a list: the native list it becomes."""
    required: bool = True
    limit: int = LINES_MAX
    """Of a list: its greatest length."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction as clients know it."""

    infno: str
    path: str
    """Below `PREFIX`; empty where it is reached through callService alone."""
    zh: str
    nodes: tuple[Node, ...]
    ignored: tuple[str, ...] = ()
    """Nodes of the specification that this network does not need."""
    given: dict[str, Any] = {}
    """Native fields that no national one says."""
    native: bool = True
    """Whether it is a message of the network; the others are answered by the gateway."""
    personal: bool = True
    """Whether it is about a person, so that `insuplc_admdvs` must be there."""


def node(name: str, *fields: Field, **more: Any) -> Node:
    """An object of `input`; `many` and what goes with it make it a list."""
    return Node(name=name, fields=fields, **more)


def call(infno: str, path: str, zh: str, *nodes: Node, **more: Any) -> Call:
    """One transaction."""
    return Call(infno=infno, path=path, zh=zh, nodes=nodes, **more)


def shared(name: str, to: str, length: int = 30, *, needed: bool = True) -> Field:
    """A field of a row that is the same in every row: the message says it once."""
    return Field(name, to, length, required=needed, shared=True)


def required(name: str, to: str = "", length: int = 50) -> Field:
    """A field that must be there."""
    return Field(name, to, length, required=True)


def optional(name: str, to: str = "", length: int = 50) -> Field:
    """A field that may be left out, null or empty."""
    return Field(name, to, length)


def unused(*names: str, length: int = 4_000) -> tuple[Field, ...]:
    """Fields of the specification that this network does not need."""
    return tuple(Field(name, "", length) for name in names)


def shape_of(node: Node) -> Shape:
    """The names that a node may have."""
    return {field.name: None for field in node.fields}


class ExpContent(msgspec.Struct, frozen=True):
    """What is read of a local extension object: whether a stay is an emergency."""

    er_flag: str | None = None


def read_type(title: str, fields: tuple[Field, ...]) -> Any:
    """The struct that a document is read into: everything may be left out, null, or empty."""
    members: list[Any] = [
        (one.name, Annotated[str, msgspec.Meta(max_length=one.length)] | None, None)
        for one in fields
        if one.name != "exp_content"
    ]
    if len(members) < len(fields):
        members.append(("exp_content", ExpContent | str | None, None))
    return msgspec.defstruct(title, members, frozen=True)


def schema_type(title: str, fields: tuple[Field, ...], extra: tuple[Any, ...] = ()) -> Any:
    """The struct that describes a document to others, for OpenAPI and JSON Schema."""
    members: list[Any] = [_described(one) for one in fields]
    return msgspec.defstruct(title, [*members, *extra], kw_only=True)


def _described(field: Field) -> tuple[Any, ...]:
    text = msgspec.Meta(
        min_length=1 if field.required else None,
        max_length=field.length,
    )
    kind: Any = Annotated[str, text]
    if field.is_number:
        kind |= float  # a JSON number, for the description alone: it is read digit by digit
    return (field.name, kind) if field.required else (field.name, kind | None, None)


def many_of(kind: Any, limit: int = LINES_MAX) -> Any:
    """A list of rows, one at least."""
    return Annotated[list[kind], msgspec.Meta(min_length=1, max_length=limit)]
