"""TOML files decoded into types, every error with file, line and key.

Four steps: the text is bounded (size, depth), parsed with decimals instead of floats, *prepared*
against the type (unknown and missing keys, choices, and the readers of `values`), and converted
by msgspec, which checks the rest. The line of a key is looked up only when an error is raised.
"""

from __future__ import annotations

import re
import stat
import tomllib
import types
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.scenarios.library.toml_scan import Path, check_depth, line_index

SIZE_MAX = 1 << 20
"""1 MiB: the longest scenario of the library is a fiftieth of it."""

NUMBER_MAX = 64
"""Characters of one number; no field needs a third of it."""
EXPONENT_MAX = 30
"""Written out, 1e999999999 would be a gigabyte."""

T = TypeVar("T")

_PLACE = re.compile(r" - at `(?:key in `)?(\$[^`]*)`")
_PART = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_LONG_NUMBER = re.compile(r"[0-9_]{65,}")
_LINE_OF_PARSER = re.compile(r"line (\d+)")


class Document:
    """A parsed TOML text that knows where its keys stand."""

    def __init__(self, text: str, path: str, data: dict[str, object]) -> None:
        self.text = text
        self.path = path
        self.data = data
        self._lines: dict[Path, int] | None = None

    def at(self, place: Path) -> str:
        """`file:line:key` of a place, or of the nearest table around it."""
        if self._lines is None:
            self._lines = line_index(self.text)
        for length in range(len(place), -1, -1):
            line = self._lines.get(place[:length])
            if line is not None:
                return f"{self.path}:{line}:{dotted(place)}"
        return f"{self.path}:1:{dotted(place)}"

    def error(
        self,
        code: ErrorCode,
        place: Path,
        *,
        want: str = "",
        got: object = "",
        limit: int | None = None,
    ) -> ScenarioError:
        """The error object for a place in this document."""
        return ScenarioError(code, at=self.at(place), want=want, got=str(got), limit=limit)


