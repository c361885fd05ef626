"""What could run code that stands in a file, or reach the network, is used nowhere but where it is told why."""

import ast
from collections.abc import Iterator
from pathlib import Path

import nnlite

ROOT = Path(nnlite.__file__).parent
# Modules that run what they read, load code by name, start programs, or open connections.
MODULES = {
    "pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "runpy", "code", "codeop", "imp",
    "importlib", "pkgutil", "subprocess", "multiprocessing", "pty", "ctypes", "cffi", "socket", "ssl", "http", "urllib",
    "ftplib", "smtplib", "telnetlib", "xmlrpc", "requests", "asyncio", "webbrowser",
}  # fmt: skip
CALLS = {"eval", "exec", "compile", "__import__", "input", "breakpoint"}
METHODS = {
    "extractall", "unsafe_load", "full_load", "load_all", "unsafe_load_all", "system", "popen", "mktemp", "spawnl",
    "spawnv", "execv", "execl", "execve", "read_pickle", "run_path", "run_module",
}  # fmt: skip
QUALIFIED = {("yaml", "load"), ("np", "load"), ("numpy", "load"), ("torch", "load"), ("os", "fork")}

# (file, what) -> why it may stand there.
ALLOWED = {
    ("__init__", "importlib"): "the names of the package are loaded at first use",
    ("__init__", "pkgutil"): "`dir` lists the rooms of the package",
    ("callbacks/event_files", "socket"): "the name of the machine is part of the name of an event file",
    ("check/configs", "importlib"): "the user names a module of classes by `--import`",
    ("check/report", "importlib"): "tells whether a frame of a traceback is the user's own code",
    ("cli/commands/reports", "webbrowser"): "`nnlite report --open` shows the page",
    ("data/files/decoding", "importlib"): "gzip, bz2 and lzma are loaded where a file is compressed by them",
    ("callbacks/around/remote", "urllib"): "the callback posts to the address that the user gives it",
    ("data/storage/stored_tables", "np.load()"): "maps rows that were encoded here; objects are refused",
    ("datasets/files", "np.load()"): "reads arrays of numbers; objects are refused",
    ("datasets/files", "pickle"): "an unpickler that makes arrays alone, for the files of CIFAR",
    ("kernels/lapack", "ctypes"): "calls a routine of the LAPACK that NumPy has loaded, on arrays made here",
    ("foreign/keras_specs", "importlib"): "reads a table that is part of the package",
    ("foreign/named_arrays", "np.load()"): "reads arrays of numbers; objects are refused",
    ("data/frames/interchange", "ctypes"): "tables in memory are handed over by addresses; no file is",
    ("data/frames/libraries", "importlib"): "asks whether pyarrow is installed",
    ("distributed/failures", "socket"): "the name of the machine is part of the name of a process",
    ("distributed/jobs", "joblib"): "jobs run in processes that this one starts, or on the cluster that the user names",
    ("distributed/team", "importlib"): "asks whether Numba is installed",
    ("distributed/team", "socket"): "the name of the machine is part of the name of a process",
    ("distributed/watching", "os.fork()"): "the command watches a copy of itself, to name it where it is killed",
    ("distributed/watching", "socket"): "the name of the machine is part of the name of a process",
    ("experiment/running/locks", "socket"): "the name of the machine is told to who finds the lock",
    ("experiment/running/states", "socket"): "the name of the machine is part of the state of a run",
    (
        "registry/names",
        "importlib",
    ): "rooms of the package, from the table `LATE_HOMES`, are loaded when named",
    ("report/browser", "subprocess"): "a browser makes a PDF of a report",
    ("saving/__init__", "importlib"): "the names of `keras.saving` are loaded at first use, from a table of rooms",
    ("tuning/trials", "socket"): "the name of the machine tells whose trial it is",
    ("distributed/crew", "multiprocessing"): "trials run in processes of their own",
    (
        "utils/downloads",
        ".extractall()",
    ): "`get_file` unpacks what the caller names; names outside the folder are refused",
    ("utils/downloads", "urllib"): "`get_file` fetches what the caller names",
}


def forbidden(path: Path) -> Iterator[tuple[str, int]]:
    """What of the above a file uses, and the line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").split(".")[0], node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield f"{node.func.id}()", node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
            yield f".{node.func.attr}()", node.lineno
            yield f"{owner}.{node.func.attr}()", node.lineno
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            allowed = not (isinstance(node.value, ast.Constant) and node.value.value is False)
            yield from [("allow_pickle", node.value.lineno)] if allowed else []


NAMES = MODULES | {f"{name}()" for name in CALLS} | {f".{name}()" for name in METHODS} | {"allow_pickle"}
NAMES |= {f"{owner}.{name}()" for owner, name in QUALIFIED}


def uses(root: Path) -> dict[tuple[str, str], int]:
    found = {}
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).with_suffix("").as_posix()
        found |= {(name, what): line for what, line in forbidden(path) if what in NAMES}
    return found


def test_nothing_in_the_package_runs_what_it_reads():
    unexpected = {key: line for key, line in uses(ROOT).items() if key not in ALLOWED}
    assert unexpected == {}, "do without it, or say in ALLOWED why it can do no harm"


def test_each_exception_is_in_use():
    present = {key for key in ALLOWED if (ROOT / f"{key[0]}.py").exists()}
    assert present - set(uses(ROOT)) == set(), "take these exceptions away"


def test_the_test_sees_each_of_them(tmp_path):
    lines = [
        "import pickle", "from importlib import import_module", "import urllib.request", "eval('1')", "exec('1')",
        "compile('1', '', 'eval')", "__import__('os')", "archive.extractall('.')", "yaml.load(text)", "os.system('ls')",
        "np.load(path)", "np.load(path, allow_pickle=True)", "np.load(path, allow_pickle=flag)", "pd.read_pickle(path)",
    ]  # fmt: skip
    for number, line in enumerate(lines):
        (tmp_path / f"m{number}.py").write_text(f"def f():\n    {line}\n")
    assert len({name for name, _ in uses(tmp_path)}) == len(lines)
    (tmp_path / "fine.py").write_text("import os\nmodel.compile('adam')\nre.compile('a')\njson.load(file)\n")
    assert "fine" not in {name for name, _ in uses(tmp_path)}
