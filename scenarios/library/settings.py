"""`--set PATH=VALUE`: one value of a scenario changed for one run, and the text it ran as.

A path is written as errors show it (`flow[0].arrivals.per_day`). The value is read as TOML
where it is TOML (`7`, `true`, `["a"]`, `"30d"`), else taken as text (`30d`). The bundle holds
the scenario as run, so the changed document can be written as TOML again, without its comments.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from copy import deepcopy
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.scenarios.library.toml_lines import bounded_decimal

_PART = re.compile(r"(?:\A|\.)([A-Za-z0-9_-]+|\"[^\"]*\")|\[(\d{1,6})\]")
_BARE = re.compile(r"[A-Za-z0-9_-]+\Z", re.ASCII)


def apply_settings(data: dict[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """The document with each `PATH=VALUE` applied; the given one stays as it is.

    Raises:
        ScenarioError: `E_EXPRESSION` for another form, `E_REFERENCE` for a path that leads
            nowhere.
    """
    changed = deepcopy(data)
    for setting in settings:
        path, equals, text = setting.partition("=")
        parts = _parts(path.strip())
        if not equals or not parts:
            raise _error(ErrorCode.E_EXPRESSION, setting, "PATH=VALUE, such as seed=7")
        _assign(changed, parts, _value(text.strip()), setting)
    return changed


def write_toml(data: dict[str, Any]) -> str:
    """A document as TOML text: plain values first, then tables and arrays of tables."""
    lines: list[str] = []
    _write_table(data, "", lines)
    return "\n".join(lines).strip("\n") + "\n"


def _error(code: ErrorCode, setting: str, want: str) -> ScenarioError:
    return ScenarioError(code, at=f"--set {setting[:60]}", want=want)


def _parts(path: str) -> list[str | int]:
    parts: list[str | int] = []
    end = 0
    for match in _PART.finditer(path):
        if match.start() != end:
            return []
        end = match.end()
        parts.append(int(match[2]) if match[2] else match[1].strip('"'))
    return parts if end == len(path) else []


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"v = {text}", parse_float=bounded_decimal)["v"]
    except (ValueError, RecursionError):
        return text


def _assign(node: Any, parts: list[str | int], value: Any, setting: str) -> None:
    for place, part in enumerate(parts):
        last = place == len(parts) - 1
        if isinstance(part, int):
            if not isinstance(node, list) or part >= len(node):
                size = len(node) if isinstance(node, list) else 0
                raise _error(ErrorCode.E_REFERENCE, setting, f"one of {size} elements")
        elif not isinstance(node, dict):
            raise _error(ErrorCode.E_REFERENCE, setting, f"a table before {part}")
        elif not last:
            node.setdefault(part, {})
        if last:
            node[part] = value
        else:
            node = node[part]


def _write_table(table: dict[str, Any], name: str, lines: list[str]) -> None:
    for key, value in table.items():
        if not _is_table(value) and not _is_tables(value):
            lines.append(f"{_key(key)} = {_inline(value)}")
    for key, value in table.items():
        path = f"{name}.{_key(key)}" if name else _key(key)
        if _is_table(value):
            lines.extend(("", f"[{path}]"))
            _write_table(value, path, lines)
        elif _is_tables(value):
            for element in value:
                lines.extend(("", f"[[{path}]]"))
                _write_table(element, path, lines)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _key(key: str) -> str:
    return key if _BARE.match(key) else _string(key)


def _string(text: str) -> str:
    # JSON's escapes are TOML's, but DEL, which TOML wants escaped too.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _inline(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _string(value)
        case list():
            return "[" + ", ".join(_inline(element) for element in value) + "]"
        case dict():
            pairs = (f"{_key(key)} = {_inline(element)}" for key, element in value.items())
            return "{ " + ", ".join(pairs) + " }"
        case Decimal():
            text = f"{value:f}"
            return text if "." in text or not value.is_finite() else f"{text}.0"
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return str(value)
