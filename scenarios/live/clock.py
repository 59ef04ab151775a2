"""The clock of a live run: it shows the scenario's start when the run begins.

It advances at real speed or a multiple of it, and with `skips_idle` jumps over the gaps in which
nothing is under way, so that a month's clearing need not be sat through. It never goes back.
"""

from __future__ import annotations

from time import monotonic_ns, time_ns

from yidi.protocol.instants import Instant


def real_now() -> Instant:
    """The real clock in whole seconds, for `start = "now"` and for what is no scenario's."""
    return Instant(time_ns() // 1_000_000_000 * 1_000_000)


class LiveClock:
    """Scenario time as a function of real time.

    Args:
        start: what it shows when it is made.
        scale: scenario microseconds per real microsecond, in thousandths (1000 is real speed).
        skips_idle: whether a host may jump it forward when it is idle.
    """

    def __init__(self, start: Instant, scale: int = 1_000, *, skips_idle: bool = False) -> None:
        self.start = start
        self.scale = scale
        self.skips_idle = skips_idle
        self._shown = start
        self._anchor_ns = monotonic_ns()

    def now(self) -> Instant:
        """What the clock shows."""
        real_us = (monotonic_ns() - self._anchor_ns) // 1_000
        self._shown = Instant(max(self._shown, self.start + real_us * self.scale // 1_000))
        return self._shown

    def real_seconds_until(self, at: Instant) -> float:
        """Real seconds until the clock shows `at`; 0 when it does already."""
        ahead = at - self.now()
        return max(0, ahead) * 1_000 / self.scale / 1_000_000

    def jump_to(self, at: Instant) -> None:
        """Show `at` from now on, if it is ahead."""
        ahead = at - self.now()
        if ahead > 0:
            self.start = Instant(self.start + ahead)
            self._shown = Instant(max(self._shown, at))
