"""What people read first: it says nothing that the program does not do."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from tests.docs_pages import (
    DOCS,
    ENGLISH,
    NOT_RUN,
    OWN_TESTS,
    PAGES,
    ROOT,
    blocks,
    chinese_of,
    code_by_heading,
    commands,
    headings,
    inline_code,
    links,
    slug,
    tables_by_heading,
)
from yidi.protocol.errors import ErrorCode
from yidi.scenarios.command import cli
from yidi.scenarios.judging.bundle import Manifest, ManualOut
from yidi.scenarios.judging.check_titles import OWN_TITLES, TITLES
from yidi.scenarios.judging.judged_run import RunReport, judged_run
from yidi.scenarios.judging.rows import CaseRow, ClearingRow, DifferenceRow, Notice, PostingRow
from yidi.scenarios.library import schema
from yidi.scenarios.library.loader import load

IDS = [str(page.relative_to(ROOT)) for page in PAGES]
page_of = pytest.mark.parametrize("page", PAGES, ids=IDS)

SECTIONS: dict[str, Any] = {
    "the file": schema.Scenario,
    "[[region]]": schema.Region,
    "[[link]]": schema.Link,
    "latency": schema.Latency,
    "[[person]]": schema.Person,
    "ytd": schema.YearToDate,
    "filings": schema.HeldFiling,
    "[[institution]]": schema.Institution,
    "[[case]]": schema.Case,
    "[[case.step]]": schema.Step,
    "fields": schema.Fields,
    "items": schema.Item,
    "[[flow]]": schema.Flow,
    "arrivals": schema.Arrivals,
    "mix": schema.Mix,
    "bill": schema.Bill,
    "[[fault]]": schema.Fault,
    "[[expect]]": schema.Expect,
    "filter": schema.CaseFilter,
    "[checks]": schema.Checks,
    "skip": schema.Skip,
    "[clearing]": schema.Clearing,
    "calendar": schema.Calendar,
    "payment_fail": schema.PaymentFail,
}
"""Heading of docs/scenarios.md → the table of the scenario file it describes."""

COLUMNS: dict[str, Any] = {
    "cases.jsonl": CaseRow,
    "postings.jsonl": PostingRow,
    "clearing.jsonl": ClearingRow,
    "notices.jsonl": Notice,
    "differences.jsonl": DifferenceRow,
    "manual.jsonl": ManualOut,
}
"""Heading of docs/bundle.md → the rows of that file."""


# ---------------------------------------------------------------------------- made from code


def test_pages_made_from_the_code_are_current():
    """docs/errors.md and its like are what `make docs` writes now."""
    maker = runpy.run_path(str(DOCS / "make_reference.py"))

    stale = [
        name for name, make in maker["PAGES"].items() if (DOCS / name).read_text("utf-8") != make()
    ]

    assert [] == stale, "run `make docs`"


def test_every_check_is_explained():
    """docs/checks.toml has a sentence in both languages for each check, and for no other."""
    meanings = tomllib.loads((DOCS / "checks.toml").read_text("utf-8"))

    assert set(TITLES) | set(OWN_TITLES) == set(meanings)
    assert all({"zh", "en"} == set(row) for row in meanings.values())


@pytest.mark.parametrize("name", ["bundle.md", "bundle.zh-CN.md"])
def test_every_column_of_a_bundle_is_named(name: str):
    """Each file's section begins with its columns, in their order."""
    titles = [title for _, title in headings(DOCS / name)]
    for file, kind in COLUMNS.items():
        words = iter(code_by_heading(DOCS / name)[titles.index(file)])
        columns = [field.encode_name for field in msgspec.structs.fields(kind)]

        assert [] == [column for column in columns if column not in words], file


def test_every_key_of_a_result_is_named():
    """What manifest and result hold is told."""
    text = (DOCS / "bundle.md").read_text("utf-8")
    for kind in (Manifest, RunReport):
        for name in kind.__struct_fields__:
            assert f"`{name}`" in text or name in ("schema", "scenario", "title", "seed"), name


