"""How a verb ends when it does not end well: one line on stderr, and an exit code.

The text names a code of the registry and a place; where the command line itself is wrong, it is
the usage, where to get help and the mistake. A traceback is shown only with `YIDI_DEBUG=1`.
"""

from __future__ import annotations

import errno
import os
import sys

import click

from yidi.protocol.errors import (
    ErrorCode,
    LocalProtocolError,
    MissingAlgorithm,
    StoredDataError,
    TransportError,
    YidiError,
    sentence,
)
from yidi.scenarios.command.common import ExitCode, Language, printable, say

FACTS_MAX = 300
"""Characters shown of a foreign exception: one line of a wide terminal or two."""


def tell(error: BaseException, language: Language) -> int:
    """Say on stderr what went wrong.

    Returns:
        The exit code.
    """
    if os.environ.get("YIDI_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    match error:
        case click.ClickException():
            _tell_usage(error, language)
            return ExitCode.USAGE
        case KeyboardInterrupt() | click.Abort():
            say("已中断" if language == "zh" else "interrupted")
            return ExitCode.INTERRUPTED
        case YidiError():
            say(error.text(language))
            return _code_of(error)
        case OSError():
            return _tell_os_error(error, language)
        case SystemExit():
            return error.code if isinstance(error.code, int) else int(error.code is not None)
    facts = printable(f"{type(error).__name__}: {error}").replace("\n", " ")[:FACTS_MAX]
    say(f"E_INTERNAL {sentence(ErrorCode.E_INTERNAL, language)} ({facts}; YIDI_DEBUG=1)")
    return ExitCode.INTERNAL


def silence_stdout() -> None:
    """Keep the interpreter from writing again, at its end, what could not be written."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell_usage(error: click.ClickException, language: Language) -> None:
    usage, helping, mistake = (
        ("用法", "帮助", "错误") if language == "zh" else ("usage", "help", "error")
    )
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        pieces = " ".join(context.command.collect_usage_pieces(context))
        say(f"{usage}: {context.command_path} {pieces}")
        say(f"{helping}: {context.command_path} --help")
    if not isinstance(error, click.exceptions.NoArgsIsHelpError):
        said = error.format_message()
        say(f"{mistake}: {_in_chinese(error) if language == 'zh' else said}")


def _in_chinese(error: click.ClickException) -> str:
    """What click says in English, where it says why; its own facts are kept."""
    match error:
        case click.NoSuchOption():
            near = "、".join(error.possibilities or ())
            return f"没有选项 {error.option_name}" + (f"，是否指 {near}" if near else "")
        case click.MissingParameter() if error.param is not None:
            return f"缺少 {error.param.get_error_hint(error.ctx)}"
        case click.BadParameter() if error.param is not None:
            return f"{error.param.get_error_hint(error.ctx)} 的值不成立：{error.message}"
        case click.UsageError() if isinstance(error.ctx and error.ctx.command, click.Group):
            return f"没有这个命令（{error.format_message()}）"
    return error.format_message()


def _code_of(error: YidiError) -> ExitCode:
    """The exit code of an error that carries a code of the registry."""
    if isinstance(error, TransportError | MissingAlgorithm) or (
        error.code is ErrorCode.E_PORT_IN_USE
    ):
        return ExitCode.UNAVAILABLE
    if error.code is ErrorCode.E_INTERNAL or isinstance(error, LocalProtocolError):
        return ExitCode.INTERNAL
    # A scenario, or another file that was given to us, such as a claim that does not decode.
    return ExitCode.STORAGE if isinstance(error, StoredDataError) else ExitCode.USAGE


def _tell_os_error(error: OSError, language: Language) -> ExitCode:
    """Tell a closed pipe, a full disk, a taken port and an unusable path apart."""
    if error.errno == errno.EPIPE:
        return ExitCode.CLOSED_PIPE
    code, leaving = {
        errno.ENOSPC: (ErrorCode.E_STORAGE_FULL, ExitCode.STORAGE),
        errno.EDQUOT: (ErrorCode.E_STORAGE_FULL, ExitCode.STORAGE),
        errno.EADDRINUSE: (ErrorCode.E_PORT_IN_USE, ExitCode.UNAVAILABLE),
    }.get(error.errno or 0, (ErrorCode.E_OUTPUT, ExitCode.STORAGE))
    facts = " ".join(str(fact) for fact in (error.strerror, error.filename) if fact)
    say(f"{code} {sentence(code, language)} ({facts})")
    return leaving
