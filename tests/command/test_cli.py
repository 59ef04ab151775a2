"""The command line as a shell sees it: what goes where, and which code comes back."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from yidi.scenarios.command import cli

YIDI = str(Path(sysconfig.get_path("scripts")) / "yidi")
QUIET = {"PATH": os.environ["PATH"], "LANG": "en_US.UTF-8"}


def yidi(*words, environment=None, **options):
    """Run the installed script with nothing of this machine's environment but PATH."""
    return subprocess.run(
        [YIDI, *words],
        env=QUIET | (environment or {}),
        capture_output="stdout" not in options,
        timeout=120,
        check=False,
        **options,
    )


@pytest.mark.parametrize("words", [("nope",), ("--nope",), ("doctor", "x"), ("doctor", "--no")])
@pytest.mark.parametrize(("lang", "usage"), [("en", "usage: yidi"), ("zh", "用法: yidi")])
def test_c01_a_wrong_command_line_shows_the_usage(words, lang, usage):
    """C01: usage on stderr, nothing on stdout, exit code 2, in the reader's language."""
    done = yidi(*words, environment={"LANG": f"{lang}.UTF-8"})

    assert (2, b"") == (done.returncode, done.stdout)
    assert done.stderr.decode().startswith(usage)


def test_c01_no_verb_is_a_usage_error():
    """C01: `yidi` alone says how to get help."""
    done = yidi()

    assert (2, b"") == (done.returncode, done.stdout)
    assert b"yidi --help" in done.stderr


@pytest.mark.parametrize("words", [("--help",), ("doctor",), ("doctor", "--json")])
def test_c05_a_closed_pipe_ends_quietly(words):
    """C05: with nobody to read, no traceback and 141."""
    reading, writing = os.pipe()
    os.close(reading)
    done = yidi(*words, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)

    assert (141, b"") == (done.returncode, done.stderr)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is a device of Linux")
@pytest.mark.parametrize("words", [("--help",), ("doctor",)])
def test_c05_a_full_disk_is_named(words):
    """C05: stdout to /dev/full is storage that is full, in one line and with code 4."""
    with Path("/dev/full").open("wb") as full:
        done = yidi(*words, stdout=full, stderr=subprocess.PIPE)

    assert 4 == done.returncode
    assert done.stderr.startswith(b"E_STORAGE_FULL")
    assert 1 == done.stderr.count(b"\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is a device of Linux")
@pytest.mark.parametrize("closing", [">&-", "2>&-", "2>/dev/full", ">&- 2>&-"])
def test_c05_closed_or_full_standard_files_stop_nothing(closing):
    """What the shell closed nobody wants to read; a full stderr loses words, not the result."""
    command = f'"{YIDI}" validate huaibei-outpatient-in-shanghai {closing}'
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)

    assert (0, False) == (done.returncode, b"Traceback" in done.stderr)


@pytest.mark.parametrize("words", [("--help",), ("doctor",), ("doctor", "--lang", "zh")])
def test_c07_a_bare_terminal_is_enough(words):
    """C07: LANG=C, ASCII, 20 columns and no colour still show every word, as UTF-8."""
    bare = {"LANG": "C", "PYTHONIOENCODING": "ascii", "COLUMNS": "20", "NO_COLOR": "1"}
    done = yidi(*words, environment=bare)

    assert (0, b"") == (done.returncode, done.stderr)
    assert b"\x1b" not in done.stdout
    assert "…" not in done.stdout.decode()


def test_c10_no_home_and_no_temporary_directory():
    """C10: HOME unset and TMPDIR missing change nothing."""
    assert 0 == yidi("doctor", environment={"TMPDIR": "/nonexistent"}).returncode


def test_c10_a_deleted_working_directory_is_one_line(tmp_path):
    """C10: the command works or says in one line what it could not use."""
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd {gone} && rmdir {gone} && exec {YIDI} doctor"
    done = subprocess.run(["sh", "-c", script], env=QUIET, capture_output=True, check=False)

    assert done.returncode in (0, 4)
    assert b"Traceback" not in done.stderr
    assert done.stderr.count(b"\n") <= 1


