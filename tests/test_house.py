"""The rules of the house, held by reading the source: arrows, sizes, banned names, packaging."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from yidi.protocol.error_codes import ERRORS, ErrorCode

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {
    "protocol": set(),
    "broker": {"protocol"},
    "nodes": {"protocol"},
    "scenarios": {"protocol", "broker", "nodes"},
}
CORES = ("protocol", "broker", "nodes")
# The HTTP edge and the engines are where a socket and a clock are met.
EDGES = ("broker/engines", "broker/external/http", "broker/gateway")
FILE_LINES_MAX, FUNCTION_LINES_MAX, PARAMETERS_MAX = 500, 70, 7
UNTESTED_LINES_MAX = 40

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _modules(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms or ROOMS for path in (ROOT / room).rglob("*.py"))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=_name(path))


def _own_files() -> list[Path]:
    """What belongs to the project: tracked, or about to be."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    paths = [ROOT / name for name in listed.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def _imported(tree: ast.Module) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


# --- Arrows -------------------------------------------------------------------------------------


def test_imports_follow_the_arrows():
    """protocol imports nothing of ours, broker and nodes only protocol, scenarios all three."""
    wrong = [
        f"{_name(path)} imports {imported}"
        for room, allowed in ROOMS.items()
        for path in _modules(room)
        for imported in _imported(_tree(path))
        if imported.startswith("yidi.") and imported.split(".")[1] not in {room, *allowed}
    ]

    assert [] == wrong


# --- Sizes --------------------------------------------------------------------------------------


def test_no_file_is_longer_than_a_reader_holds():
    """Every Python file ends before line 500."""
    paths = [*_modules(), *sorted((ROOT / "tests").rglob("*.py"))]
    lengths = {_name(path): len(path.read_text("utf-8").splitlines()) for path in paths}

    assert {} == {name: lines for name, lines in lengths.items() if lines >= FILE_LINES_MAX}


def _functions(*rooms: str) -> list[tuple[Path, Function]]:
    return [
        (path, node)
        for path in _modules(*rooms)
        for node in ast.walk(_tree(path))
        if isinstance(node, Function)
    ]


def _body_lines(function: Function) -> int:
    """Lines from the first statement on; a docstring is not counted."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return 1 + (function.end_lineno or 0) - body[0].lineno if body else 0


def test_no_function_is_longer_than_a_screen():
    """Every function's body has fewer than 70 lines."""
    long = {
        f"{_name(path)}:{function.lineno} {function.name}": _body_lines(function)
        for path, function in _functions()
        if _body_lines(function) >= FUNCTION_LINES_MAX
    }

    assert {} == long


def test_no_function_takes_more_than_seven_parameters():
    """A longer list belongs into a frozen struct; the callbacks of commands stand aside."""
    crowded = []
    for path, function in _functions():
        if _name(path).startswith("scenarios/command/") and function.decorator_list:
            continue
        given = function.args
        names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        if len([name for name in names if name not in ("self", "cls")]) > PARAMETERS_MAX:
            crowded.append(f"{_name(path)}:{function.lineno} {function.name}")

    assert [] == crowded


# --- What the cores may not name ----------------------------------------------------------------

CLOCK_AND_CHANCE = {"time", "random", "uuid", "asyncio", "secrets", "socket", "threading"}
IDENTITY = {"hash", "id"}
NOW = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "os.urandom"}


def _core_modules() -> list[Path]:
    return [path for path in _modules(*CORES) if not _name(path).startswith(EDGES)]


