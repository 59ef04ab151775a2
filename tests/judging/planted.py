"""Nodes with a planted fault: one of ours whose answers are spoilt at its door.

Each fault takes the request, the honest outputs and a memory of its own, and returns what the
node says instead.
"""

from __future__ import annotations

import msgspec

from yidi.protocol import messages as m
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.codec import encode
from yidi.protocol.envelope import seal
from yidi.protocol.extras import extras_of
from yidi.protocol.transactions import Kind
from yidi.scenarios.judging.conform_play import listen_at, play_of
from yidi.scenarios.judging.conformance import judge
from yidi.scenarios.judging.conversation import Conversation
from yidi.scenarios.judging.judged_run import judged_run
from yidi.scenarios.library.loader import load

NODE = "insured:340600"


def said(envelope, body, kind=Kind.RESULT):
    """The same answer with another body."""
    origin = msgspec.structs.replace(envelope.origin, kind=kind)
    return seal(envelope.hop, origin, encode(body), envelope.stamp)


def _settlement(envelope):
    body = open_body(envelope)
    return body if isinstance(body, m.SettlementResult) else None


def settles_twice(request, outputs, memory):
    """A repeated settlement gets another settlement id, and is booked again."""
    origin = request.origin
    if origin.transaction not in t.SETTLEMENTS or origin.kind:
        return outputs
    times = memory[origin.message_id] = memory.get(origin.message_id, 0) + 1
    body = _settlement(outputs[0])
    if times == 1 or body is None:
        return outputs
    again = msgspec.structs.replace(body, settlement_id=f"{body.settlement_id[:-2]}X{times}")
    return [said(outputs[0], again)]


def takes_other_content(request, outputs, memory):
    """A key that was used is no obstacle."""
    origin = request.origin
    if origin.transaction not in t.SETTLEMENTS or origin.kind:
        return outputs
    body = _settlement(outputs[0])
    if body is not None:
        memory[origin.message_id] = body
    elif origin.message_id in memory:
        return [said(outputs[0], memory[origin.message_id])]
    return outputs


def forgets_reversals(request, outputs, memory):
    """An original that comes after its reversal is settled."""
    origin = request.origin
    if origin.transaction in t.PRE_SETTLEMENTS and not origin.kind:
        memory[origin.case_key] = _settlement(outputs[0])
    told = memory.get(origin.case_key)
    if origin.transaction in t.SETTLEMENTS and outputs[0].origin.kind == Kind.REJECTION and told:
        return [said(outputs[0], msgspec.structs.replace(told, settlement_id="S1"))]
    return outputs


def refuses_the_unknown(request, outputs, memory):
    """A reversal of what never came is an error."""
    body = open_body(outputs[0]) if outputs else None
    if isinstance(body, m.ReversalResult) and body.outcome == "nothing":
        return [said(outputs[0], m.Rejection(code="E_NOT_SETTLED"), Kind.REJECTION)]
    return outputs


def refuses_the_new(request, outputs, memory):
    """A field that it does not know is a reason to refuse."""
    if not request.origin.kind and extras_of(request.body, request.origin.transaction):
        return [said(outputs[0], m.Rejection(code="E_UNKNOWN_FIELD"), Kind.REJECTION)]
    return outputs


def takes_the_incomplete(request, outputs, memory):
    """What a request lacks is made up."""
    origin = request.origin
    if origin.transaction in t.PRE_SETTLEMENTS and not origin.kind:
        memory[origin.case_key] = _settlement(outputs[0])
    body = open_body(outputs[0]) if outputs else None
    if isinstance(body, m.Rejection) and body.code == "E_DECODE":
        told = memory[origin.case_key]
        return [said(outputs[0], msgspec.structs.replace(told, settlement_id="S1"))]
    return outputs


def rounds_down(request, outputs, memory):
    """Half a fen is cut off; the sums are right all the same."""
    body = _settlement(outputs[0]) if outputs and not request.origin.kind else None
    if body is None or body.fund_fen % 100 != 1:
        return outputs
    funds = [msgspec.structs.replace(body.funds[0], fund_fen=body.funds[0].fund_fen - 1)]
    less = msgspec.structs.replace(
        body, funds=funds, fund_fen=body.fund_fen - 1, cash_fen=body.cash_fen + 1
    )
    return [said(outputs[0], less)]


def takes_back_less(request, outputs, memory):
    """A cancellation gives back a fen less."""
    body = open_body(outputs[0]) if outputs else None
    if isinstance(body, m.CancellationResult):
        return [said(outputs[0], msgspec.structs.replace(body, fund_fen=body.fund_fen - 1))]
    return outputs


def speaks_of_another(request, outputs, memory):
    """An answer is about somebody else."""
    body = _settlement(outputs[0]) if outputs and not request.origin.kind else None
    if body is None or request.origin.transaction not in t.PRE_SETTLEMENTS:
        return outputs
    return [said(outputs[0], msgspec.structs.replace(body, person_no="somebody-else"))]


def does_not_know_5203(request, outputs, memory):
    """A question about a case is not served."""
    if request.origin.transaction == t.STATUS_QUERY and not request.origin.kind:
        return [said(outputs[0], m.Rejection(code="E_INFNO_UNKNOWN"), Kind.REJECTION)]
    return outputs


def honest(request, outputs, memory):
    """As ours are."""
    return outputs


def held(scenario, fault, level="amounts", *, role="insured", node=NODE):
    """The requirements of one scenario, played with the fault planted."""
    conversation, memory = Conversation(), {}

    def plant(runner):
        party = runner.parties[node]
        handle = party.handle
        party.handle = lambda envelope, now: fault(envelope, handle(envelope, now), memory)
        listen_at(party, conversation)

    judged = judged_run(load(scenario), built=plant)
    return judge(role, level, [play_of(judged, conversation)])
