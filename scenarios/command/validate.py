"""`yidi validate FILE…`: whether scenario files hold, each error with file, line and key."""

from __future__ import annotations

import click

from yidi.protocol.errors import Problem, ScenarioError
from yidi.scenarios.command.common import (
    ExitCode,
    Language,
    both,
    json_option,
    language_option,
    print_json,
    printable,
    say,
    verb,
)
from yidi.scenarios.library.loader import LoadedScenario, load


@verb("validate", "检查场景文件", "Check scenario files.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--set",
    "settings",
    metavar="PATH=VALUE",
    multiple=True,
    help=both("改动一个值再检查", "Change one value first: seed=7, flow[0].arrivals.per_day=10."),
)
@language_option
@json_option
def validate(
    files: tuple[str, ...], settings: tuple[str, ...], language: Language, as_json: bool
) -> ExitCode:
    """Check every file, also after one failed; say what is wrong with each that does."""
    results = [(file, _checked(file, settings)) for file in files]
    if as_json:
        print_json([_as_object(file, result, language) for file, result in results])
    else:
        for file, result in results:
            if isinstance(result, ScenarioError):
                say(result.text(language))
            else:
                print(printable(_line(file, result, language)))
    failed = any(isinstance(result, ScenarioError) for _, result in results)
    return ExitCode.USAGE if failed else ExitCode.OK


def _checked(file: str, settings: tuple[str, ...]) -> LoadedScenario | ScenarioError:
    try:
        loaded = load(file, settings)
        _check_policies(loaded)
    except ScenarioError as error:
        return error
    return loaded


def _check_policies(loaded: LoadedScenario) -> None:
    """The policy files a scenario names must hold too."""
    from yidi.scenarios.library.policy_file import load_policies

    if loaded.scenario.policies:
        load_policies([loaded.folder / name for name in loaded.scenario.policies])


def _line(file: str, result: LoadedScenario, language: Language) -> str:
    scenario = result.scenario
    if language == "zh":
        return f"{file}: 通过（{scenario.name}，{scenario.title.zh}）"
    return f"{file}: holds ({scenario.name}, {scenario.title.en})"


def _as_object(
    file: str, result: LoadedScenario | ScenarioError, language: Language
) -> dict[str, str | Problem | None]:
    if isinstance(result, ScenarioError):
        return {"file": file, "name": None, "problem": result.problem(language)}
    return {"file": file, "name": result.scenario.name, "problem": None}
