"""What a reader may count on: short functions, no import circle, honest docstrings."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

import demand_forecast
from demand_forecast import exceptions

PACKAGE = Path(demand_forecast.__file__).parent
ROOT_FILES = {
    "__init__.py",
    "__main__.py",
    "cli.py",
    "exceptions.py",
    "pipeline_registry.py",
    "settings.py",
}
ERRORS = {
    name for name, thing in vars(exceptions).items() if inspect.isclass(thing)
}  # the project's own
Function = ast.FunctionDef | ast.AsyncFunctionDef

# Private names of other libraries that are used all the same, and why there is no other way.
_VERSIONED = "what Kedro's base class gives to versioned datasets, and documents for one's own"
_SESSION = "a session of one's own has no other way to what the base class was given"
_RUNNER = "a runner of one's own has no other way to what the base class was given"
_PLACE = "where a dataset's file lies has no public name"
_WORKBOOK = "openpyxl's own reader of a sheet needs them; its public one trusts a sheet's size"
PRIVATE_OF_OTHERS: dict[tuple[str, str], str] = {
    ("conditioning/raw/excel_file.py", "_date_formats"): _WORKBOOK,
    ("conditioning/raw/excel_file.py", "_reader"): _WORKBOOK,
    ("conditioning/raw/excel_file.py", "_timedelta_formats"): _WORKBOOK,
    ("datasets/artefact.py", "_filepath"): _VERSIONED,
    ("datasets/artefact.py", "_get_load_path"): _VERSIONED,
    ("datasets/artefact.py", "_get_save_path"): _VERSIONED,
    (
        "datasets/figure.py",
        "_typing",
    ): "Kedro-Viz finds previews by this type, which has no other home",
    ("framework/dask_cluster.py", "_exit"): "Python's own way to end a process at once",
    ("framework/namespacing.py", "_copy"): "Kedro's own way to change a node's inputs",
    ("framework/namespacing.py", "_inputs"): "datasets by argument; the public inputs are a list",
    (
        "framework/reconnection.py",
        "_init_args",
    ): "what Kedro keeps of a dataset's arguments; the public configuration lacks the version",
    ("framework/runner.py", "_exit"): "Python's own way to end a process from one of its threads",
    ("framework/runner.py", "_is_async"): _RUNNER,
    ("framework/session.py", "_conf_source"): _SESSION,
    ("framework/session.py", "_get_catalog"): "only here can a catalog's save version be given",
    ("framework/session.py", "_hook_manager"): _SESSION,
    ("framework/session.py", "_store"): _SESSION,
    ("registry/file_records.py", "_filepath"): _PLACE,
    ("registry/file_records.py", "_get_versioned_path"): _PLACE,
    ("registry/file_records.py", "_version"): _PLACE,
}
OF_EVERY_NAMED_TUPLE = {"_asdict", "_field_defaults", "_fields", "_make", "_replace"}  # public


def _trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


TREES = _trees()


def _functions() -> Iterator[tuple[Path, Function]]:
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield path, node


def _name(path: Path, node: Function) -> str:
    return f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name}"


@cache
def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def _code_lines(path: Path, node: Function) -> int:
    """Lines from ``def`` to the end that hold code: no docstring, comment or empty line."""
    documented = ast.get_docstring(node) is not None
    left_out = range(node.body[0].lineno, node.body[0].end_lineno + 1) if documented else ()
    texts = [
        _lines(path)[number - 1].strip()
        for number in range(node.lineno, node.end_lineno + 1)
        if number not in left_out
    ]
    return sum(bool(text) and not text.startswith("#") for text in texts)


def test_functions_are_short():
    lengths = {_name(path, node): _code_lines(path, node) for path, node in _functions()}
    assert len(lengths) > 500
    assert median(lengths.values()) <= 9
    assert {name: length for name, length in lengths.items() if length > 60} == {}


def test_the_root_of_the_package_holds_only_what_kedro_wants_there():
    assert {path.name for path in PACKAGE.glob("*.py")} <= ROOT_FILES


def _module(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path, modules: set[str]) -> set[str]:
    """Modules of the package that a module imports, early or late, but for types only."""
    typing_only = {
        id(inner)
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    wanted: set[str] = set()
    for node in ast.walk(TREES[path]):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            wanted |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            wanted |= (inner & modules) or {node.module}
    return wanted & modules - {_module(path)}


def test_no_module_imports_itself_through_others():
    modules = {_module(path) for path in TREES}
    graph = {_module(path): _imports(path, modules) for path in TREES}
    assert sum(map(len, graph.values())) > len(graph)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import circle: {' -> '.join(error.args[1])}")


@cache
def _given_names() -> set[str]:
    """Every name that the package gives to something, whatever kind of thing."""
    names: set[str] = set()
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, Function | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.id if isinstance(node, ast.Name) else node.attr)
    return names


@cache
def _own_methods() -> set[str]:
    """Methods of classes that have no base class of another library."""
    classes = [
        node for t in TREES.values() for node in ast.walk(t) if isinstance(node, ast.ClassDef)
    ]
    ours = {node.name for node in classes}
    return {
        part.name
        for node in classes
        if all(ast.unparse(base).partition("[")[0] in ours for base in node.bases)
        for part in node.body
        if isinstance(part, Function)
    }


def _is_private(name: str) -> bool:
    dunder = name.startswith("__") and name.endswith("__") and name != "__wrapped__"
    return name.startswith("_") and not dunder and name not in OF_EVERY_NAMED_TUPLE


def _foreign_attributes(tree: ast.Module) -> set[str]:
    """Private attributes of what is not ours: inherited ones of ``self``, or of another object."""
    own, methods = _given_names(), _own_methods()
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and _is_private(node.attr)
        and node.attr not in (own if ast.unparse(node.value) in ("self", "cls") else methods)
    }


def _foreign_imports(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            package, *rest = node.module.split(".")
            if package not in ("demand_forecast", "__future__"):
                names |= {package, *rest, *(alias.name for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {part for alias in node.names for part in alias.name.split(".")}
    return {name for name in names if _is_private(name)}


def _private_of_others() -> set[tuple[str, str]]:
    """``(file, name)`` of each private name of somebody else that is used."""
    return {
        (str(path.relative_to(PACKAGE)), name)
        for path, tree in TREES.items()
        for name in _foreign_attributes(tree) | _foreign_imports(tree)
    }


def test_no_private_api_of_another_library_is_used_without_a_reason():
    assert sorted(_private_of_others()) == sorted(PRIVATE_OF_OTHERS)


def _is_caught(part: ast.Try, name: str) -> bool:
    handled = " ".join(ast.unparse(handler.type) for handler in part.handlers if handler.type)
    return name in handled.replace("(", " ").replace(")", " ").replace(",", " ").split()


def _raised(node: Function) -> set[str]:
    """Errors that leave a function by its own statements, not by those of one inside it."""
    inner = {
        id(part)
        for child in ast.walk(node)
        if isinstance(child, Function | ast.Lambda) and child is not node
        for part in ast.walk(child)
    }
    inner |= {
        id(part)
        for child in ast.walk(node)
        if isinstance(child, ast.Try)
        for statement in child.body
        for part in ast.walk(statement)
        if isinstance(part, ast.Raise) and isinstance(part.exc, ast.Call)
        if _is_caught(child, ast.unparse(part.exc.func))
    }
    names = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Raise) and id(part) not in inner and isinstance(part.exc, ast.Call):
            names.add(ast.unparse(part.exc.func).rpartition(".")[2])
    return names & ERRORS


def _undocumented_raises() -> set[str]:
    missing = set()
    for path, node in _functions():
        section = (ast.get_docstring(node) or "").partition("Raises:")[2]
        if not node.name.startswith("_"):
            missing |= {f"{_name(path, node)}: {x}" for x in _raised(node) if x not in section}
    return missing


def test_docstrings_name_every_error_that_is_raised():
    assert _undocumented_raises() == set()


SAY_NOTHING = {"found", "known"}  # what was found, or is known, is what the name has to say


def test_no_local_has_a_name_that_says_nothing():
    named = set()
    for path, node in _functions():
        for part in ast.walk(node):
            stored = isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            if (stored and part.id in SAY_NOTHING) or (
                isinstance(part, ast.arg) and part.arg in SAY_NOTHING
            ):
                named.add(_name(path, node))
    assert named == set()


TESTS = {path: ast.parse(path.read_text()) for path in sorted(Path(__file__).parent.rglob("*.py"))}


def _asserts(node: ast.AST, helpers: set[str]) -> bool:
    for part in ast.walk(node):
        if isinstance(part, ast.Assert):
            return True
        if isinstance(part, ast.Call):
            name = ast.unparse(part.func).rpartition(".")[2]
            if name in {"raises", "warns", "fail"} | helpers or name.startswith("assert_"):
                return True
    return False


def test_every_test_asserts_something():
    functions = [node for t in TESTS.values() for node in ast.walk(t) if isinstance(node, Function)]
    helpers: set[str] = set()
    for _ in range(3):  # a helper may leave it to another
        helpers |= {f.name for f in functions if f.name[:4] != "test" and _asserts(f, helpers)}
    tests = [f for f in functions if f.name.startswith("test_")]
    assert len(tests) > 500
    assert {f.name for f in tests if not _asserts(f, helpers)} == set()
