"""yidi's own insured region behind HTTP, as somebody else's node: documents in, documents out."""

from __future__ import annotations

import json

import msgspec

from yidi.broker.external.documents import Facts, answer_document
from yidi.broker.external.http import FACT_HEADERS
from yidi.protocol.bodies import body_type
from yidi.protocol.codec import encode
from yidi.protocol.envelope import Link, Origin, Stamp, seal
from yidi.protocol.errors import RemoteProtocolError
from yidi.protocol.instants import Instant, parse_datetime
from yidi.protocol.national import from_national
from yidi.scenarios.library.loader import LoadedScenario
from yidi.scenarios.running.run import assemble


class HonestNode:
    """Serves one scenario at a time; the handshake begins it anew."""

    def __init__(self, address: str, scenarios: list[LoadedScenario]) -> None:
        self.address = address
        self.scenarios = iter(scenarios)
        self.node = None
        self.now = Instant(0)

    def __call__(self, request, headers):
        if request["infno"] == "init":
            self.node = assemble(next(self.scenarios)).nodes[self.address]
            self.now = Instant(0)
            return {"infcode": 0, "output": {}}
        facts = self.facts(headers)
        flat = {}
        for name, value in request["input"].items():
            flat |= value if isinstance(value, dict) else {name: value}
        try:
            body, _ = from_national(body_type(request["infno"], 0), json.dumps(flat).encode())
        except RemoteProtocolError as error:
            return {"infcode": -1, "err_msg": f"{error.code} {error.at}"}
        return self.handled(request, facts, encode(body))

    def facts(self, headers):
        """What the headers say beside the document."""
        lowered = {name.lower(): value for name, value in headers.items()}
        said = {name: lowered[header.lower()] for name, header in FACT_HEADERS.items()
                if header.lower() in lowered}  # fmt: skip
        return msgspec.convert(said, Facts, strict=False)

    def handled(self, request, facts, body):
        """The node's answer to a request."""
        self.now = max(self.now, Instant(parse_datetime(request["inf_time"])))
        origin = Origin(
            request["infno"], 0, request["msgid"], "", facts.sender, self.address, facts.case_key,
            request["mdtrtarea_admvs"], request["insuplc_admdvs"], facts.partition_key, self.now,
            0, facts.trace_id,
        )  # fmt: skip
        stamp = Stamp(facts.day, 1, "hub:100000") if facts.day else None
        envelope = msgspec.structs.replace(
            seal(self.address, origin, body, stamp),
            link=Link("hub:100000", self.address, 1, 0, self.now),
        )
        outputs = self.node.handle(envelope, self.now)
        answers = [one for one in outputs if one.origin.correlation_id == request["msgid"]]
        return answer_document(answers[0]) if answers else None
