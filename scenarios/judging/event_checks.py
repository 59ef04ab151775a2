"""The checks that watch a run as it happens; every call must be cheap.

The runner calls `on_posting` for each effect that a node books and `on_delivery` after a node
(or a client) has handled a message. State is kept in `watch`, results in a `TallyBook`;
`finish` closes what can only be judged at the end. What needs whole books rather than one event
is in the audits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from itertools import islice
from typing import Any

from yidi.broker.link import GAP_MAX
from yidi.nodes.ledger import Posting, PostingKind
from yidi.nodes.lifecycle import Case
from yidi.protocol import transactions as t
from yidi.protocol.bodies import open_body
from yidi.protocol.envelope import Envelope
from yidi.protocol.instants import Instant
from yidi.protocol.messages import ReversalRequest
from yidi.scenarios.judging.closing_checks import ClosingChecks
from yidi.scenarios.judging.verdicts import Tally, TallyBook
from yidi.scenarios.judging.watch import CLEARED, INDOUBT, REVERSED, NodeWatch, Pair, Seen

SETTLE, CANCEL, REVERSE = PostingKind.SETTLE, PostingKind.CANCEL, PostingKind.REVERSE
REINSTATE = PostingKind.REINSTATE
FEN_MAX = 10**11
ANSWERS_MAX = 10_000
"""Answers per generation whose repeats are compared; repeats come within minutes."""
LIFE_BITS = 32
"""A live sender counts from its number of starts, shifted so: nothing is missing between two."""
_EFFECTS = t.SETTLEMENTS | t.CANCELLATIONS

_UNDOINGS = frozenset([CANCEL, REVERSE, REINSTATE])
_Special = Callable[[NodeWatch, Envelope, str], None]
"""A look at one transaction; the key is empty where there is no case."""


class EventChecks:
    """Every check that can be made on one event; give it to the runner as `checks`."""

    def __init__(
        self,
        nodes: Mapping[str, Any],
        book: TallyBook | None = None,
        position: Callable[[], int] | None = None,
    ) -> None:
        """Watch `nodes` (address → node) from before the run begins.

        Args:
            nodes: Every node that is ours; a case's other side may be missing (observed).
            book: Where the results go.
            position: The journal's next lsn, so that a violation can say where it was seen.
        """
        self.book = book or TallyBook()
        self.position = position
        self.watches = {address: NodeWatch(address, node) for address, node in nodes.items()}
        self._by_node = {watch.node: watch for watch in self.watches.values()}
        self.pairs: dict[tuple[str, str], Pair] = {}
        self.closing = ClosingChecks(self.book, self.watches)
        self.reversals: dict[str, str] = {}
        """Message id of every reversal sent → case key."""
        self._delivery_checks: dict[tuple[Any, str], Callable[[Envelope, Instant], None]] = {}
        self._settles = 0
        """Postings of settlements since they were last counted (INV-01, INV-02, INV-07)."""
        self._looks: list[Callable[[], int]] = []
        """Links looked at (INV-36, INV-38), by each node's check."""
        self._answers: dict[str, bytes] = {}
        self._effects: dict[tuple[str, str], bytes] = {}
        self._reused: dict[str, tuple[str, str]] = {}
        ids = ("01", "02", "03", "06", "07", "08", "09", "10", "12", "17", "18", "20", "36", "38")
        (
            self._split, self._legs, self._explained, self._told, self._once, self._again,
            self._reuse, self._unit, self._steps, self._mirror, self._tomb, self._cleared,
            self._order, self._time,
        ) = (self.book["INV-" + number] for number in ids)  # fmt: skip

    # ------------------------------------------------------------------ postings

    def on_posting(self, node: Any, posting: Posting, case: Case | None) -> None:
        """A node has booked an effect; `case` is None where the key is no case's."""
        watch, kind, total = self._by_node[node], posting.kind, 0
        for _, fen in posting.legs:
            total += fen
        if total:
            self._fail(self._legs, watch, posting.key, f"{kind} legs sum to {total}")
        if kind is SETTLE and case is not None:
            self._on_settle(watch, posting, case)
            return
        self._legs.count += 1
        if case is None or kind not in _UNDOINGS:
            self.closing.on_posting(watch, posting)
            return
        self._once.count += 1
        seen = watch.posted_on(case)
        if kind is REINSTATE:
            self._on_reinstate(watch, posting, case, seen)
        else:
            self._on_undo(watch, posting, case, seen)

    def _on_settle(self, watch: NodeWatch, posting: Posting, case: Case) -> None:
        # INV-01, INV-02 and INV-07 look at every one: they are counted together, in `finish`.
        self._settles += 1
        seen = watch.posted_on(case)
        if seen.settled or seen.tomb:
            self._check_again(watch, case, seen)
        seen.settled += 1
        self._check_split(watch, case)
        seen.legs, seen.day, seen.live = posting.legs, case.day, True
        if watch.keeps_books:
            self._take_unit(watch, case)
            self._book_pair(watch, case, case.fund_fen)

    def _check_split(self, watch: NodeWatch, case: Case) -> None:
        total, fund, cash = case.total_fen, case.fund_fen, case.cash_fen
        account, hospital, paid = case.account_fen, case.hospital_fen, 0
        for pay in case.funds:
            paid += pay.fund_fen
        if total != fund + account + cash + hospital or paid != fund:
            facts = f"total={total} fund={fund} ({paid}) account={account} cash={cash}"
            self._fail(self._split, watch, case.key, f"{facts} hospital={hospital}")
        if fund < 0 or cash < 0 or account < 0 or hospital < 0 or not 0 <= total <= FEN_MAX:
            self._fail(self._split, watch, case.key, f"an amount is out of range, total={total}")

    def _check_again(self, watch: NodeWatch, case: Case, seen: Seen) -> None:
        """A SETTLE where there was one, or where a tombstone stands."""
        if seen.settled:
            self._fail(self._once, watch, case.key, f"SETTLE number {seen.settled + 1}")
        if seen.tomb:
            self._tomb.count += 1
            self._fail(self._tomb, watch, case.key, "SETTLE after its reversal was accepted")

    def _on_undo(self, watch: NodeWatch, posting: Posting, case: Case, seen: Seen) -> None:
        if posting.kind is CANCEL:
            seen.cancelled += 1
        else:
            seen.reversed += 1
        if not seen.live or seen.cancelled > 1 + seen.reinstated or seen.reversed > 1:
            facts = f"{posting.kind} of a case that does not stand"
            self._fail(self._once, watch, case.key, facts)
        seen.live = False
        self._mirror.count += 1
        if seen.legs is None or posting.legs != [(name, -fen) for name, fen in seen.legs]:
            facts = f"{posting.kind} {posting.legs} against {seen.legs}"
            self._fail(self._mirror, watch, case.key, facts)
        self._cleared.count += 1
        if case.clearing_batch or seen.state is CLEARED:
            facts = f"{posting.kind} after clearing in {case.clearing_batch}"
            self._fail(self._cleared, watch, case.key, facts)
        if watch.keeps_books:
            watch.units.pop((case.institution, case.visit, case.batch), None)
            self._book_pair(watch, case, -case.fund_fen)

    def _on_reinstate(self, watch: NodeWatch, posting: Posting, case: Case, seen: Seen) -> None:
        seen.reinstated += 1
        if seen.live or seen.reinstated > seen.cancelled:
            self._fail(self._once, watch, case.key, "REINSTATE of a case that was not cancelled")
        seen.live = True
        self._mirror.count += 1
        if posting.legs != seen.legs:
            self._fail(self._mirror, watch, case.key, f"REINSTATE {posting.legs}")
        if watch.keeps_books:
            self._take_unit(watch, case)
            self._book_pair(watch, case, case.fund_fen)

    def _take_unit(self, watch: NodeWatch, case: Case) -> None:
        self._unit.count += 1
        unit = (case.institution, case.visit, case.batch)
        other = watch.units.setdefault(unit, case.key)
        if other != case.key:
            self._fail(self._unit, watch, case.key, f"unit {'/'.join(unit)} is live as {other}")

    def _book_pair(self, watch: NodeWatch, case: Case, fen: int) -> None:
        """INV-03: what one side has booked and the other has not needs a reason at T."""
        names = (case.treatment, case.insured)
        pair = self.pairs.get(names) or self._pair(names)
        if pair is None:
            return
        self._explained.count += 1
        left = pair.book(case.key, fen if watch.is_insured else -fen)
        if left:
            self._explain(self.watches["treatment:" + case.treatment], watch, case.key, left)

    def _pair(self, names: tuple[str, str]) -> Pair | None:
        """The pair of a treatment and an insured region; None where one of them is not ours."""
        if "treatment:" + names[0] not in self.watches or "insured:" + names[1] not in self.watches:
            return None
        pair = self.pairs[names] = Pair()
        return pair

    def _explain(self, treatment: NodeWatch, watch: NodeWatch, key: str, left: int) -> None:
        case = treatment.cases.get(key)
        doubtful = case is not None and case.state is INDOUBT
        if not doubtful and not treatment.waits_for(key):
            facts = f"insured minus treatment region = {left} fen, nothing under way"
            self._fail(self._explained, watch, key, facts)

    # ------------------------------------------------------------------ deliveries

    def on_delivery(self, node: Any, envelope: Envelope, now: Instant) -> None:
        """A node or a client (None) has handled a message."""
        sender = envelope.link.sender if envelope.link is not None else ""
        self.delivery_check(node, sender)(envelope, now)

    def delivery_check(self, node: Any, sender: str) -> Callable[[Envelope, Instant], None]:
        """What `on_delivery` does for one link's end, with everything that it touches bound once.

        Args:
            node: who handles; None, or what is not watched, for the clients.
            sender: who hands over to it; empty where messages come without a link.
        """
        place = (node, sender)
        check = self._delivery_checks.get(place)
        if check is None:
            watch = self._by_node.get(node)
            check = self._client_check() if watch is None else self._node_check(watch, sender)
            self._delivery_checks[place] = check
        return check

    def _client_check(self) -> Callable[[Envelope, Instant], None]:
        answers, again = self._answers, self._again

        def check(envelope: Envelope, _now: Instant) -> None:
            origin, body = envelope.origin, envelope.body
            if origin.kind != 1:
                return
            first = answers.setdefault(origin.correlation_id, body)
            if first is not body:
                again.count += 1
                if first != body:
                    self._fail_again(envelope, origin.recipient)
            if len(answers) >= 2 * ANSWERS_MAX:
                self._forget_answers()
            if origin.transaction in t.SETTLEMENTS:
                self._check_told(envelope)

        return check

    def _node_check(self, watch: NodeWatch, sender: str) -> Callable[[Envelope, Instant], None]:
        answers, reused, special = self._answers, self._reused, self._special_checks(watch)
        state, cases, effect_ids, seen_of = watch.state, watch.cases, watch.effect_ids, watch.seen
        again, due = self._again, 1
        out_of_turn = 0

        def check(envelope: Envelope, _now: Instant) -> None:
            nonlocal due, out_of_turn
            origin, link = envelope.origin, envelope.link
            if link is not None:
                # INV-36 and INV-38: sequences applied once, in order or from a known gap.
                sequence = link.sequence
                if sequence == due:
                    due = sequence + 1
                else:
                    before, due = due, self._check_gap(watch, sender, sequence, due)
                    out_of_turn += 1 - (due - before)
                clock = state.now
                if clock < watch.now:
                    self._fail(self._time, watch, "", f"{watch.now} -> {clock}")
                watch.now = clock
            if origin.kind == 1:
                # INV-08: one request, one answer, byte for byte, on every hop and every repeat.
                body = envelope.body
                first = answers.setdefault(origin.correlation_id, body)
                if first is not body:
                    again.count += 1
                    if first != body:
                        self._fail_again(envelope, watch.address)
            key = origin.case_key
            if not key and effect_ids:
                # An institution does not know the key under which its region settles.
                key = effect_ids.get(origin.message_id, "")
            if origin.transaction in special:
                special[origin.transaction](watch, envelope, key)
            if not key:
                return
            if reused and origin.correlation_id in reused:
                self._check_reuse(watch, envelope)
            seen = seen_of.get(key)
            if seen is None:
                if key not in cases:
                    return
                seen = watch.of(key)
            if seen.case.state is not seen.state:
                self._check_step(watch, seen.case, seen)

        # Each look has moved what is due by one, or is in the other count.
        self._looks.append(lambda: due - 1 + out_of_turn)
        return check

    def _special_checks(self, watch: NodeWatch) -> dict[str, _Special]:
        """By transaction: what is looked at beyond what every message is."""
        special: dict[str, _Special] = {
            t.CLEARING_CLOSE: self._on_closing, t.REVERSAL: self._note_reversal,
        }  # fmt: skip
        if watch.role == "insured":
            special |= dict.fromkeys(_EFFECTS, self._note_effect)
        elif watch.role == "treatment":
            special |= dict.fromkeys(_EFFECTS, self._check_asked)
            special |= dict.fromkeys(t.PRE_SETTLEMENTS, self._note_pre)
        return special

    def _on_closing(self, watch: NodeWatch, envelope: Envelope, key: str) -> None:
        if not key:
            self.closing.on_delivery(watch, envelope)

    def _note_pre(self, watch: NodeWatch, envelope: Envelope, key: str) -> None:
        """Remember what the patient agreed to, for INV-16."""
        if envelope.origin.kind == 1 and key in watch.cases:
            seen = watch.of(key)
            if not seen.settled:
                seen.pre = envelope.body

    def _check_step(self, watch: NodeWatch, case: Case, seen: Seen) -> None:
        """INV-12, and INV-03 where the treatment region's doubt ends."""
        before, after = seen.state, case.state
        self._steps.count += 1
        if after not in watch.steps[before]:
            self._fail(self._steps, watch, case.key, f"{before} -> {after}")
        seen.state = after
        if before is INDOUBT:
            pair = self.pairs.get((case.treatment, case.insured))
            left = pair.open.get(case.key, 0) if pair is not None else 0
            if left:
                self._explain(watch, watch, case.key, left)

    def _check_gap(self, watch: NodeWatch, sender: str, sequence: int, due: int) -> int:
        """A sequence that is not the one due: newer, or late and missing; the next one due."""
        missing = watch.missing.setdefault(sender, {})
        if sequence >> LIFE_BITS > (due - 1) >> LIFE_BITS:
            missing.clear()
            due = (sequence >> LIFE_BITS << LIFE_BITS) + 1
        if sequence >= due:
            for number in range(max(due, sequence - GAP_MAX), sequence):
                missing[number] = None
            return sequence + 1
        if sequence in missing:
            del missing[sequence]
        else:
            self._fail(self._order, watch, "", f"sequence {sequence} of {sender} applied again")
        return due

    def _fail_again(self, envelope: Envelope, node: str) -> None:
        """INV-08: a request was answered before, here or on another hop, and otherwise."""
        self._again.fail(
            f"another answer to {envelope.origin.transaction} than the first",
            key=envelope.origin.case_key, node=node,
            message_ids=(envelope.origin.correlation_id,), lsn=self._lsn(),
        )  # fmt: skip

    def _forget_answers(self) -> None:
        """Keep the answers of the younger generations only; repeats come within minutes."""
        answers = self._answers
        if len(answers) >= 2 * ANSWERS_MAX:
            for asked in list(islice(answers, ANSWERS_MAX)):
                del answers[asked]

    def _check_told(self, envelope: Envelope) -> None:
        """INV-06: a settlement told to an institution is booked, here and at the insured region."""
        origin = envelope.origin
        treatment = self.watches.get(origin.sender)
        if treatment is None:
            return
        self._told.count += 1
        case = treatment.cases.get(origin.case_key)
        if case is None or not case.digest or case.answer != envelope.body:
            self._fail(self._told, treatment, origin.case_key, "told, and not booked so")
            return
        insured = self.watches.get("insured:" + case.insured)
        if insured is not None:
            there = insured.cases.get(case.key)
            if there is None or there.answer != envelope.body:
                self._fail(self._told, insured, case.key, "told, and booked otherwise")

    def _note_effect(self, watch: NodeWatch, envelope: Envelope, key: str) -> None:
        """INV-09: remember an effect's first content; other content must be refused."""
        origin = envelope.origin
        if not key or origin.kind:
            return
        place = (origin.case_key, origin.transaction)
        first = self._effects.setdefault(place, envelope.body)
        if first is not envelope.body and first != envelope.body:
            seen = watch.of(origin.case_key)
            if origin.transaction in t.CANCELLATIONS and not seen.cancelled - seen.reinstated:
                # The first was refused or undone: another one may be asked for.
                self._effects[place] = envelope.body
                return
            self._reused[origin.message_id] = place

    def _check_asked(self, watch: NodeWatch, envelope: Envelope, key: str) -> None:
        """INV-09 at the counter: an institution's message id over other content changes nothing."""
        origin = envelope.origin
        if not key or origin.case_key or origin.kind:
            return
        first = self._effects.setdefault((origin.message_id, origin.transaction), envelope.body)
        if first is envelope.body or first == envelope.body:
            return
        self._reuse.count += 1
        case = watch.cases[key]
        cancels = origin.transaction in t.CANCELLATIONS
        kept = case.cancel_digest if cancels else case.request_digest
        if kept != sha256(first).digest()[:16]:
            facts = f"{origin.message_id} with other content took the first one's place"
            self._fail(self._reuse, watch, key, facts)

    def _check_reuse(self, watch: NodeWatch, envelope: Envelope) -> None:
        origin = envelope.origin
        self._reuse.count += 1
        if origin.kind != 2:
            facts = f"{origin.transaction} with other content took effect"
            self._fail(self._reuse, watch, origin.case_key, facts)

    def _note_reversal(self, watch: NodeWatch, envelope: Envelope, key: str) -> None:
        """INV-18: an accepted reversal of what never settled here leaves a tombstone."""
        origin = envelope.origin
        if not key or origin.kind:
            return
        self.reversals[origin.message_id] = origin.case_key
        if watch.role != "insured":
            return
        asked = _reversal_in(envelope)
        case = watch.cases.get(origin.case_key)
        if asked.original_transaction in t.SETTLEMENTS and case is not None:
            seen = watch.of(origin.case_key)
            if not seen.settled and case.state is REVERSED:
                self._tomb.count += 1
                seen.tomb = True

    # ------------------------------------------------------------------ results

    def finish(self) -> TallyBook:
        """Judge what only the end can show: nothing is left open between two books."""
        self._order.count = self._time.count = sum(looked() for looked in self._looks)
        for tally in (self._split, self._legs, self._once):
            tally.count += self._settles
        self._settles = 0
        for (treatment, insured), pair in self.pairs.items():
            watch = self.watches["treatment:" + treatment]
            if pair.difference != sum(pair.open.values()):
                facts = f"{treatment}/{insured}: {pair.difference} fen unexplained"
                self._fail(self._explained, watch, "", facts)
            for key, left in pair.open.items():
                self._explain(watch, watch, key, left)
        for watch in self.watches.values():
            for key, case in watch.cases.items():
                if watch.steps and case.state is not watch.of(key).state:
                    self._check_step(watch, case, watch.of(key))
        self.closing.finish()
        return self.book

    def _lsn(self) -> int | None:
        return self.position() - 1 if self.position is not None else None

    def _fail(self, tally: Tally, watch: NodeWatch, key: str, facts: str) -> None:
        case = watch.cases.get(key)
        ids = (case.settle_message_id, case.cancel_message_id) if case is not None else ()
        tally.fail(
            facts, key=key, node=watch.address, message_ids=filter(None, ids), lsn=self._lsn()
        )


def _reversal_in(envelope: Envelope) -> ReversalRequest:
    body = open_body(envelope)
    assert isinstance(body, ReversalRequest)
    return body
