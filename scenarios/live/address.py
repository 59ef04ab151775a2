"""Where a network's gateway listens: a line in its folder, for whoever wants to reach it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

ADDRESS = "gateway.url"


def write_address(folder: Path, url: str) -> None:
    """Leave the address; whatever stood there is replaced at once."""
    draft = folder / f"{ADDRESS}.new"
    draft.write_text(url, "ascii")
    draft.replace(folder / ADDRESS)


def read_address(folder: Path) -> str:
    """The address left in a folder; empty where there is none."""
    with suppress(OSError, UnicodeDecodeError):
        return (folder / ADDRESS).read_text("ascii").strip()
    return ""
