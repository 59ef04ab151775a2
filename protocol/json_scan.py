"""A first look at JSON from outside, before anything is built from it.

msgspec is fast and typed, but its JSON reader follows nesting with the C stack, keeps the last
of two equal keys, and skips what it does not know. So a document is first walked here token by
token, with an explicit stack: size, UTF-8, depth, length of arrays, repeated and unknown keys.
Numbers leave as strings, digit by digit as they were written, so that no float ever exists.
"""

from __future__ import annotations

import json
import re
from typing import TypeAlias

import msgspec

from yidi.protocol.errors import DecodeError, ErrorCode

JSON_BYTES_MAX = 1_048_576
"""A document of 2,000 fee lines with all their names. Source: bad-input H01."""
DEPTH_MAX = 16
"""Bodies nest three deep and the envelope twice more; the rest is slack."""
ITEMS_MAX = 2_000
KEYS_MAX = 1_000
VALUES_MAX = 50_000
"""Fields and items of a whole document: twice what 2,000 fee lines have."""

Shape: TypeAlias = "dict[str, Shape | None]"
"""The fields an object may have, and the shape of those that hold objects."""

_SPACE = re.compile(r"[ \t\n\r]*")
_PLAIN = r'[^"\\\x00-\x1f]*+'
_STRING = rf'"{_PLAIN}(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{{4}}){_PLAIN})*+"'
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_TOKEN = re.compile(rf"(?P<mark>[{{}}\[\],:])|(?P<text>{_STRING})|(?P<number>{_NUMBER})|"
                    r"(?P<word>true|false|null)")  # fmt: skip
_SURROGATE = re.compile("[\ud800-\udfff]")
_GLANCE = 16_384
_VALUE, _FIRST_KEY, _KEY, _COLON, _AFTER, _FIRST_ITEM, _END = range(7)


class Scanned(msgspec.Struct, frozen=True, kw_only=True):
    """What the look found: the document with its numbers quoted, and paths nobody defined."""

    document: str
    unknown: tuple[str, ...]


class _Level:
    """One open object or array."""

    __slots__ = ("closing", "first", "index", "key", "keys", "shape")

    def __init__(self, shape: Shape | None, *, is_object: bool) -> None:
        self.shape = shape
        self.keys: set[str] | None = set() if is_object else None
        self.closing = "}" if is_object else "]"
        self.first = _FIRST_KEY if is_object else _FIRST_ITEM
        self.key = ""
        self.index = 0


def scan(data: bytes, shape: Shape | None, root: str = "$") -> Scanned:
    """Walk a document once; `shape` None takes any keys.

    Raises:
        DecodeError: `E_FRAME_EMPTY`, `E_FRAME_TOO_LARGE`, `E_DECODE`, `E_DUPLICATE_KEY`,
            `E_TOO_MANY_ITEMS`; `at` is a path under `root`, or a byte.
    """
    text = _text(data)
    # Counting costs nothing: a document of very many small values is not walked to its end.
    crowded = text.count(",") + text.count("[") + text.count("{") > VALUES_MAX
    return _Scan(text, shape, root).run(_GLANCE if crowded else len(text) + 1)


def _text(data: bytes) -> str:
    if not data:
        raise DecodeError(ErrorCode.E_FRAME_EMPTY)
    if len(data) > JSON_BYTES_MAX:
        got = f"{len(data)} bytes"
        raise DecodeError(ErrorCode.E_FRAME_TOO_LARGE, got=got, limit=JSON_BYTES_MAX)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        at = f"byte {error.start}"
        raise DecodeError(ErrorCode.E_DECODE, at=at, want="valid utf8") from None
    if text.startswith("\ufeff"):
        want = "utf8 without a byte order mark"
        raise DecodeError(ErrorCode.E_DECODE, at="byte 0", want=want)
    return text


