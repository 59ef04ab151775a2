"""How tests of bad input send it, and see that nothing remembers it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from tests.nodes import visit_harness as h
from yidi.protocol import messages as m
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Link
from yidi.protocol.errors import RemoteProtocolError
from yidi.protocol.national import from_national, to_national

QUERY = m.StatusQuery(person_no="P1", visit="V1")
UPLOAD = h.upload()
JSON_UPLOAD = to_national(UPLOAD)
LINK = Link("a", "b", 1, 0, h.START)


def error_of(call: Callable[[], object]) -> RemoteProtocolError:
    """The error that a call ends with."""
    with pytest.raises(RemoteProtocolError) as caught:
        call()
    assert len(caught.value.got) <= 64
    return caught.value


def refused(transaction: str, body: object, net: h.Net | None = None, **about: str) -> m.Rejection:
    """Send a request, see it refused, and see that no node remembers anything of it."""
    net = net or h.Net()
    before = [h.memory(node) for node in net.nodes.values()]
    answer = net.ask(transaction, body, **about)
    assert isinstance(answer, m.Rejection)
    assert before == [h.memory(node) for node in net.nodes.values()]
    return answer


def json_error(data: bytes, native: type = m.FeeUploadRequest, *, strict: bool = False):
    """The error that a JSON body ends with."""
    return error_of(lambda: from_national(native, data, strict=strict))


def changed(native: msgspec.Struct, field: str, value: object) -> bytes:
    """A body whose field holds a value that its type does not allow."""
    values = msgspec.msgpack.decode(encode(native))
    at = [one.name for one in msgspec.structs.fields(native)].index(field)
    return encode([*values[:at], value, *values[at + 1 :]])