def test_help_lists_every_verb_that_is_there():
    """`--help` shows each built verb with both languages, and no other."""
    context = cli.cli.make_context("yidi", ["doctor"], resilient_parsing=True)
    listed = cli.cli.list_commands(context)
    shown = yidi("--help").stdout.decode()

    assert "doctor" in listed
    for name, row in cli.VERBS.items():
        assert (name in listed) == (f" {name} " in shown and row.zh in shown)


def test_every_listed_verb_can_be_called():
    """Each verb of the table is a click command whose help shows `--lang`."""
    context = cli.cli.make_context("yidi", ["doctor"], resilient_parsing=True)
    for name in cli.cli.list_commands(context):
        shown = yidi(name, "--help")

        assert (0, b"") == (shown.returncode, shown.stderr), name
        assert b"--lang" in shown.stdout, name


@pytest.mark.parametrize("words", [("--help",), ("--version",)])
def test_help_imports_nothing_heavy(words):
    """Help pays for neither the engine nor the nodes."""
    code = (
        "import sys; from yidi.scenarios.command import cli\n"
        f"try: cli.main({words!r})\n"
        "except SystemExit: print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    loaded = done.stderr.split()

    assert "yidi.scenarios.command.cli" in loaded
    heavy = ("yidi.nodes", "yidi.broker", "yidi.scenarios.running", "aiohttp", "asyncio")
    assert [] == [name for name in loaded if name.startswith(heavy)]


def test_language_is_taken_from_before_the_verb_too():
    """`yidi --lang zh doctor` and `yidi doctor --lang zh` print the same."""
    first, second = yidi("--lang", "zh", "doctor").stdout, yidi("doctor", "--lang", "zh").stdout

    assert first.splitlines()[:4] == second.splitlines()[:4]
    assert "状态" in first.decode()


def _in_child(body: str, environment=None) -> subprocess.CompletedProcess[str]:
    """Run `main` on a verb whose callback is `body`, in a process of its own."""
    code = (
        "import os, signal, sys, click\n"
        # Whoever runs the tests in the background hands SIGINT down as ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from yidi.protocol.errors import *\n"
        "from yidi.scenarios.command import cli\n"
        "@click.command('probe')\n"
        f"def probe():\n    {body}\n"
        "cli.Verbs.get_command = lambda self, context, name: probe\n"
        "cli.main(['probe'])\n"
    )
    command = [sys.executable, "-c", code]
    variables = QUIET | (environment or {})
    return subprocess.run(
        command, env=variables, capture_output=True, encoding="utf-8", check=False
    )


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("return 1", 1, ""),
        ("raise ScenarioError(ErrorCode.E_RANGE, at='loss')", 2, "E_RANGE"),
        ("raise DecodeError(ErrorCode.E_DECODE)", 2, "E_DECODE"),
        ("raise StoredDataError(ErrorCode.E_PORT_IN_USE)", 3, "E_PORT_IN_USE"),
        ("raise StoredDataError(ErrorCode.E_LOCKED)", 4, "E_LOCKED"),
        ("open('/nonexistent/x')", 4, "E_OUTPUT"),
        ("raise LocalProtocolError(ErrorCode.E_DECODE)", 5, "E_DECODE"),
        ("raise InvariantViolation('INV-01', 'a')", 5, "E_INTERNAL"),
        ("1 / 0", 5, "E_INTERNAL"),
        ("os.kill(os.getpid(), signal.SIGTERM)", 130, "interrupted"),
        ("os.kill(os.getpid(), signal.SIGINT)", 130, "interrupted"),
    ],
)
def test_every_ending_has_its_code_and_one_line(body, code, said):
    """The exit code follows from the kind of error; stderr has at most one line."""
    done = _in_child(body)

    assert code == done.returncode
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == bool(said)


def test_a_traceback_is_shown_on_demand():
    """YIDI_DEBUG=1 shows where our own error came from."""
    assert "ZeroDivisionError" in _in_child("1 / 0", {"YIDI_DEBUG": "1"}).stderr.split("\n")[-2]
    assert "Traceback" in _in_child("1 / 0", {"YIDI_DEBUG": "1"}).stderr


def test_files_are_private_under_an_open_umask(tmp_path):
    """C10: with umask 000 a file is still written for its owner alone."""
    made = tmp_path / "made"
    _in_child(f"os.umask(os.umask(0)) or open({str(made)!r}, 'w').close()")

    assert 0o600 == made.stat().st_mode & 0o777