def dotted(place: Path) -> str:
    """`region[2].code` for a place."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.lstrip(".") or "$"


def suggest(word: str, known: list[str]) -> str:
    """`did you mean "loss"?`, or what is known."""
    import difflib  # noqa: PLC0415 - only an error pays for it

    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if near:
        return f'did you mean "{near[0]}"?'
    listed = ", ".join(known)
    return f"one of {listed}" if len(listed) <= 200 else f"one of {len(known)} known words"


def read_text(path: str) -> str:
    """Read a regular file of at most `SIZE_MAX` bytes of UTF-8; a BOM is dropped.

    Raises:
        ScenarioError: `E_SCENARIO_FILE`, or `E_SCENARIO_PARSE` for other bytes.
    """
    try:
        found = FilePath(path).stat()
        if not stat.S_ISREG(found.st_mode):
            raise ScenarioError(ErrorCode.E_SCENARIO_FILE, at=path, want="a regular file")
        if found.st_size > SIZE_MAX:
            raise ScenarioError(ErrorCode.E_SCENARIO_FILE, at=path, limit=SIZE_MAX)
        with FilePath(path).open("rb") as file:
            raw = file.read(SIZE_MAX + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "unreadable"
        raise ScenarioError(ErrorCode.E_SCENARIO_FILE, at=path, got=reason) from None
    return text_of(raw, path)


def text_of(raw: bytes, path: str) -> str:
    """Bytes as text; `E_SCENARIO_FILE` if too many, `E_SCENARIO_PARSE` if not UTF-8."""
    if len(raw) > SIZE_MAX:
        raise ScenarioError(ErrorCode.E_SCENARIO_FILE, at=path, limit=SIZE_MAX)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ScenarioError(ErrorCode.E_SCENARIO_PARSE, at=f"{path}:{line}", want="utf-8") from None


def parse_toml(text: str, path: str) -> Document:
    """Parse bounded TOML text; decimals stay decimal.

    Raises:
        ScenarioError: `E_SCENARIO_DEPTH`, `E_SCENARIO_PARSE`, or `E_SCENARIO_FILE` (too long).
    """
    if len(text) > SIZE_MAX:
        raise ScenarioError(ErrorCode.E_SCENARIO_FILE, at=path, limit=SIZE_MAX)
    text = text.replace("\r\n", "\n").removeprefix("\ufeff")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ScenarioError(ErrorCode.E_SCENARIO_PARSE, at=f"{path}:{line}", got="NUL")
    check_depth(text, path)
    try:
        return Document(text, path, tomllib.loads(text, parse_float=bounded_decimal))
    except (ValueError, RecursionError) as error:
        where, reason = _place_of_parser(str(error), text, path)
        raise ScenarioError(ErrorCode.E_SCENARIO_PARSE, at=where, want=reason) from None


def decode_toml(text: str, struct: type[T], path: str) -> T:
    """Parse and decode TOML text into a struct type.

    Raises:
        ScenarioError: with `at` = `file:line:key`.
    """
    return decode(parse_toml(text, path), struct)


def decode(document: Document, struct: type[T]) -> T:
    """Decode a parsed document into a struct type; see `decode_toml`."""
    prepared = _prepare(document, document.data, struct, ())
    try:
        return msgspec.convert(prepared, struct, strict=True)
    except msgspec.ValidationError as error:
        raise _translated(document, str(error)) from None


def _place_of_parser(message: str, text: str, path: str) -> tuple[str, str]:
    """Where `tomllib` gave up, and why in its words (without the input)."""
    digits = _LONG_NUMBER.search(text)
    if digits and not message.endswith(")"):
        line = text.count("\n", 0, digits.start()) + 1
        return f"{path}:{line}", "a number of fewer digits"
    found = _LINE_OF_PARSER.search(message)
    last = text.rstrip("\n").count("\n") + 1
    return f"{path}:{found[1] if found else last}", message.partition(" (at")[0][:120]


def bounded_decimal(text: str) -> Decimal:
    """A TOML float as a decimal; beyond `EXPONENT_MAX` it is infinite, or nothing.

    Raises:
        ValueError: more than 64 characters.
    """
    if len(text) > NUMBER_MAX:
        raise ValueError("a number of more than 64 characters")
    number = Decimal(text.replace("_", ""))
    if not number or not number.is_finite() or abs(number.adjusted()) <= EXPONENT_MAX:
        return number
    return Decimal("inf") if number.adjusted() > 0 else Decimal(0)


def _translated(document: Document, message: str) -> ScenarioError:
    found = _PLACE.search(message)
    place: Path = ()
    if found:
        parts = _PART.findall(found[1].split("[...]")[0])
        place = tuple(int(index) if index else name for name, index in parts)
    said = message[: found.start()] if found else message
    bounded = " of " in said or "=" in said or "range" in said
    code = ErrorCode.E_RANGE if bounded else ErrorCode.E_TYPE
    return document.error(code, place, want=said.replace("`", "").removeprefix("Expected "))


@cache
def _fields(struct: type) -> dict[str, tuple[Any, bool]]:
    """Key in TOML → annotation, required."""
    return {f.encode_name: (f.type, f.required) for f in msgspec.structs.fields(struct)}


def _prepare(document: Document, value: Any, hint: Any, place: Path) -> Any:
    """Apply readers and check keys and choices, following the type downwards."""
    if isinstance(value, date):  # TOML has dates of its own; ours are texts
        value = str(value)
    origin = get_origin(hint)
    if origin is Annotated:
        return _read(document, value, hint, place)
    if origin in (Union, types.UnionType):
        return _prepare_union(document, value, hint, place)
    if origin is Literal:
        return _choice(document, value, list(get_args(hint)), place)
    if isinstance(value, dict):
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            return _prepare_struct(document, value, hint, place)
        if origin is dict:
            keys, values = get_args(hint)
            for key in value:
                _prepare(document, key, keys, (*place, key))
            return {k: _prepare(document, v, values, (*place, k)) for k, v in value.items()}
    if isinstance(value, list) and origin in (tuple, list):
        hints = get_args(hint)
        inner = hints[0]
        return [_prepare(document, v, inner, (*place, i)) for i, v in enumerate(value)]
    return value


def _read(document: Document, value: Any, hint: Any, place: Path) -> Any:
    inner, *metas = get_args(hint)
    for meta in metas:
        reader = (getattr(meta, "extra", None) or {}).get("reader")
        if reader is not None:
            try:
                value = reader(value)
            except ScenarioError as error:
                raise ScenarioError(
                    error.code, at=document.at(place), want=error.want, got=error.got
                ) from None
    return _prepare(document, value, inner, place)


def _prepare_union(document: Document, value: Any, hint: Any, place: Path) -> Any:
    arms = [arm for arm in get_args(hint) if arm is not type(None)]
    if len(arms) == 1:
        return _prepare(document, value, arms[0], place)
    if all(get_origin(arm) is Literal for arm in arms):
        return _choice(document, value, [word for arm in arms for word in get_args(arm)], place)
    return value


def _choice(document: Document, value: Any, words: list[Any], place: Path) -> Any:
    if value not in words:
        want = suggest(str(value), [str(word) for word in words])
        raise document.error(ErrorCode.E_CODE, place, want=want, got=value)
    return value


def _prepare_struct(
    document: Document, value: dict[str, Any], struct: type, place: Path
) -> dict[str, Any]:
    fields = _fields(struct)
    for key in value:
        if key not in fields:
            want = suggest(key, list(fields))
            raise document.error(ErrorCode.E_UNKNOWN_KEY, (*place, key), want=want, got=key)
    for key, (_, required) in fields.items():
        if required and key not in value:
            raise document.error(ErrorCode.E_MISSING_KEY, place, want=key)
    return {k: _prepare(document, v, fields[k][0], (*place, k)) for k, v in value.items()}
