"""The documents that describe the gateway: whole, and about what is really read."""

from __future__ import annotations

import json
from typing import Any

from openapi_spec_validator import validate

from yidi.broker.gateway.inputs import BY_PATH, CALL_SERVICE, CALLS
from yidi.broker.gateway.openapi import openapi_document
from yidi.broker.schemas import json_schema


def references(value: Any) -> list[str]:
    """Every $ref below a value."""
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [one for below in value.values() for one in references(below)]
    return [one for below in value for one in references(below)] if isinstance(value, list) else []


def test_every_reference_leads_somewhere() -> None:
    """In both documents."""
    for document in (json.loads(openapi_document()), json_schema()):
        for reference in references(document):
            place: Any = document
            for step in reference.removeprefix("#/").split("/"):
                place = place[step]
            assert place


def test_the_document_is_valid() -> None:
    """By the validator of the specification."""
    validate(json.loads(openapi_document()))


def test_a_call_names_its_own_transaction() -> None:
    """So that exactly one alternative of callService fits."""
    schemas = json.loads(openapi_document())["components"]["schemas"]

    for call in CALLS:
        assert [call.infno] == schemas[f"Call{call.infno}"]["properties"]["infno"]["enum"]


def test_every_route_is_described() -> None:
    """callService, each transaction below it, and the paths of the provinces."""
    paths = json.loads(openapi_document())["paths"]

    wanted = {CALL_SERVICE, *BY_PATH, *(f"{CALL_SERVICE}/{call.infno}" for call in CALLS)}
    assert wanted == set(paths)
    names = [one["post"]["operationId"] for one in paths.values()]
    assert len(set(names)) == len(names)
    assert all({"200", "401", "429", "503", "504"} <= set(one["post"]["responses"])
               for one in paths.values())  # fmt: skip


def test_fields_are_those_that_are_read() -> None:
    """Required fields are required, and amounts may be numbers."""
    schemas = json.loads(openapi_document())["components"]["schemas"]
    claim = schemas["Data2304"]

    assert "medfee_sumamt" in claim["required"]
    kinds = claim["properties"]["medfee_sumamt"]["anyOf"]
    assert {"string", "number"} == {one["type"] for one in kinds}
    assert "mdtrtarea_admvs" in schemas["Call2304"]["required"]
    assert "insuplc_admdvs" not in schemas["Call2304"]["required"]
