"""A scenario of as many scripted visits as a test wants, all on one accounting day."""

from __future__ import annotations

from pathlib import Path

from yidi.scenarios.library.loader import LoadedScenario, load

HEAD = """
schema = 1
name = "many-visits"
title = {{ zh = "多次门诊", en = "Many visits" }}
story = {{ zh = "为测试而编。", en = "Made up for a test." }}
source = "made up for a test"
duration = "{0}s"
illustrative = ["everything"]
[[region]]
code = "340600"
roles = ["insured"]
[[region]]
code = "310000"
roles = ["treatment"]
[[institution]]
code = "H31010100001"
name = "示例医院"
region = "310000"
level = "2"
"""
VISIT = """
[[person]]
id = "p{0}"
name = "测试{0}"
region = "340600"
filings = [{{ category = "long_stay", area = "310000" }}]
[[case]]
id = "c{0}"
person = "p{0}"
institution = "H31010100001"
at = "{1}ms"
[[case.step]]
do = "fee_upload"
fields = {{ med_type = "11", amount = "{2}.00" }}
{3}
"""
TRIAL_AND_SETTLEMENT = """
[[case.step]]
do = "pre_settlement"
[[case.step]]
do = "settlement"
"""
LATE_SETTLEMENT = """
[[case.step]]
do = "settlement"
after = "{0}ms"
"""


def many_visits(
    folder: Path, visits: int, every_ms: int, more: str = "", *, settle_after_ms: int = 0
) -> LoadedScenario:
    """`visits` outpatients, one a person, each so many milliseconds after the last.

    `more` is put in front of the persons: other tables of the scenario. With `settle_after_ms`
    nobody asks for a pre-settlement, and everybody settles so long after the fees are known.
    """
    rest = LATE_SETTLEMENT.format(settle_after_ms) if settle_after_ms else TRIAL_AND_SETTLEMENT
    text = HEAD.format(60 + visits * every_ms // 1_000) + more
    text += "".join(VISIT.format(n, n * every_ms, 500 + n, rest) for n in range(visits))
    path = folder / "many-visits.toml"
    path.write_text(text, "utf-8")
    return load(str(path))
