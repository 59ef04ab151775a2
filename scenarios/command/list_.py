"""`yidi list`: the scenarios that come with yidi, `yangtze-delta-month` first."""

from __future__ import annotations

from yidi.scenarios.command.common import (
    ExitCode,
    Language,
    json_option,
    language_option,
    print_json,
    print_table,
    say,
    verb,
)
from yidi.scenarios.library.heads import library_heads


@verb("list", "列出自带的场景", "List the scenarios that come with yidi.")
@language_option
@json_option
def list_(language: Language, as_json: bool) -> ExitCode:
    """Print name, title, tags and rules of every built-in scenario."""
    heads = library_heads()
    if as_json:
        print_json(heads)
        return ExitCode.OK
    zh = language == "zh"
    if not heads:
        say("没有自带场景" if zh else "There are no built-in scenarios.")
        return ExitCode.OK
    print_table(
        ["名称", "标题", "标签", "规则"] if zh else ["name", "title", "tags", "rules"],
        [
            [head.name, head.title.text(language), " ".join(head.tags), len(head.requirements)]
            for head in heads
        ],
        right=[3],
    )
    return ExitCode.OK
