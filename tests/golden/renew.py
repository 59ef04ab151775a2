"""Write `hashes.json` anew: the hashes of the golden scenarios as they come out now.

Run it only when rules or messages changed on purpose; see README.md.
"""

from __future__ import annotations

import json
from pathlib import Path

from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.library.loader import load

GOLDEN = Path(__file__).parent


def hashes(name: str) -> dict[str, str]:
    """Run a golden scenario; its journal hash and its books hash."""
    report = judged_run(load(str(GOLDEN / f"{name}.toml"))).report
    return {"journal": report.journal_hash, "books": report.books_hash}


def main() -> None:
    """Run all, write the file."""
    found = {path.stem: hashes(path.stem) for path in sorted(GOLDEN.glob("*.toml"))}
    (GOLDEN / "hashes.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