def test_cores_name_no_clock_and_no_chance():
    """`now` is given and chance is drawn in scenarios, so that a run repeats."""
    wrong = []
    for path in _core_modules():
        tree = _tree(path)
        wrong += [
            f"{_name(path)} imports {name}"
            for name in _imported(tree)
            if name.split(".")[0] in CLOCK_AND_CHANCE
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in NOW:
                wrong.append(f"{_name(path)}:{node.lineno} {ast.unparse(node)}")
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in IDENTITY:
                wrong.append(f"{_name(path)}:{node.lineno} {node.func.id}()")

    assert [] == wrong


RUNS_WHAT_IT_READS = {"pickle", "shelve", "marshal", "dill", "joblib"}


def test_nothing_runs_what_it_reads():
    """No eval, exec, pickle or shell: input is data."""
    wrong = []
    for path in _modules():
        tree = _tree(path)
        wrong += [
            f"{_name(path)} imports {name}"
            for name in _imported(tree)
            if name.split(".")[0] in RUNS_WHAT_IT_READS or name == "os.system"
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("eval", "exec"):
                wrong.append(f"{_name(path)}:{node.lineno} {node.func.id}()")
            if isinstance(node, ast.keyword) and node.arg == "shell":
                wrong.append(f"{_name(path)}:{node.value.lineno} shell=")

    assert [] == wrong


def _is_set(node: ast.expr, known: set[str]) -> bool:
    """Whether an expression is a set as far as the source alone tells."""
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", "") in ("set", "frozenset")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub):
        return _is_set(node.left, known) or _is_set(node.right, known)
    return isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) in known


def _set_names(tree: ast.Module) -> set[str]:
    """Names that one module binds to sets or annotates as sets, and to nothing else."""
    sets, others = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            annotated = re.match(r"(frozen)?set\b", ast.unparse(node.annotation))
            (sets if annotated else others).add(node.arg)
        elif isinstance(node, ast.AnnAssign):
            annotated = re.match(r"(frozen)?set\b", ast.unparse(node.annotation))
            (sets if annotated else others).add(ast.unparse(node.target))
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                (sets if _is_set(node.value, set()) else others).add(ast.unparse(target))
    return sets - others


ORDER_FREE = {"sorted", "any", "all", "sum", "min", "max", "len", "set", "frozenset"}


def test_no_order_comes_from_a_set():
    """A set is iterated only through `sorted` or where its order cannot show."""
    wrong = []
    for path in _modules():
        tree = _tree(path)
        names = _set_names(tree)
        free = {
            argument
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ORDER_FREE
            for argument in node.args
        }
        for node in ast.walk(tree):
            loops = [node] if isinstance(node, ast.For) else []
            if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp):
                loops = [] if node in free else node.generators
            wrong += [
                f"{_name(path)}:{loop.iter.lineno} {ast.unparse(loop.iter)}"
                for loop in loops
                if _is_set(loop.iter, names)
            ]

    assert [] == wrong


# --- Messages and codes -------------------------------------------------------------------------


POSITIONAL = {
    # Built for every hop of every message, where keywords cost a tenth of the whole.
    *("Link", "Stamp", "Origin", "Frame", "Envelope"),
    *("FundPay", "FeeLine"),  # many to one message
}


def test_every_message_says_that_it_is_frozen_and_named():
    """Each struct of the protocol spells out frozen and kw_only, which are not inherited."""
    wrong = []
    for path in _modules("protocol"):
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.ClassDef) and "msgspec.Struct" in map(ast.unparse, node.bases):
                said = {word.arg for word in node.keywords}
                wanted = {"frozen"} if node.name in POSITIONAL else {"frozen", "kw_only"}
                wrong += [] if wanted <= said else [f"{_name(path)} {node.name}"]

    assert [] == wrong


def test_every_error_code_has_one_row():
    """Each code stands in the registry once, with a number of its own and both sentences."""
    assert sorted(ErrorCode) == sorted(row.code for row in ERRORS)
    assert len(ERRORS) == len({row.number for row in ERRORS})
    assert all(row.zh and row.en and row.source for row in ERRORS)


# --- Tests --------------------------------------------------------------------------------------


def _module_name(path: Path) -> str:
    return ".".join(("yidi", *path.relative_to(ROOT).with_suffix("").parts))


