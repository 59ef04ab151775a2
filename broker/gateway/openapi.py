"""What the gateway serves, as OpenAPI 3.1.

It is made of the tables that requests are read by: a field that is not in the document is a
field that is not read. Field names are the national ones, misspellings and all.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal

import msgspec

from yidi.broker.gateway.envelope import ENVELOPE
from yidi.broker.gateway.fields import Call, Node, many_of, schema_type
from yidi.broker.gateway.inputs import BY_INFNO, CALL_SERVICE, CALLS, PREFIX
from yidi.protocol.errors import Problem
from yidi.protocol.transactions import FILE_DOWNLOAD

_REF = "#/components/schemas/{name}"
_TITLE = "yidi: the national interface (infno)"
_ABOUT = (
    "One POST, one transaction. Business errors are HTTP 200 with infcode -1; an outcome that is "
    "not known in time is HTTP 504 with an empty body: query (5203) or reverse (2601), never "
    "repeat under another msgid. Times are Chinese local time, amounts yuan with two decimals."
)


class NationalAnswer(msgspec.Struct, kw_only=True):
    """Public parameters of a response."""

    infcode: int
    inf_refmsgid: str
    refmsg_time: str
    respond_time: str
    err_msg: str = ""
    warn_msg: str = ""
    signtype: str = ""
    cainfo: str = ""
    output: dict[str, Any] = {}


@lru_cache(maxsize=1)
def openapi_document() -> bytes:
    """The served document, as JSON."""
    schemas, components = msgspec.json.schema_components(call_types(), ref_template=_REF)
    references = dict(zip(BY_INFNO, schemas, strict=False))
    answer, problem = schemas[-2], schemas[-1]
    any_call = {"oneOf": list(references.values())}
    paths: dict[str, Any] = {CALL_SERVICE: {"post": _operation("callService", any_call)}}
    for call in CALLS:
        name = f"call{call.infno}"
        one = _operation(name, references[call.infno], call)
        paths[f"{CALL_SERVICE}/{call.infno}"] = {"post": one}
        if call.path:
            own = {**one, "operationId": f"path{call.infno}"}
            paths[PREFIX + call.path] = {"post": own}
    document = {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "version": "1", "description": _ABOUT},
        "paths": paths,
        "security": [{"token": []}],
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": dict(_responses(answer, problem)),
        },
    }
    return msgspec.json.encode(document)


def call_types() -> list[Any]:
    """The types of every call, of an answer and of a transport error."""
    return [*(_call_type(call) for call in CALLS), NationalAnswer, Problem]


def _call_type(call: Call) -> Any:
    """The whole document of a request."""
    members: list[Any] = [(node.name, _node_type(call, node)) for node in call.nodes]
    members += [(name, Any, None) for name in call.ignored]
    inner = msgspec.defstruct(f"Input{call.infno}", members, kw_only=True)
    infno = ("infno", Literal[call.infno])
    return schema_type(f"Call{call.infno}", ENVELOPE[1:], (infno, ("input", inner)))


def _node_type(call: Call, node: Node) -> Any:
    kind = schema_type(f"{node.name.capitalize()}{call.infno}", node.fields)
    return many_of(kind, node.limit) if node.many else kind


def _operation(name: str, schema: Any, call: Call | None = None) -> dict[str, Any]:
    content = {media: {"schema": schema} for media in ("application/json", "text/plain")}
    references = {
        status: {"$ref": f"#/components/responses/{kind}"} for status, kind in _STATUSES.items()
    }
    if call is not None and call.infno == FILE_DOWNLOAD:
        references["200"] = {"$ref": "#/components/responses/File"}
    return {
        "operationId": name,
        "summary": f"{call.zh} {call.infno}" if call else "统一入口：按报文中的 infno 分派",
        "requestBody": {"required": True, "content": content},
        "responses": references,
    }


_REFUSALS = {
    "400": "No JSON, or no HTTP.", "401": "No token, or a wrong or expired one.",
    "403": "The token does not speak for this institution.", "404": "No such route.",
    "405": "Another method than POST.", "408": "The request was not sent in time.",
    "413": "The body is too large.", "415": "Another content type or encoding.",
    "429": "Too many requests; see Retry-After.", "500": "An error of ours; outcome unknown.",
    "503": "Shutting down; nothing was taken.",
}  # fmt: skip
_STATUSES = {
    "200": "Answer", "504": "Unknown", **{status: f"Refused{status}" for status in _REFUSALS},
}  # fmt: skip


def _responses(answer: Any, problem: Any) -> Iterator[tuple[str, Any]]:
    yield (
        "Answer",
        {
            "description": "infcode 0, or -1 with err_msg: certainly nothing took effect.",
            "content": {"application/json": {"schema": answer}},
        },
    )
    octets = {"schema": {"type": "string", "format": "binary"}}
    yield (
        "File",
        {
            "description": "The file itself; an envelope with infcode -1 where there is none.",
            "content": {"application/octet-stream": octets, "application/json": {"schema": answer}},
        },
    )
    yield "Unknown", {"description": "The outcome is unknown; the body is empty."}
    for status, text in _REFUSALS.items():
        yield (
            f"Refused{status}",
            {
                "description": text,
                "content": {"application/json": {"schema": problem}},
            },
        )
