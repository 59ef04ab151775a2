"""Checks of background flows, faults, thresholds and clearing, and of how much a run would cost."""

from __future__ import annotations

import re

from yidi.protocol.bodies import body_type
from yidi.protocol.errors import ErrorCode, ProtocolError, ScenarioError
from yidi.protocol.instants import DAY, MILLISECOND
from yidi.protocol.national import twin_of
from yidi.protocol.transactions import Kind
from yidi.scenarios.library.fault_sentences import HUB, Change, FaultRule, parse_fault
from yidi.scenarios.library.ground import Ground
from yidi.scenarios.library.schema import Clearing, Flow, Scenario
from yidi.scenarios.library.thresholds import parse_threshold
from yidi.scenarios.library.toml_scan import Path

DURATION_LEAST = MILLISECOND
DURATION_MOST = 366 * DAY
RATE_MOST = 10_000_000
"""Visits a day in one flow: eleven times the whole country in 2025. Source: domain 8."""
EVENTS_MAX = 5_000_000
"""Envelopes of one run: about a quarter of an hour of one core, and a journal of 2 GB."""
ENVELOPES_PER_VISIT = 16
"""Source: the flow of design 5: four exchanges, two messages each, two hops each."""
CLEARING_DAYS = 120
"""How long after its arrivals a run that clears may go on."""
ITEMS_MAX = 2_000

_PERIOD = re.compile(r"\d{4}-(0[1-9]|1[0-2])\Z", re.ASCII)


def check_traffic(ground: Ground) -> None:
    """Check flows, faults, thresholds and clearing."""
    scenario = ground.scenario
    seen: set[str] = set()
    for number, flow in enumerate(scenario.flow):
        place: Path = ("flow", number)
        ground.identified(flow.name, (*place, "name"))
        ground.once(flow.name, seen, ErrorCode.E_EVENT, (*place, "name"))
        _check_flow(ground, flow, place)
    events = events_of(scenario)
    if events > EVENTS_MAX:
        want = f"fewer (would need ~{events} events)"
        ground.refuse(ErrorCode.E_TOO_MANY_EVENTS, ("flow",), want, limit=EVENTS_MAX)
    for number in range(len(scenario.fault)):
        _check_fault(ground, number)
    for key, expressions in scenario.thresholds.items():
        for expression in expressions:
            _check_threshold(ground, key, expression)
    if scenario.clearing is not None:
        _check_clearing(ground, scenario.clearing)


def check_duration(ground: Ground) -> None:
    """Check the duration, on which every other moment depends."""
    if not DURATION_LEAST <= ground.scenario.duration <= DURATION_MOST:
        want = f"1ms..366d (would need ~{events_of(ground.scenario)} events)"
        ground.refuse(ErrorCode.E_RANGE, ("duration",), want)


def visits_of(flow: Flow, duration: int) -> int:
    """How many visits a flow would bring in a duration, at most `count`."""
    arrivals = flow.arrivals
    rate = arrivals.per_day
    if arrivals.process == "ramp" and arrivals.per_day_end is not None:
        rate = (rate + arrivals.per_day_end) // 2
    span = (duration if flow.ends is None else min(flow.ends, duration)) - flow.starts
    visits = rate * max(0, span) // DAY
    return visits if arrivals.count is None else min(visits, arrivals.count)


def events_of(scenario: Scenario) -> int:
    """About how many envelopes a run of the scenario would send."""
    scripted = sum(len(case.step) for case in scenario.case) * 4
    visits = sum(visits_of(flow, scenario.duration) for flow in scenario.flow)
    return scripted + visits * ENVELOPES_PER_VISIT


def _check_flow(ground: Ground, flow: Flow, place: Path) -> None:
    ground.defined(flow.from_, ground.insured, (*place, "from"), "insured")
    ground.defined(flow.to, ground.treatment, (*place, "to"), "treatment")
    if flow.from_ == flow.to:
        ground.refuse(ErrorCode.E_REGION_REF, (*place, "to"), "another region", flow.to)
    _check_arrivals(ground, flow, place)
    _check_mix(ground, flow, (*place, "mix"))
    least, most = flow.items
    want = f"[least, most] within 1..{ITEMS_MAX}"
    good = 1 <= least <= most <= ITEMS_MAX
    ground.need(good, ErrorCode.E_RANGE, (*place, "items"), want)
    low, high = flow.in_scope_bp
    ground.need(low <= high, ErrorCode.E_RANGE, (*place, "in_scope_bp"), "[least, most]")
    bill = flow.bill
    marks = [bill.p50_fen, bill.p90_fen, bill.p99_fen, bill.max_fen]
    rising = marks == sorted(marks) and marks[0] > 1
    want = "0.02 <= p50 <= p90 <= p99 <= max"
    ground.need(rising, ErrorCode.E_RANGE, (*place, "bill"), want)