@pytest.mark.parametrize("name", ["scenarios.md", "scenarios.zh-CN.md"])
def test_every_key_of_a_scenario_file_is_described(name: str):
    """Each table has exactly the keys of its type, and says which of them are required."""
    english = [title for _, title in headings(DOCS / "scenarios.md")]
    tables = tables_by_heading(DOCS / name)
    required = "required" if name == "scenarios.md" else "必填"
    for heading, kind in SECTIONS.items():
        place = [title.replace("`", "").lower() for title in english].index(heading)
        rows = {row[0].strip("`"): row[2] for row in tables[place][0]}
        known = {field.encode_name: field.required for field in msgspec.structs.fields(kind)}

        assert set(known) == set(rows), heading
        said = {key for key, default in rows.items() if default == required}
        assert {key for key, must in known.items() if must} == said, heading


def test_every_step_word_is_described():
    """The words of the page are the words of the schema."""
    place = [title for _, title in headings(DOCS / "scenarios.md")].index("`[[case.step]]`")
    rows = tables_by_heading(DOCS / "scenarios.md")[place][1]

    assert set(schema.StepWord.__args__) == {row[0].strip("`") for row in rows}


# ---------------------------------------------------------------------------- links and names


@page_of
def test_links_lead_somewhere(page: Path):
    """Every relative link names a file that is there, and a heading that it has."""
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page

        assert file.exists(), target
        if anchor and file.suffix == ".md":
            assert anchor in [slug(title) for _, title in headings(file)], target


@page_of
def test_pages_name_no_machine_and_no_registry(page: Path):
    """No absolute path, no place outside the repository, no address of a package registry."""
    text = page.read_text("utf-8")
    for pattern in (
        r"(?<![\w.)\]>-])/(?:work|home|root|usr|tmp|opt|var|mnt)/",
        r"\.\./shared",
        r"pypi\.org|pythonhosted|registry\.npmjs|proxy\.golang",
    ):
        assert re.search(pattern, text) is None, pattern


@page_of
def test_codes_and_checks_that_pages_name_exist(page: Path):
    """Every E_… is in the registry, every INV-… among the checks, every `make` target there."""
    text = page.read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    words = [*inline_code(page), *(line for _, line in commands(page))]

    assert set(re.findall(r"\bE_[A-Z_]*[A-Z]\b", text)) <= {str(code) for code in ErrorCode}
    assert set(re.findall(r"\bINV-\d\d\b", text)) <= set(TITLES)
    assert {word.split()[1] for word in words if word.startswith("make ")} <= targets


@page_of
def test_files_that_pages_name_exist(page: Path):
    """A path of the source in code marks is there."""
    rooms = ("protocol/", "broker/", "nodes/", "scenarios/", "tests/", "docs/")
    for word in inline_code(page):
        if word.startswith(rooms) and re.fullmatch(r"[\w./-]+", word):
            assert (ROOT / word).exists(), word


@pytest.mark.parametrize("name", ["tour.md", "tour.zh-CN.md"])
def test_names_of_the_tour_are_where_it_says(name: str):
    """Every function and class is in the file that the tour has named last before it."""
    source = ""
    for word in inline_code(DOCS / name):
        if word.endswith((".py", ".toml")):
            source = (ROOT / word).read_text("utf-8")
        elif source and re.fullmatch(r"_?[A-Za-z][\w.]*(\(\))?", word):
            for part in word.removesuffix("()").split("."):
                assert re.search(rf"\b{re.escape(part)}\b", source), word


# ---------------------------------------------------------------------------- two languages


@pytest.mark.parametrize("page", ENGLISH, ids=[str(page.relative_to(ROOT)) for page in ENGLISH])
def test_both_languages_say_the_same(page: Path):
    """The same headings at the same depth, the same commands, the same tables by size."""
    other = chinese_of(page)

    assert [depth for depth, _ in headings(page)] == [depth for depth, _ in headings(other)]
    assert [line for _, line in commands(page)] == [line for _, line in commands(other)]
    shape = [[len(rows) for rows in tables] for tables in tables_by_heading(page)]
    assert shape == [[len(rows) for rows in tables] for tables in tables_by_heading(other)]


# ---------------------------------------------------------------------------- commands