def test_every_module_is_tested():
    """A module of more than 40 lines has a test of its own, or stands behind one that has.

    A test of its own is a file of its name, or one that imports it. Behind a module stand the
    parts that it imports from its own room.
    """
    tests = list((ROOT / "tests").rglob("test_*.py"))
    stems = {path.stem for path in tests}
    named = {name for path in tests for name in _imported(_tree(path))}
    modules = {_module_name(path): path for path in _modules()}
    own = {
        name
        for name, path in modules.items()
        if f"test_{path.stem.rstrip('_')}" in stems
        or any(f"{said}.".startswith(f"{name}.") for said in named)
    }
    behind = {
        other
        for name in own
        for said in _imported(_tree(modules[name]))
        for other in (said, said.rpartition(".")[0])
        if other.rpartition(".")[0] == name.rpartition(".")[0]
    }
    large = {
        name
        for name, path in modules.items()
        if len(path.read_text("utf-8").splitlines()) > UNTESTED_LINES_MAX
    }

    assert [] == sorted(large - own - behind)


# --- What leaves the house ----------------------------------------------------------------------

# Written in pieces, so that this file does not find itself.
REGISTRY = re.compile(
    r"--(extra-)?index" + r"-url|python" + r"hosted\.org|pypi\." + r"org/simple|npmjs\." + r"org"
)
MACHINE_PATH = re.compile(r"(?<![\w.-])/(work|root|home|Users)" + r"/|\.\./" + r"shared\b")


@pytest.mark.parametrize(
    ("pattern", "what"), [(REGISTRY, "a registry"), (MACHINE_PATH, "a machine's own path")]
)
def test_no_file_names(pattern, what):
    """What the project ships works anywhere: it names no registry and no machine's paths."""
    found = []
    for path in _own_files():
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{_name(path)}: {match[0]}" for match in pattern.finditer(text)]

    assert [] == found, f"{what} is named"


def test_every_link_of_the_documents_leads_somewhere():
    """A relative link in a Markdown file names a file that exists."""
    broken = []
    for path in _own_files():
        if path.suffix != ".md":
            continue
        targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text("utf-8"))
        broken += [
            f"{_name(path)}: {target}"
            for target in targets
            if "://" not in target and not (path.parent / target).exists()
        ]

    assert [] == broken


# --- Packaging ----------------------------------------------------------------------------------

SHIPPED = {".py", ".typed", ".toml", ".css", ".js", ".html", ".svg", ".csv", ".json"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The names of a wheel built from a copy of the sources, and where it was unpacked."""
    copy = tmp_path_factory.mktemp("source")
    for name in ROOMS:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    offline = ["--no-index", "--wheel-dir", str(copy / "out"), str(copy)]
    subprocess.run([*build, *offline], check=True, capture_output=True)
    unpacked = copy / "unpacked"
    with zipfile.ZipFile(next((copy / "out").glob("*.whl"))) as archive:
        archive.extractall(unpacked)
        return archive.namelist(), unpacked


@pytest.mark.slow
def test_the_wheel_has_one_top_level_name(wheel):
    """Installing yidi puts nothing but `yidi` into an environment."""
    names, _ = wheel
    tops = {name.split("/")[0] for name in names}

    assert {"yidi"} == {top for top in tops if not top.endswith(".dist-info")}


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_packages(wheel):
    """Each module, scenario and style sheet of the tree is in the wheel."""
    names, _ = wheel
    wanted = {
        f"yidi/{_name(path)}"
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.suffix in SHIPPED or path.name == "py.typed"
    }

    assert set() == wanted - set(names)


@pytest.mark.slow
def test_the_wheel_works_without_the_tree(wheel, tmp_path):
    """The installed package answers `--version` from its own files."""
    _, unpacked = wheel
    code = "import yidi.protocol.money as m; print(m.__file__)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(unpacked)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )

    assert str(unpacked) in run.stdout


def test_the_lock_pins_every_dependency_with_hashes():
    """All dependencies, those of the extras too, stand in the lock, and each line has hashes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(line for extra in extras.values() for line in extra)]
    names = {re.match(r"[\w.-]+", line)[0].lower() for line in wanted}
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    pinned = re.findall(r"^([\w.-]+)==[^\n]*\\\n    --hash=", lock, re.MULTILINE)

    assert set() == names - set(pinned)
    assert len(pinned) == len(re.findall(r"^[\w.-]+==", lock, re.MULTILINE))
