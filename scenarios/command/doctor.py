"""`yidi doctor`: what this machine has and lacks, and what to do about it.

Each finding is needed (without it yidi does not work here) or wished for (yidi works, and says
what is slower or less pretty). Only a lack of something needed fails the command.
"""

from __future__ import annotations

import hashlib
import locale
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import msgspec

from yidi.protocol.errors import MissingAlgorithm
from yidi.protocol.signatures import need_sm2
from yidi.scenarios.command.common import (
    ExitCode,
    Language,
    json_option,
    language_option,
    print_json,
    print_table,
    verb,
)

DISK_MIN_BYTES = 1 << 30
"""A month of a large region writes a few hundred megabytes; a full disk ends a run with 4."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked for."""

    name: str
    state: Literal["ok", "missing", "poor"]
    needed: bool
    """Whether yidi cannot do its work without it."""
    found: str
    zh: str = ""
    """What to do, in Chinese; empty when all is well."""
    en: str = ""
    """The same in English."""


def look() -> Iterator[Finding]:
    """Look for everything, in the order in which it is shown."""
    yield Finding(name="python", state="ok", needed=True, found=platform.python_version())
    yield Finding(name="platform", state="ok", needed=True, found=platform.platform())
    yield from _dependencies()
    yield _event_loop()
    yield _digest()
    yield _signature()
    yield _encoding()
    yield _disk(Path.cwd())
    yield _browser()


def _dependencies() -> Iterator[Finding]:
    """The packages that the installed distribution asks for, extras aside."""
    for requirement in requires("yidi") or ():
        name = requirement.partition(";")[0].split("<")[0].split(">")[0].split("=")[0].strip()
        if "extra ==" in requirement or name == "uvloop":
            continue
        try:
            yield Finding(name=name, state="ok", needed=True, found=version(name))
        except PackageNotFoundError:
            yield Finding(
                name=name,
                state="missing",
                needed=True,
                found="-",
                zh=f"请安装 {name}，或重新执行 make",
                en=f"install {name}, or run make again",
            )


def _event_loop() -> Finding:
    if find_spec("uvloop") is not None:
        return Finding(name="uvloop", state="ok", needed=False, found=version("uvloop"))
    return Finding(
        name="uvloop",
        state="missing",
        needed=False,
        found="asyncio",
        zh="仅影响在线模式的速度，将使用 asyncio",
        en="only live runs are slower; asyncio is used instead",
    )


def _digest() -> Finding:
    """SM3 signs messages; chains and day digests are SHA-256, which is everywhere."""
    if "sm3" in hashlib.algorithms_available:
        return Finding(name="sm3", state="ok", needed=False, found="OpenSSL")
    return Finding(
        name="sm3",
        state="missing",
        needed=False,
        found="-",
        zh="本机 OpenSSL 不含 SM3，只有报文签名需要它",
        en="this OpenSSL has no SM3; only the signing of messages needs it",
    )


def _signature() -> Finding:
    """SM2 signs day and month documents, where messages are signed at all."""
    try:
        need_sm2()
    except MissingAlgorithm as error:
        return Finding(
            name="sm2",
            state="missing",
            needed=False,
            found="-",
            zh=f"只有报文签名需要它：{error.want}",
            en=f"only the signing of messages needs it: {error.want}",
        )
    return Finding(name="sm2", state="ok", needed=False, found=f"gmssl-pyx {version('gmssl-pyx')}")


def _encoding() -> Finding:
    encoding = locale.getencoding()
    try:
        "异地就医 ─".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return Finding(
            name="encoding",
            state="poor",
            needed=False,
            found=encoding,
            zh="输出一律为 UTF-8，建议设 LANG=C.UTF-8",
            en="output is UTF-8 all the same; set LANG=C.UTF-8",
        )
    return Finding(name="encoding", state="ok", needed=False, found=encoding)


def _disk(here: Path) -> Finding:
    free = shutil.disk_usage(here).free
    found = f"{free >> 20} MiB"
    if free >= DISK_MIN_BYTES:
        return Finding(name="disk", state="ok", needed=False, found=found)
    return Finding(
        name="disk",
        state="poor",
        needed=False,
        found=found,
        zh="剩余空间不足 1 GiB，请清理 runs/",
        en="less than 1 GiB is free; clear runs/",
    )


def _browser() -> Finding:
    names = ("chromium", "chromium-browser", "google-chrome", "firefox", "msedge")
    path = next(filter(None, map(shutil.which, names)), None)
    if path or sys.platform in ("win32", "darwin"):
        return Finding(name="browser", state="ok", needed=False, found=Path(path or "-").name)
    return Finding(
        name="browser",
        state="missing",
        needed=False,
        found="-",
        zh="report.html 可在任何浏览器中打开，本机未见",
        en="report.html opens in any browser; none was seen here",
    )


def _sign(finding: Finding, language: Language) -> str:
    """A word for the state, so that it can be read without colour."""
    words = {"ok": "正常", "missing": "缺失", "poor": "欠佳"}
    return words[finding.state] if language == "zh" else finding.state


@verb("doctor", "检查本机环境：有什么、缺什么、怎么办。", "Say what this machine has and lacks.")
@json_option
@language_option
def doctor(*, as_json: bool, language: Language) -> ExitCode:
    """Print the findings; fail when something needed is missing."""
    findings = list(look())
    if as_json:
        print_json(findings)
    else:
        zh = language == "zh"
        print_table(
            ("项目", "状态", "本机", "建议") if zh else ("item", "state", "found", "advice"),
            [
                (item.name, _sign(item, language), item.found, item.zh if zh else item.en)
                for item in findings
            ],
        )
    lacking = any(item.needed and item.state == "missing" for item in findings)
    return ExitCode.FAILED if lacking else ExitCode.OK
