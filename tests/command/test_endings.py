"""How a verb ends when it does not end well (what a shell sees is in test_cli)."""

from __future__ import annotations

import errno

import click
import pytest

from yidi.protocol.errors import ErrorCode, ScenarioError
from yidi.scenarios.command.endings import tell


@click.command("probe")
@click.option("--seed", type=int)
@click.argument("name")
def probe(seed, name):
    """Stand in for a verb with an option and an argument."""


def _mistake(*words: str) -> click.UsageError:
    with pytest.raises(click.UsageError) as caught:
        probe.make_context("probe", list(words))
    return caught.value


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sed", "1"], "没有选项 --sed，是否指 --seed"),
        ([], "缺少 'NAME'"),
        (["--seed", "abc", "x"], "'--seed' 的值不成立"),
    ],
)
def test_a_wrong_command_line_is_explained_in_chinese(words, said, capsys):
    """What click says in English is said in Chinese to a reader of Chinese."""
    assert 2 == tell(_mistake(*words), "zh")
    out, err = capsys.readouterr()

    assert "" == out
    assert f"错误: {said}" in err


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_error_of_the_registry_is_one_line_in_one_language(language, capsys):
    """A scenario error is its code, its sentence and its facts."""
    assert 2 == tell(ScenarioError(ErrorCode.E_RANGE, at="loss", got="\x1b[2J"), language)
    said = capsys.readouterr().err

    assert ("数值超出范围" in said) == (language == "zh")
    assert "\x1b" not in said
    assert 1 == said.count("\n")


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.EPIPE, 141), (errno.ENOSPC, 4), (errno.EDQUOT, 4), (errno.EADDRINUSE, 3)]
    + [(number, 4) for number in (errno.EACCES, errno.ENOENT, errno.EROFS, errno.EISDIR)],
)
def test_the_operating_system_is_told_apart(number, code, capsys):
    """A closed pipe is quiet, a taken port is 3, storage that cannot be used is 4."""
    assert code == tell(OSError(number, "reason", "file"), "en")
    assert (code == 141) == ("" == capsys.readouterr().err)


def test_an_own_error_is_cut_and_has_no_line_of_its_own(capsys):
    """An unforeseen exception becomes one line of bounded length."""
    assert 5 == tell(RuntimeError("a\nb\x1b" + "x" * 5_000), "en")
    said = capsys.readouterr().err

    assert 1 == said.count("\n")
    assert len(said) < 500
