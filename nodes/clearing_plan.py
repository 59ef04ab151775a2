"""The clearing calendar and everything else that the hub is told about agency work.

Source: domain 5.4; the day numbers are general knowledge, unconfirmed, and stand here alone.
"""

from __future__ import annotations

import msgspec

from yidi.protocol.instants import (
    MINUTE,
    add_working_days,
    next_day,
    next_period,
    period_of,
)


class ClearingCalendar(msgspec.Struct, frozen=True, kw_only=True):
    """Days of the month after the period (M+1), then working days one after the other."""

    declare_day: int = 20
    """Treatment regions have declared the month."""
    generate_day: int = 21
    """The hub makes the clearing tables."""
    confirm_day: int = 25
    """Both provinces have confirmed; later, the alarm counter counts each day."""
    to_finance_wd: int = 5
    """From the notices (end of the month) to the finance bureau."""
    transfer_wd: int = 10
    """From there to the payer's transfer."""
    feedback_wd: int = 5
    """From the transfer to the report to the hub."""
    retry_wd: int = 5
    """From a failed payment to the next attempt."""
    prefund_wd: int = 3
    """From the sign-off to the emergency top-up."""
    max_defer_months: int = 2
    """How long a month's claims may be put off."""


class ClearingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What a hub knows of agency work from the start."""

    opening_day: str
    """First accounting day, `YYYY-MM-DD`."""
    treatment: tuple[str, ...] = ()
    """Codes of the treatment regions that keep books with this hub."""
    insured: tuple[str, ...] = ()
    """Codes of the insured regions."""
    observed: tuple[str, ...] = ()
    """Addresses that keep no books with the hub (external nodes): never asked, taken as level."""
    periods: tuple[str, ...] = ()
    """Months to clear; empty for every month that has cases."""
    account: str = "spot"
    """Personal-account money: paid on the `spot`, or `cleared` too."""
    calendar: ClearingCalendar = ClearingCalendar()
    prefunds: dict[tuple[str, str], int] = {}
    """Opening grants in fen by (payer province, payee province)."""
    tag: str = ""
    """Tells batches of several hubs apart: empty for the national hub, `yrd`."""
    statement_delay: int = 10 * MINUTE
    """How long a day's statements wait for exchanges that are still open, microseconds."""


def last_day(period: str) -> str:
    """The last calendar day of a month: `2026-02` → `2026-02-28`."""
    return next_day(next_period(period) + "-01", -1)


def month_before(day: str) -> str:
    """The period that is cleared in the month of a day."""
    return next_period(period_of(day), -1)


def notice_day(period: str) -> str:
    """End of the month after the period: payment and collection notices go out."""
    return last_day(next_period(period))


def transfer_day(calendar: ClearingCalendar, issued: str) -> str:
    """When the payer transfers, given the day its notice was issued."""
    handed_over = add_working_days(issued, calendar.to_finance_wd)
    return add_working_days(handed_over, calendar.transfer_wd)
