from __future__ import annotations

import pytest

from yidi.protocol import signatures
from yidi.protocol.errors import MissingAlgorithm
from yidi.scenarios.library.loader import load
from yidi.scenarios.running.run import RunHooks, run_virtual

NAME = "huaibei-outpatient-in-shanghai"


def signed(name=NAME):
    """A scenario of the library whose messages are signed."""
    return load(name, ["signatures=true"])


def postings(loaded, hooks=None):
    """What every node books in a run, and the run."""
    booked = []
    hooks = hooks or RunHooks()
    hooks.postings = lambda address, posting: booked.append((address, posting))
    return booked, run_virtual(loaded, hooks=hooks)


@pytest.mark.parametrize("name", [NAME, "correction-after-clearing", "duplicates-everywhere"])
def test_signing_changes_no_book(name):
    """A signed run books what an unsigned one does, and nothing is refused for its signature."""
    plain, _ = postings(load(name))
    booked, result = postings(signed(name))

    assert plain == booked
    assert not [code for code in result.refused if code.startswith("E_SIG")]


def test_a_signed_run_repeats():
    """The same seed gives the same journal, another seed other keys; unsigned it is another."""
    first, again = run_virtual(signed()), run_virtual(signed())
    other = run_virtual(signed(), seed=2)

    assert first.journal_hash == again.journal_hash
    assert 3 == len({first.journal_hash, other.journal_hash, run_virtual(load(NAME)).journal_hash})


def test_what_was_changed_on_the_way_is_sent_again():
    """A settlement answer with one other byte is refused unbooked; its resend settles the case."""
    changed = []

    def tamper(runner):
        make = runner.links.pipe

        def pipe(ends, party):
            made = make(ends, party)
            receive = made.receive

            def receive_changed(raw, now):
                is_answer = made.sender == "insured:340600" and b"\xa42207" in bytes(raw)
                if is_answer and not changed:
                    changed.append(raw)
                    raw = raw[:-1] + bytes([raw[-1] ^ 1])
                return receive(raw, now)

            if made.recipient.startswith("hub:"):
                made.receive = receive_changed
            return made

        runner.links.pipe = pipe

    booked, result = postings(signed(), RunHooks(built=tamper))
    plain, _ = postings(load(NAME))

    assert {"E_SIG_BAD": 1} == result.refused
    assert sorted(map(str, plain)) == sorted(map(str, booked))


def test_without_the_library_a_run_does_not_begin(monkeypatch):
    """A machine that cannot sign documents says so at once, and runs nothing unsigned instead."""

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(signatures, "import_module", missing)
    signatures._need.cache_clear()
    with pytest.raises(MissingAlgorithm, match="E_ALGORITHM"):
        run_virtual(signed())
    signatures._need.cache_clear()
