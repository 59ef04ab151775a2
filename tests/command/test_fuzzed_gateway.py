"""schemathesis against a served network: whatever its OpenAPI lets it make up, never a 500."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.command.test_serve import ENVIRONMENT, ROOT, TOKEN, answers, serving, shell

SCHEMATHESIS = str(Path(sysconfig.get_path("scripts")) / "schemathesis")
SECONDS = 40
"""Half of it goes through every field of every operation, half draws whole calls."""
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)


@pytest.mark.slow
def test_no_call_is_answered_with_500(tmp_path):
    """Hundreds of calls, half of them with public parameters that are right; all conform."""
    with serving("--rate", "100000", scope="*") as (facts, _):
        done = fuzz(facts["port"], tmp_path)
        still = answers(shell(facts["curl"].replace("$TOKEN", TOKEN), facts["port"]))
    counted = re.search(r"(\d+) generated, (\d+) passed", done.stdout)

    assert done.returncode == 0, done.stdout[-4_000:]
    assert counted, done.stdout[-4_000:]
    assert int(counted[1]) == int(counted[2]) > 500
    assert "Authentication failed" not in done.stdout
    assert 0 == still[0]["infcode"]


def fuzz(port: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """One bounded run against a port."""
    return subprocess.run(
        [SCHEMATHESIS, "run", f"http://127.0.0.1:{port}/openapi.json", "--no-color",
         "-H", f"Authorization: Bearer {TOKEN}", "--phases", "coverage,fuzzing",
         "--checks", CHECKS, "--max-examples", "10", "--max-time", str(SECONDS),
         "--request-timeout", "60", "--generation-deterministic", "--no-shrink",
         "--continue-on-failure"],
        env=ENVIRONMENT | {"SCHEMATHESIS_HOOKS": "tests.broker.gateway.fuzz_hooks",
                           "PYTHONPATH": str(ROOT)},
        cwd=folder, capture_output=True, encoding="utf-8", timeout=4 * SECONDS, check=False,
    )  # fmt: skip
