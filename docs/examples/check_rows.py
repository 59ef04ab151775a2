# ruff: noqa: INP001 - an example that stands alone, for readers who have nothing of yidi
"""Checks the rows of a run's folder, with nothing but Python's own library.

    python check_rows.py FOLDER

It follows docs/bundle.md, "Checking without us": files, rows, sums. Exit code 0 if everything
holds, 1 if not. `read_journal.py` beside it does the same for the journal.
"""

import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

COUNTS = {"SETTLE": 1, "CANCEL": -1, "REVERSE": -1, "REINSTATE": 1}
STANDS = ("SETTLED", "CLEARED")


def rows(folder: Path, name: str) -> list[dict]:
    with (folder / name).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def check_files(folder: Path) -> Iterator[str]:
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    for name, digest in manifest["files"].items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            yield f"{name} is not what the manifest names"


def check_cases(cases: list[dict]) -> Iterator[str]:
    outcomes = defaultdict(set)
    for row in cases:
        parts = sum(row[f"{part}_fen"] for part in ("fund", "account", "cash", "hospital"))
        if parts != row["total_fen"] or sum(row["funds"].values()) != row["fund_fen"]:
            yield f"{row['node']} {row['key']}: the parts do not add up"
        if row["digest"]:
            seen = (row["state"], row["total_fen"], row["fund_fen"], row["digest"], row["day"])
            outcomes[row["key"]].add(seen)
    yield from (f"{key}: the nodes disagree" for key, seen in outcomes.items() if len(seen) > 1)


def check_postings(postings: list[dict], cases: list[dict]) -> Iterator[str]:
    balance = defaultdict(int)
    for posting in postings:
        if sum(fen for _, fen in posting["legs"]):
            yield f"{posting['node']} {posting['seq']}: the legs do not sum to 0"
        balance[posting["node"], posting["key"]] += COUNTS.get(posting["kind"], 0)
    for row in cases:
        if balance[row["node"], row["key"]] != (row["state"] in STANDS):
            yield f"{row['node']} {row['key']}: the postings do not make it {row['state']}"


def check_clearing(clearing: list[dict], cases: list[dict], notices: list[dict]) -> Iterator[str]:
    sums = defaultdict(lambda: [0, 0, 0])
    for row in cases:
        if row["node"].startswith("hub:") and row["state"] == "CLEARED":
            for place, fen in enumerate((1, row["total_fen"], row["fund_fen"])):
                sums[row["batch"]][place] += fen
    told = defaultdict(list)
    for notice in notices:
        if notice["kind"] in ("payment", "collection"):
            told[notice["batch"]].append(notice["amount_fen"])
    for row in clearing:
        if sums[row["batch"]] != [row["count"], row["total_fen"], row["fund_fen"]]:
            yield f"{row['batch']}: not the sum of its cases"
        if row["payable_fen"] != row["fund_fen"] + row["account_fen"] + row["adjust_fen"]:
            yield f"{row['batch']}: payable is not fund, account and adjustments"
        if any(abs(fen) != abs(row["payable_fen"]) for fen in told[row["batch"]]):
            yield f"{row['batch']}: a notice names another sum"


def main(folder: Path) -> int:
    cases = rows(folder, "cases.jsonl")
    clearing, notices = rows(folder, "clearing.jsonl"), rows(folder, "notices.jsonl")
    problems = [
        *check_files(folder),
        *check_cases(cases),
        *check_postings(rows(folder, "postings.jsonl"), cases),
        *check_clearing(clearing, cases, notices),
    ]
    print("\n".join(problems) or f"{len(cases)} rows and {len(clearing)} batches hold")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
