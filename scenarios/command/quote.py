"""`yidi quote`: one claim (or a list) in, one split (or a list) out, with the steps explained.

The computation is that of the insured region's node; this verb only reads JSON, asks
`nodes.benefit.explain`, and shows the result as JSON or as a table. A refusal stands in the
place of its split, and makes the verb end with 1; nothing stops a list half way.
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

import click

from yidi.nodes.benefit import Claim, Split, Step, explain
from yidi.nodes.policy import PolicyBook
from yidi.protocol.errors import ErrorCode, RemoteProtocolError, sentence
from yidi.protocol.money import ratio_text, yuan
from yidi.scenarios.command.common import (
    ExitCode,
    Language,
    both,
    json_option,
    language_option,
    print_json,
    printable,
    verb,
)
from yidi.scenarios.command.quote_input import (
    FIELDS,
    SIZE_MAX,
    YEAR_AMOUNTS,
    Mistake,
    Reading,
    read_claim,
    read_document,
)
from yidi.scenarios.command.quote_table import claim_title, print_split
from yidi.scenarios.library.benefit_words import (
    is_illustrative,
    step_numbers,
    step_provenance,
    step_sentence,
)
from yidi.scenarios.library.policy_file import load_policies

UNKNOWN_MAX = 10
"""Unknown fields named in one warning; a wrong file has hundreds."""

FIELD_NAME_MAX = 64
"""Characters shown of a name that came from outside."""

KNOWN = (*FIELDS, "stays", *YEAR_AMOUNTS)

Result = dict[str, object]


@verb("quote", "按参保地政策试算一笔或一组费用。", "Split one claim, or a list, by its policy.")
@click.argument(
    "source", metavar="FILE|-", type=click.Path(exists=True, dir_okay=False, allow_dash=True)
)
@click.option(
    "--policies",
    "policies",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help=both("自己的政策文件，覆盖自带政策", "Your own policy file, laid over the built-in ones."),
)
@json_option
@language_option
def quote(source: str, policies: tuple[str, ...], as_json: bool, language: Language) -> ExitCode:
    """Read the claims, split them, print the splits; 1 if one was refused."""
    book = load_policies(policies)
    try:
        document = read_document(_bytes_of(source))
    except RemoteProtocolError as error:
        want = (error.want, error.want)
        mistake = Mistake(code=error.code, at=error.at, want=want, limit=error.limit)
        readings, many = [Reading(mistake=mistake)], False
    else:
        many = isinstance(document, list)
        found = document if isinstance(document, list) else [document]
        readings = [
            read_claim(value, f"$[{index}]" if many else "$") for index, value in enumerate(found)
        ]
    results = [answer(reading, book, language) for reading in readings]
    if as_json:
        print_json(results if many else results[0])
    else:
        for index, (reading, result) in enumerate(zip(readings, results, strict=True)):
            print_split(reading.claim, result, language, number=index + 1 if many else None)
    refused = any("code" in result for result in results)
    return ExitCode.FAILED if refused else ExitCode.OK


def answer(reading: Reading, book: PolicyBook, language: Language) -> Result:
    """The split of one claim as JSON has it, or the refusal in its place."""
    if reading.claim is None or reading.mistake is not None:
        mistake = reading.mistake or Mistake(code=ErrorCode.E_DECODE, at="$")
        result = refusal(mistake, language)
    else:
        split, steps = explain(reading.claim, book)
        if isinstance(split, ErrorCode):
            result = _business_refusal(split, reading.claim, language)
        else:
            result = _amounts(split)
            result["steps"] = [_step(step, reading.claim, book, language) for step in steps]
    if reading.unknown:
        result["warn_msg"] = warning(reading.unknown, language)
    return result


def _bytes_of(source: str) -> bytes:
    """At most one byte more than may be read, so that an endless input ends.

    Raises:
        click.BadParameter: the file cannot be read.
    """
    if source == "-":
        return sys.stdin.buffer.read(SIZE_MAX + 1)
    try:
        with Path(source).open("rb") as file:
            return file.read(SIZE_MAX + 1)
    except OSError as error:
        raise click.BadParameter(f"{source}: {error.strerror}", param_hint="FILE") from None


def _amounts(split: Split) -> Result:
    """The output fields. Source: design 6."""
    return {
        "inscp_scp_amt": yuan(split.inscp_fen),
        "act_pay_dedc": yuan(split.deductible_fen),
        "pool_prop_selfpay": ratio_text(split.ratio_bp),
        "hifp_pay": yuan(split.hifp_fen),
        "hifob_pay": yuan(split.hifob_fen),
        "hifmi_pay": yuan(split.hifmi_fen),
        "cvlserv_pay": yuan(split.cvlserv_fen),
        "maf_pay": yuan(split.maf_fen),
        "fund_pay_sumamt": yuan(split.fund_fen),
        "acct_pay": yuan(split.account_fen),
        "psn_cash_pay": yuan(split.cash_fen),
        "psn_part_amt": yuan(split.psn_part_fen),
        "hosp_part_amt": yuan(split.hospital_fen),
    }


def _step(step: Step, claim: Claim, book: PolicyBook, language: Language) -> Result:
    provenance = step_provenance(step, claim, book)
    illustrative = is_illustrative(provenance)
    return {
        "rule": step.rule,
        "numbers": step_numbers(step),
        "sentence": step_sentence(step, language, illustrative=illustrative),
        "illustrative": illustrative,
        "provenance": provenance,
    }


def refusal(mistake: Mistake, language: Language) -> Result:
    """A refused input as JSON has it."""
    said = sentence(mistake.code, language)
    want = mistake.want[0 if language == "zh" else 1]
    if want:
        said = f"{said}（应为 {want}）" if language == "zh" else f"{said} (want {want})"
    at = printable(mistake.at)
    result: Result = {"code": mistake.code.value, "at": at, "sentence": said}
    if mistake.limit is not None:
        result["limit"] = mistake.limit
    return result


def _business_refusal(code: ErrorCode, claim: Claim, language: Language) -> Result:
    """Why the insured region refuses, with the facts that it decided by."""
    facts = claim_title(claim, language)
    said = sentence(code, language)
    if code is ErrorCode.E_SCOPE:
        inscp = claim.total_fen - claim.full_self_fen - claim.over_limit_fen - claim.prepay_fen
        facts = f"{yuan(claim.total_fen)}, inscp_scp_amt {yuan(inscp)}"
    said = f"{said}（{facts}）" if language == "zh" else f"{said} ({facts})"
    return {"code": code.value, "at": "$", "sentence": said}


def warning(unknown: tuple[str, ...], language: Language) -> str:
    """Name the fields that were ignored, each with what may have been meant."""
    named = []
    for path in unknown[:UNKNOWN_MAX]:
        near = difflib.get_close_matches(path.rpartition(".")[2], KNOWN, n=1)
        hint = f" → {near[0]}?" if near else ""
        named.append(printable(path[:FIELD_NAME_MAX]) + hint)
    if len(unknown) > UNKNOWN_MAX:
        named.append(f"… +{len(unknown) - UNKNOWN_MAX}")
    listed = ", ".join(named)
    return f"未定义的字段已忽略：{listed}" if language == "zh" else f"Unknown, ignored: {listed}"
