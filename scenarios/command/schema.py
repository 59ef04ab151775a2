"""`yidi schema openapi|json`: the documents that describe the interfaces, made from the types."""

from __future__ import annotations

import click

from yidi.scenarios.command.common import (
    ExitCode,
    Language,
    both,
    language_option,
    print_json,
    verb,
)


@verb("schema", "输出接口的 OpenAPI 或 JSON Schema。", "Print the OpenAPI or JSON Schema document.")
@click.argument("kind", metavar="openapi|json", type=click.Choice(["openapi", "json"]))
@click.option("--compact", is_flag=True, help=both("不缩进", "One line."))
@language_option
def schema(kind: str, compact: bool, language: Language) -> ExitCode:  # noqa: ARG001 - errors use it
    """Print one document."""
    import msgspec

    from yidi.broker.gateway.openapi import json_schema, openapi_document

    document = openapi_document() if kind == "openapi" else msgspec.json.encode(json_schema())
    if compact:
        print(document.decode())
    else:
        print_json(msgspec.json.decode(document))
    return ExitCode.OK
