"""`yidi schema json|asyncapi|openapi`: what the interfaces are, made from the types."""

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


@verb(
    "schema",
    "输出接口的 JSON Schema、AsyncAPI 或 OpenAPI 文档。",
    "Print the JSON Schema, AsyncAPI or OpenAPI document.",
)
@click.argument(
    "kind", metavar="json|asyncapi|openapi", type=click.Choice(["json", "asyncapi", "openapi"])
)
@click.option("--compact", is_flag=True, help=both("不缩进", "One line."))
@language_option
def schema(kind: str, compact: bool, language: Language) -> ExitCode:  # noqa: ARG001 - errors use it
    """Print one document."""
    import msgspec

    from yidi.broker.asyncapi import asyncapi_document
    from yidi.broker.gateway.openapi import openapi_document
    from yidi.broker.schemas import json_schema

    if kind == "openapi":
        document = openapi_document()
    else:
        document = msgspec.json.encode(json_schema() if kind == "json" else asyncapi_document())
    if compact:
        print(document.decode())
    else:
        print_json(msgspec.json.decode(document))
    return ExitCode.OK
