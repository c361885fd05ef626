"""The floors, the rooms of third-party packages, and the size of functions, files and class trees."""

import ast
import functools
import importlib.util
import inspect
import pkgutil
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import nnlite
from nnlite.layers import Layer
from nnlite.registry import Configurable

ROOT = Path(nnlite.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# A module imports only from floors below its own, or from its own package.
FLOORS = [
    ("registry", "errors", "config", "random", "threads", "arrays", "kernels", "documents", "charts", "tree"),
    ("jacobians",),
    ("ops",),
    (
        *("parameters", "variables", "initializers", "regularizers", "constraints", "activations", "schedules"),
        "dtype_policies",
    ),
    ("layers", "losses", "metrics", "optimizers", "data", "distributed"),
    ("callbacks", "training", "derivatives", "inference", "saving", "foreign"),
    ("models", "features"),
    ("trained", "circuits", "utils", "backend", "datasets", "mixed_precision"),
    ("experiment", "estimators", "plots", "preprocessing", "wrappers"),
    ("check", "report", "tuning"),
    ("cli",),
    ("__main__",),
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

# The same among the folders inside a room; modules beside them stand above them.
FLOORS_INSIDE = {
    "layers": [
        ("base",),
        ("core", "convolution", "pooling", "reshaping", "normalization", "regularization"),
        ("merging", "preprocessing", "images", "recurrent", "attention", "constrained"),
        ("composite",),
        ("names",),
    ],
    "jacobians": [("maps",), ("recurrence",), ("bundles",)],
    "kernels": [("memory",), ("reference",), ("compiled",)],
}

# Imports within one floor, each with its reason; none may go the other way round.
STEPS_WITHIN_A_FLOOR = {
    ("charts", "arrays"): "charts name the types of arrays",
    ("charts", "errors"): "pixels that are not an image are a ShapeError",
    ("config", "arrays"): "a policy of bfloat16 loads that type",
    ("config", "errors"): "an unknown float type is a ConfigError",
    ("config", "kernels"): "determinism is a choice of kernels",
    ("config", "threads"): "determinism is a number of threads",
    ("documents", "errors"): "a file that cannot be read is a ConfigError",
    ("random", "arrays"): "functions name the types of arrays",
    ("random", "config"): "random numbers have the default type",
    ("random", "errors"): "a seed that is none is a ConfigError",
    ("documents", "registry"): "keys are names, in any case and style",
    ("tree", "errors"): "structures that differ are a ConfigError",
    ("threads", "errors"): "a number of threads that is none is a ConfigError",
    ("arrays", "errors"): "a table that holds no numbers is a DataError",
    ("arrays", "threads"): "products are made in pieces where one thread makes them",
    ("kernels", "arrays"): "kernels name the types of arrays",
    ("kernels", "threads"): "products are made in pieces where one thread makes them",
    ("kernels", "errors"): "an unknown choice of kernels is a ConfigError",
    ("registry", "errors"): "an unknown name or argument, or a value that cannot be read, is a ConfigError",
    ("metrics", "losses"): "the mean of a loss is a metric",
    ("parameters", "regularizers"): "a parameter carries its regularizer",
    ("variables", "initializers"): "a variable may be drawn",
    ("variables", "parameters"): "it is a parameter without a layer",
    ("parameters", "constraints"): "a parameter carries its constraint",
    ("data", "metrics"): "a target encoder scores predictions in the terms of its data",
    ("callbacks", "saving"): "checkpoints and logs are files that appear whole",
    ("callbacks", "foreign"): "endings of names that say which of Keras's files a checkpoint is",
    ("backend", "utils"): "Keras has the same questions about types in both",
    ("datasets", "utils"): "both know the folder where Keras keeps its files",
    ("foreign", "saving"): "files appear whole; what nnlite keeps for itself has its own format",
    ("training", "saving"): "a checkpoint is a model file that also says where the training stands",
    ("training", "callbacks"): "the loop calls callbacks, and History and ProgressBar are two of them",
    ("derivatives", "training"): "x and y are checked as for fit",
    ("derivatives", "inference"): "intervals of the delta method are scaled by conformal ones",
    ("report", "tuning"): "a search has a page too",
}

THIRD_PARTY_ROOMS = {
    "numpy": None,  # everywhere
    "sklearn": {"data", "estimators", "inference", "metrics", "wrappers"},
    "pandas": {"estimators"},
    "pyarrow": {"data"},
    "onnx": {"inference", "estimators"},
    "skl2onnx": {"estimators"},
    "openpyxl": {"data"},
    "numba": {"kernels/compiled"},
    "llvmlite": {"kernels/compiled"},
    "scipy": {"kernels/compiled", "estimators/mlp", "layers/preprocessing"},
    "PIL": {"data", "utils"},
    "h5py": {"foreign"},
    "ml_dtypes": {"arrays"},
    "matplotlib": {"plots", "circuits"},
    "yaml": {"documents"},
    "optuna": {"tuning"},
    "mlflow": {"callbacks/tracking"},
    "dask": {"distributed"},
    "joblib": {"distributed"},
    "mpi4py": {"distributed"},
    "wandb": {"callbacks/tracking"},
    "safetensors": set(),  # the format is ours; the library is the oracle of the tests
    "threadpoolctl": {"threads"},
}
HEAVY = sorted(set(THIRD_PARTY_ROOMS) - {"numpy"})

LINES_OF_A_FUNCTION = 30
FILES_OF_A_FOLDER = 12
LINES_OF_A_FILE = 300
BASES_OF_A_CLASS = 6  # those of Conv2D: its abstract family, Spatial, Layer, LayerAttributes, Op, Configurable


def name_of(path: Path) -> str:
    """`layers/base` for nnlite/layers/base/layer.py."""
    return path.relative_to(ROOT).with_suffix("").as_posix()


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """`node` and all below it, without what stands there for type checkers alone."""
    yield node
    only_checked = isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
    for child in node.orelse if only_checked else ast.iter_child_nodes(node):
        yield from executed(child)


@functools.cache
def import_statements(path: Path) -> list[ast.Import | ast.ImportFrom]:
    """The imports of a file, those inside functions included, those for type checkers left out."""
    return [node for node in executed(ast.parse(path.read_text())) if isinstance(node, (ast.Import, ast.ImportFrom))]


def imports(path: Path):
    """The dotted names that a file imports."""
    package = ["nnlite", *name_of(path).split("/")]
    for node in import_statements(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            base = (
                ".".join(package[: -node.level] + ([node.module] if node.module else [])) if node.level else node.module
            )
            yield from (f"nnlite.{alias.name}" for alias in node.names) if base == "nnlite" else [base]


def crossings():
    """(importing room, imported room, file) for every import of one room of nnlite by another."""
    for path in FILES:
        room = name_of(path).split("/")[0]
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "nnlite" and len(parts) > 1 and parts[1] in FLOOR_OF and parts[1] != room:
                yield room, parts[1], name_of(path)


def test_every_room_has_a_floor():
    rooms = {name_of(path).split("/")[0] for path in FILES} - {"__init__"}
    assert rooms == set(FLOOR_OF)


def test_the_document_shows_the_floors():
    text = (ROOT.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    for number, rooms in enumerate(FLOORS[:-1]):  # but for `__main__`, by which Python runs the command line
        (shown,) = re.findall(rf"^\| {number} \| (.*?) \|", text, re.MULTILINE)
        assert [room for room in rooms if not re.search(rf"\b{room}\b", shown)] == [], number


def test_the_third_party_table_has_every_library():
    text = (ROOT.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("| library | only in |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| ([\w-]+) \| (`[^|]*`) \|", table, re.MULTILINE))
    titles = {"sklearn": "scikit-learn", "scipy": "SciPy", "yaml": "PyYAML", "numba": "Numba", "PIL": "Pillow"}
    titles |= {"optuna": "Optuna", "mlflow": "MLflow"}
    wanted = {
        titles.get(name, name): homes
        for name, homes in THIRD_PARTY_ROOMS.items()
        if homes and name != "llvmlite"  # comes with Numba
    }
    assert {title: set(re.findall(r"`([\w/]+)`", rooms)) for title, rooms in rows.items()} == wanted


def test_a_module_imports_only_from_floors_below_its_own():
    upwards = [
        f"{file} (floor {FLOOR_OF[room]}) imports {other} (floor {FLOOR_OF[other]})"
        for room, other, file in crossings()
        if FLOOR_OF.get(room, -1) <= FLOOR_OF[other] and (room, other) not in STEPS_WITHIN_A_FLOOR
    ]
    assert upwards == []


@pytest.mark.parametrize("room", FLOORS_INSIDE)
def test_folders_inside_a_room_import_only_from_floors_below_their_own(room):
    floor_of = {folder: floor for floor, folders in enumerate(FLOORS_INSIDE[room]) for folder in folders}
    assert {path.parent.name for path in (ROOT / room).glob("*/__init__.py")} == set(floor_of)
    upwards = [
        f"{name_of(path)} imports {name}"
        for folder, floor in floor_of.items()
        for path in (ROOT / room / folder).glob("*.py")
        for name in imports(path)
        if name.startswith(f"nnlite.{room}.")
        and name.split(".")[2] != folder
        and floor_of.get(name.split(".")[2], len(floor_of)) >= floor
    ]
    assert upwards == []


def test_steps_within_a_floor_are_in_use_and_go_one_way():
    present = {(room, other) for room, other, _ in crossings()}
    for room, other in STEPS_WITHIN_A_FLOOR:
        assert FLOOR_OF[room] == FLOOR_OF[other]
        assert (room, other) in present, f"{room} imports {other} no more: take the exception away"
        assert (other, room) not in STEPS_WITHIN_A_FLOOR


def test_the_package_itself_imports_no_room():
    assert [name for name in imports(ROOT / "__init__.py") if name.startswith("nnlite")] == []


def module_name(path: Path) -> str:
    """`nnlite.ops.base` for nnlite/ops/base.py, `nnlite.ops` for nnlite/ops/__init__.py."""
    return ".".join(["nnlite", *(part for part in name_of(path).split("/") if part != "__init__")])


def modules_imported(path: Path, modules: set[str]) -> set[str]:
    """The modules of nnlite that a file imports from, late imports inside functions included.

    `from nnlite.x import y` is an edge to the module `nnlite.x.y` where there is one, else to `nnlite.x`. That
    Python runs the `__init__` of each package on the way is no edge: a package's own modules would depend on it.
    """
    package = module_name(path).split(".")
    package = package if path.name == "__init__.py" else package[:-1]
    found = set()
    for node in import_statements(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= (names & modules) | ({base} if names - modules else set())
    return found & modules


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The nodes on or between cycles, each with its neighbours there."""
    left = dict(graph)
    while done := {name for name, others in left.items() if not others & left.keys()}:
        left = {name: others for name, others in left.items() if name not in done}
    while done := set(left) - {other for others in left.values() for other in others}:
        left = {name: others for name, others in left.items() if name not in done}
    return [[name, *sorted(others & left.keys())] for name, others in sorted(left.items())]


def test_imports_have_no_cycle():
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == [["b", "c"], ["c", "b"]]
    modules = {module_name(path) for path in FILES}
    graph = {module_name(path): modules_imported(path, modules) for path in FILES}
    assert sum(map(len, graph.values())) > 500
    assert {"nnlite.ops.tracing", "nnlite.jacobians"} <= graph["nnlite.layers.base.call"]
    assert cycles(graph) == []


def test_third_party_packages_keep_to_their_rooms():
    strangers = []
    for path in FILES:
        for name in imports(path):
            package = name.split(".")[0]
            if package == "nnlite" or package in sys.stdlib_module_names:
                continue
            rooms = THIRD_PARTY_ROOMS.get(package, set())
            own = name_of(path)
            if rooms is not None and not any(own == room or own.startswith(f"{room}/") for room in rooms):
                strangers.append(f"{own} imports {package}")
    assert strangers == []


def test_nothing_private_of_scikit_learn_is_imported():
    private = []
    for path in FILES:
        for node in import_statements(path):
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{name}" for name in names] if not node.level else []
            private += [
                f"{name_of(path)} imports {name}"
                for name in names
                if name.startswith("sklearn.") and any(part.startswith("_") for part in name.split("."))
            ]
    assert private == []


@pytest.mark.parametrize("modules", ["nnlite", "nnlite.models, nnlite.losses, nnlite.data"])
def test_import_loads_nothing_heavy(modules):
    check = f"import sys, {modules}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True, cwd=ROOT.parent)
    assert result.stdout.split() == []


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def lines_of_body(function) -> int:
    """Lines from the first statement after the docstring to the last."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return function.end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_functions_and_files_stay_small(path):
    text = path.read_text()
    long = [
        f"{f.name}: {lines_of_body(f)} lines"
        for f in functions(ast.parse(text))
        if lines_of_body(f) > LINES_OF_A_FUNCTION
    ]
    assert long == []
    assert len(text.splitlines()) <= LINES_OF_A_FILE


UNLOADED = ("nnlite.__main__",) if importlib.util.find_spec("numba") else ("nnlite.__main__", "nnlite.kernels.compiled")


def own_classes():
    """Every class that nnlite defines, errors left out: Python's own tree of exceptions is two deep already."""
    for module in pkgutil.walk_packages([str(ROOT)], "nnlite."):
        if not module.name.startswith(UNLOADED):
            for cls in vars(importlib.import_module(module.name)).values():
                if inspect.isclass(cls) and cls.__module__ == module.name and not issubclass(cls, Exception):
                    yield cls


def room_of(cls) -> str:
    """`nnlite.layers` for a class of nnlite/layers/core/dense.py."""
    return ".".join(cls.__module__.split(".")[:2])


def bases(cls) -> list[type]:
    """What a class is made of besides itself: nnlite's own, so that scikit-learn's estimators do not count."""
    return [base for base in cls.__mro__[1:] if base.__module__.startswith("nnlite.")]


def test_classes_are_made_of_few():
    count = {cls: len(bases(cls)) for cls in own_classes()}
    assert len(count) > 100
    assert {cls.__qualname__: number for cls, number in count.items() if number > BASES_OF_A_CLASS} == {}


def test_folders_stay_small():
    count = Counter(str(path.parent.relative_to(ROOT)) for path in FILES if path.name != "__init__.py")
    assert {folder: files for folder, files in count.items() if files > FILES_OF_A_FOLDER} == {}


def test_test_modules_have_unique_names():
    """pytest imports the modules of folders without `__init__.py` by their names alone: it can collect one of each."""
    modules = [path for path in Path(__file__).parents[1].rglob("*.py") if not (path.parent / "__init__.py").exists()]
    count = Counter(path.stem for path in modules if path.stem != "conftest")
    assert {name: files for name, files in count.items() if files > 1} == {}


def test_registered_classes_of_test_modules_have_unique_names():
    """One process imports all test modules before the first test runs; a name stands for the class defined last."""
    bases = {cls.__name__ for cls in own_classes() if issubclass(cls, Configurable)}
    count = Counter(
        node.name
        for path in Path(__file__).parents[1].rglob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and not any(keyword.arg == "abstract" for keyword in node.keywords)
        if any(ast.unparse(base).rpartition(".")[2] in bases for base in node.bases)
    )
    assert {name: classes for name, classes in count.items() if classes > 1} == {}


@pytest.mark.parametrize("turn", ["first", "second"])
def test_classes_of_a_test_are_forgotten_after_it(turn):
    assert "Forgotten" not in Layer.members()

    class Forgotten(Layer):
        """What the fixture `classes_forgotten` takes away again."""

    assert Layer.members()["Forgotten"] is Forgotten


def test_every_module_says_what_it_is():
    assert [name_of(path) for path in FILES if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_registered_classes_are_exported_by_their_package():
    registered = {
        cls
        for cls in own_classes()
        if issubclass(cls, Configurable)
        and cls in getattr(cls, "_members", {}).values()
        and cls.__module__.count(".") > 1
    }
    assert len(registered) > 80
    hidden = [cls for cls in registered if cls.__qualname__ not in dir(sys.modules[room_of(cls)])]
    assert hidden == []


# Attributes that are asked for without being declared, each with its reason: none of them is a class of nnlite.
UNDECLARED = {
    ("arrays/tables", "column"): "tables of pyarrow have it",
    ("arrays/tables", "column_names"): "tables of pyarrow have it",
    ("arrays/tables", "dtype"): "a column may be a list",
    ("arrays/tables", "dtypes"): "only a DataFrame has it",
    ("arrays/tables", "get_columns"): "a DataFrame of polars has it",
    ("arrays/tables", "items"): "the `dtypes` of a DataFrame of pandas are a Series",
    ("arrays/tables", "kind"): "only NumPy's types have it, those of pandas do not",
    ("arrays/tables", "to_frame"): "a Series has it",
    ("arrays/tables", "to_numpy"): "DataFrames have it",
    ("callbacks/bars", "encoding"): "a stream may be anything with a method `write`",
    ("callbacks/bars", "isatty"): "a stream may be anything with a method `write`",
    ("data/numbered", "__array__"): "what users pass as data may be any array",
    ("data/numbered", "__getitem__"): "what users pass as data may be anything",
    ("data/frames/libraries", "__arrow_c_array__"): "what users pass as a table may be of any library",
    ("data/frames/libraries", "__arrow_c_stream__"): "what users pass as a table may be of any library",
    ("data/frames/libraries", "__dataframe__"): "what users pass as a table may be of any library",
    ("data/frames/reading", "__dataframe__"): "what users pass as a table may be of any library",
    ("data/frames/reading", "toarray"): "only sparse matrices have it",
    ("estimators/fitting/inputs", "nnz"): "only sparse matrices have it",
    ("estimators/fitting/inputs", "tocsr"): "only sparse matrices have it",
    ("estimators/fitting/targets", "columns"): "only a DataFrame has it",
    ("estimators/fitting/targets", "toarray"): "only sparse matrices have it",
    ("estimators/parameters", "__array__"): "what users pass as arguments may be anything",
    ("estimators/parameters", "__len__"): "what users pass as arguments may be anything",
    ("jacobians/maps/base", "__slots__"): "Python: `object` has none",
    ("layers/base/inputs", "shape"): "arrays and tables of all makes have it, batches one after another have none",
    ("layers/base/inputs", "to_numpy"): "DataFrames and Series have it",
    ("layers/base/inputs", "toarray"): "only sparse matrices have it",
    ("metrics/accuracy", "from_logits"): "a loss may be a plain function",
    ("metrics/accuracy", "target_kind"): "a loss may be a plain function",
    ("ops/names/constants", "__wrapped__"): "the functions of older versions of NumPy written in C have no attributes",
    ("registry/fast_paths", "outlives"): "only a method that is marked has it",
    ("registry/names", "__name__"): "a callable need not be a function",
    ("registry/names", "get_config"): "a class of a user may be registered",
    ("registry/functions", "__name__"): "a callable need not be a function",
    ("registry/functions", "__qualname__"): "a callable need not be a function",
}


def undeclared(path: Path):
    """The attributes that a file asks for by `hasattr(x, "name")` or `getattr(x, "name", default)`."""
    for node in ast.walk(ast.parse(path.read_text())):
        named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > 1
        if named and isinstance(node.args[1], ast.Constant):
            asked = node.func.id == "hasattr" or (node.func.id == "getattr" and len(node.args) + len(node.keywords) > 2)
            yield from [node.args[1].value] if asked else []


def test_attributes_are_declared_by_the_class_that_has_them():
    asked = {(name_of(path), name) for path in FILES for name in undeclared(path)}
    assert asked - set(UNDECLARED) == set(), "declare the attribute, with its default, on the class that has it"
    assert set(UNDECLARED) - asked == set(), "take these exceptions away"