@page_of
def test_options_that_pages_name_exist(page: Path):
    """Every `yidi VERB --option`, in a line of shell or in code marks, is one that there is."""
    said = [line for _, line in commands(page)] + inline_code(page)
    for words in (text.split() for text in said if text.startswith("yidi ")):
        if len(words) < 2 or words[1].startswith("-"):
            continue
        context = click.Context(cli.cli, info_name="yidi")
        row = cli.VERBS.get(words[1])
        assert words[1] in cli.cli.list_commands(context), words
        assert row is not None
        module, function = row.target.split(":")
        verb = getattr(__import__(cli._module(module), fromlist=[function]), function)
        if isinstance(verb, click.Group) and len(words) > 2:
            assert words[2] in verb.commands or words[2].isupper(), words
            verb = verb.commands.get(words[2], verb)
        known = {name for param in verb.params for name in param.opts}
        unknown = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)} - known
        assert not unknown - {"--help", "-h", "--lang"}, words


CHINESE = [chinese_of(page) for page in ENGLISH]
RUN = [p for p in PAGES if p not in CHINESE and not p.name.startswith(OWN_TESTS)]


@pytest.mark.parametrize("page", RUN, ids=[str(page.relative_to(ROOT)) for page in RUN])
def test_commands_of_a_page_work_as_written(page: Path, tmp_path: Path, monkeypatch, capsys):
    """In the order of the page, in one fresh folder, each ends with the code it says."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(DOCS / "examples", tmp_path / "docs" / "examples")
    for code, line in commands(page):
        if not line.startswith("yidi ") or line.startswith(tuple(NOT_RUN)):
            continue
        with pytest.raises(SystemExit) as leaving:
            cli.main(shlex.split(line)[1:])
        assert code == leaving.value.code, (line, capsys.readouterr().err)


@page_of
def test_lines_of_shell_are_known(page: Path):
    """A line of a shell block is run, or stands in `NOT_RUN` with the reason."""
    if page.name.startswith(OWN_TESTS):
        return
    for _, line in commands(page):
        assert line.startswith(("yidi ", *NOT_RUN)) or re.match(r"[A-Z_]+=", line), line


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_table_of_verbs_is_that_of_the_program(name: str):
    """The README has a row for every verb that there is, with an example that names it."""
    rows = next(
        table for tables in tables_by_heading(ROOT / name) for table in tables
        if table[0][0] == "`demo`"
    )  # fmt: skip
    verbs = cli.cli.list_commands(click.Context(cli.cli, info_name="yidi"))

    assert set(verbs) == {row[0].strip("`") for row in rows}
    assert all(row[2].startswith(f"`yidi {row[0].strip('`')}") for row in rows)


@page_of
def test_blocks_of_toml_parse(page: Path):
    """What is shown as TOML is TOML."""
    for text in blocks(page, "toml"):
        tomllib.loads(text)


def test_a_run_can_be_checked_without_us(tmp_path: Path):
    """docs/examples/check_rows.py agrees with a run, and finds one fen that is out of place."""
    judged_run(load("reconciliation-difference"), tmp_path)
    words = [sys.executable, "-I", str(DOCS / "examples" / "check_rows.py"), str(tmp_path)]
    whole = subprocess.run(words, capture_output=True, encoding="utf-8", check=False)
    rows = (tmp_path / "cases.jsonl").read_text("utf-8")
    (tmp_path / "cases.jsonl").write_text(rows.replace('"cash_fen":', '"cash_fen":1', 1), "utf-8")
    spoilt = subprocess.run(words, capture_output=True, encoding="utf-8", check=False)

    assert (0, 1) == (whole.returncode, spoilt.returncode), whole.stdout
    assert "the parts do not add up" in spoilt.stdout


@pytest.mark.slow
def test_the_demo_runs_as_the_readme_says(tmp_path: Path):
    """`yidi demo` ends with 0, and says where the page and the files are."""
    run = subprocess.run(
        [sys.executable, "-m", "yidi.scenarios.command.cli", "demo", "--lang", "en"],
        cwd=tmp_path, capture_output=True, encoding="utf-8", check=False, timeout=300,
    )  # fmt: skip

    assert 0 == run.returncode, run.stderr
    for word in ("Verdict: PASS", "What happened to one patient", "Clearing", "Checks"):
        assert word in run.stdout
    folder = tmp_path / "runs" / (tmp_path / "runs" / "last").read_text("utf-8").strip()
    assert (folder / "report.html").is_file()