class _Scan:
    def __init__(self, text: str, shape: Shape | None, root: str) -> None:
        self.text, self.root = text, root
        self.root_shape = shape
        self.stack: list[_Level] = []
        self.pieces: list[str] = []
        self.unknown: list[str] = []
        self.state = _VALUE

    def run(self, patience: int) -> Scanned:
        """Walk to the end, or until `patience` characters have shown no better reason."""
        text, position, copied = self.text, 0, 0
        while True:
            match = _SPACE.match(text, position)
            position = match.end() if match else position
            if position == len(text):
                break
            if position >= patience:
                raise DecodeError(ErrorCode.E_TOO_MANY_ITEMS, at=self.root, limit=VALUES_MAX)
            token = _TOKEN.match(text, position)
            if token is None or self.state == _END:
                raise self._malformed(position)
            if token.lastgroup == "number":
                self.pieces += (text[copied:position], '"', token[0], '"')
                copied = token.end()
            self._take(token.lastgroup or "", token[0], position)
            position = token.end()
        if self.state != _END:
            raise DecodeError(ErrorCode.E_DECODE, at=self._byte(position), got="truncated")
        self.pieces.append(text[copied:])
        return Scanned(document="".join(self.pieces), unknown=tuple(self.unknown))

    def _take(self, kind: str, token: str, position: int) -> None:
        """Advance by one token, or refuse it."""
        state = self.state
        if kind == "mark":
            self._mark(token, position)
        elif kind == "text" and state in (_KEY, _FIRST_KEY):
            self._name(_unescaped(token, self.path()))
        elif state in (_VALUE, _FIRST_ITEM):
            if kind == "text":
                _unescaped(token, self.path())
            self._value_done()
        else:
            raise self._malformed(position)

    def _mark(self, mark: str, position: int) -> None:
        state, stack = self.state, self.stack
        if mark in "{[" and state in (_VALUE, _FIRST_ITEM):
            self._open(is_object=mark == "{")
        elif mark == ":" and state == _COLON:
            self.state = _VALUE
        elif mark == "," and state == _AFTER:
            self._next_item()
        elif stack and mark == stack[-1].closing and state in (_AFTER, stack[-1].first):
            stack.pop()
            self._value_done()
        else:
            raise self._malformed(position)

    def _open(self, *, is_object: bool) -> None:
        stack = self.stack
        if len(stack) >= DEPTH_MAX:
            raise DecodeError(ErrorCode.E_DECODE, got="nested too deeply", limit=DEPTH_MAX)
        shape = self.root_shape
        if stack:
            above = stack[-1]
            shape = above.shape
            if above.keys is not None:
                shape = (above.shape or {}).get(above.key)
        stack.append(_Level(shape, is_object=is_object))
        self.state = stack[-1].first

    def _next_item(self) -> None:
        level = self.stack[-1]
        if level.keys is not None:
            self.state = _KEY
            return
        level.index += 1
        if level.index >= ITEMS_MAX:
            at = self.path().rpartition("[")[0]
            raise DecodeError(ErrorCode.E_TOO_MANY_ITEMS, at=at, limit=ITEMS_MAX)
        self.state = _VALUE

    def _name(self, name: str) -> None:
        level = self.stack[-1]
        keys = level.keys
        assert keys is not None
        level.key = name
        if name in keys:
            raise DecodeError(ErrorCode.E_DUPLICATE_KEY, at=self.path())
        keys.add(name)
        if len(keys) > KEYS_MAX:
            raise DecodeError(ErrorCode.E_TOO_MANY_ITEMS, at=self.root, limit=KEYS_MAX)
        if level.shape is not None and name not in level.shape:
            self.unknown.append(self.path())
        self.state = _COLON

    def _value_done(self) -> None:
        self.state = _AFTER if self.stack else _END

    def path(self) -> str:
        """Where the walk stands; names are cut and escaped, since a peer chose them."""
        steps = [
            f"[{level.index}]" if level.keys is None else f".{ascii(level.key[:40])[1:-1]}"
            for level in self.stack
            if level.keys is None or level.key
        ]
        return (self.root + "".join(steps))[:200]

    def _malformed(self, position: int) -> DecodeError:
        after = self.state == _END
        got = "trailing bytes" if after else f"{self.text[position : position + 1]!r}"
        if not after and self.text[position] == '"' and _is_open(self.text, position):
            got = "truncated"
        return DecodeError(ErrorCode.E_DECODE, at=self._byte(position), got=got)

    def _byte(self, position: int) -> str:
        return f"byte {len(self.text[:position].encode())}"


def _is_open(text: str, position: int) -> bool:
    """Whether a string begins here and the document ends within it."""
    return re.fullmatch(_STRING[:-1] + r"(?:\\.{0,5})?", text[position:]) is not None


def _unescaped(token: str, at: str) -> str:
    """The text of a string token.

    Raises:
        DecodeError: `E_DECODE` for half of a surrogate pair, which no UTF-8 can carry.
    """
    if "\\" not in token:
        return token[1:-1]
    text: str = json.loads(token)
    if _SURROGATE.search(text):
        raise DecodeError(ErrorCode.E_DECODE, at=at, want="valid utf8", got="lone surrogate")
    return text
