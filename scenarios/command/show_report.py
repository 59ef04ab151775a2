"""Sections on a terminal: tables with `rich` where a person looks, plain lines elsewhere.

Below 60 columns a table becomes one line a cell, because a narrow terminal would cut or wrap
its rows past reading.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from yidi.scenarios.command.common import print_table, printable

if TYPE_CHECKING:
    from yidi.scenarios.judging.report import Section

NARROW = 60


def show_sections(sections: Iterable[Section]) -> None:
    """Print a report to stdout."""
    columns = shutil.get_terminal_size().columns
    for number, section in enumerate(sections):
        if number:
            print()
        print(printable(section.title))
        for line in section.lines:
            print(printable(f"  {line}"))
        if section.rows:
            _show_table(section, columns)


def _show_table(section: Section, columns: int) -> None:
    if columns < NARROW:
        for row in section.rows:
            for header, cell in zip(section.headers, row, strict=True):
                print(printable(f"  {header}: {cell}"))
            print()
    elif sys.stdout.isatty():
        _show_rich(section)
    else:
        print_table(section.headers, section.rows, right=section.right)


def _show_rich(section: Section) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE, pad_edge=False)
    for index, header in enumerate(section.headers):
        table.add_column(header, justify="right" if index in section.right else "left")
    for row in section.rows:
        # Text, not markup: a name in brackets is a name.
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console(highlight=False).print(table)