def _check_arrivals(ground: Ground, flow: Flow, place: Path) -> None:
    arrivals, duration = flow.arrivals, ground.scenario.duration
    inner: Path = (*place, "arrivals")
    for name in ("per_day", "per_day_end"):
        rate = getattr(arrivals, name)
        least = 0 if name == "per_day_end" or arrivals.process == "ramp" else 1
        if rate is not None and not least <= rate <= RATE_MOST:
            events = max(0, visits_of(flow, duration)) * ENVELOPES_PER_VISIT
            want = f"{least}..{RATE_MOST} (would need ~{events} events)"
            ground.refuse(ErrorCode.E_RANGE, (*inner, name), want, rate)
    if (arrivals.process == "ramp") != (arrivals.per_day_end is not None):
        want = "per_day_end with ramp, and only there"
        ground.refuse(ErrorCode.E_EXPRESSION, inner, want)
    if arrivals.count is not None:
        ground.bound(arrivals.count, 1, EVENTS_MAX, (*inner, "count"))
    ends = duration if flow.ends is None else flow.ends
    if not flow.starts < ends <= duration:
        where = "ends" if flow.ends is not None else "starts"
        want = "a window within the duration"
        ground.refuse(ErrorCode.E_RANGE, (*place, where), want)


def _check_mix(ground: Ground, flow: Flow, place: Path) -> None:
    for name in ("insutype", "level", "filing"):
        weights = getattr(flow.mix, name)
        want = "at least one weight above 0"
        ground.need(sum(weights.values()) > 0, ErrorCode.E_RANGE, (*place, name), want)
    for code in flow.mix.insutype:
        ground.coded(code, "insutype", (*place, "insutype", code))


def _check_fault(ground: Ground, number: int) -> None:
    fault = ground.scenario.fault[number]
    place: Path = ("fault", number)
    try:
        rule = parse_fault(fault.do)
    except ScenarioError as error:
        ground.refuse(error.code, (*place, "do"), error.want, error.got)
    if fault.until is not None and fault.until <= (fault.from_ or 0):
        ground.refuse(ErrorCode.E_FAULT_WINDOW, (*place, "until"), "an end after the start")
    rule = rule.within(fault.from_, fault.until)
    if rule.ends is not None and rule.ends <= rule.starts:
        want = "a window that overlaps the sentence's own"
        ground.refuse(ErrorCode.E_FAULT_WINDOW, place, want)
    horizon = ground.scenario.duration
    if ground.scenario.clearing is not None:
        horizon += CLEARING_DAYS * DAY
    if rule.starts >= horizon or (rule.ends or 0) > horizon:
        want = "a window within the duration"
        ground.refuse(ErrorCode.E_FAULT_WINDOW, (*place, "do"), want, fault.do)
    _check_fault_names(ground, rule, (*place, "do"))


def _check_fault_names(ground: Ground, rule: FaultRule, place: Path) -> None:
    regions = ground.insured | ground.treatment
    for code in (rule.sender, rule.recipient, rule.region):
        if code is not None and code != HUB:
            provinces = {region[:2] + "0000" for region in regions}
            ground.defined(code, regions | provinces, place, "any")
    if rule.sender is not None and rule.sender == rule.recipient and rule.sender != HUB:
        ground.refuse(ErrorCode.E_REGION_REF, place, "two different regions", rule.sender)
    if rule.case is not None:
        ground.referred(rule.case, list(ground.cases), place, "a [[case]]")
    if rule.change is not None:
        _check_change(ground, rule, rule.change, place)


def _check_change(ground: Ground, rule: FaultRule, change: Change, place: Path) -> None:
    """A field must be one of the body's, or, where it is added, none of them."""
    kind = Kind.RESULT if rule.side == "answer" else Kind.REQUEST
    ground.need(bool(rule.transactions), ErrorCode.E_EXPRESSION, place, "a transaction", "message")
    for code in rule.transactions:
        single = {
            field.national: field
            for field in twin_of(body_type(code, kind)).fields
            if field.form is not None and not field.many
        }
        if change.kind == "add":
            want = "a field that the message does not have"
            ground.need(change.field not in single, ErrorCode.E_NAME, place, want, change.field)
            continue
        ground.referred(change.field, list(single), place, "a field of the message")
        if change.kind == "set":
            form = single[change.field].form
            assert form is not None
            try:
                form.read(change.value, change.field)
            except ProtocolError as error:
                ground.refuse(error.code, place, error.want, change.value)


def _check_threshold(ground: Ground, key: str, expression: str) -> None:
    try:
        parse_threshold(key, expression)
    except ScenarioError as error:
        ground.refuse(error.code, ("thresholds", key), error.want, error.got)


def _check_clearing(ground: Ground, clearing: Clearing) -> None:
    first = "" if ground.start is None else ground.scenario.start[:7]
    for number, period in enumerate(clearing.periods):
        place: Path = ("clearing", "periods", number)
        good = bool(_PERIOD.match(period)) and period >= first
        want = "a month YYYY-MM from the start on"
        ground.need(good, ErrorCode.E_RANGE, place, want, period)
    for number, fail in enumerate(clearing.payment_fail):
        place = ("clearing", "payment_fail", number)
        ground.region_code(fail.payer, (*place, "payer"))
        ground.region_code(fail.payee, (*place, "payee"))
    days = clearing.calendar
    rising = days.declare_day <= days.generate_day <= days.confirm_day
    want = "declare_day <= generate_day <= confirm_day"
    ground.need(rising, ErrorCode.E_RANGE, ("clearing", "calendar"), want)
