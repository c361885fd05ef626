"""How much of the public interface is annotated, room by room; `python tests/typing/test_typed_shares.py` prints it.

Public is what has no leading underscore: in the module's path, the class and the function. `__init__` and `__call__`
count with their class. Of a method `self` and `cls` are left out; `*args` and `**kwargs` count as one argument each.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "nnlite"
SHARE_OF_ALL = 0.9
SHARE_OF_A_ROOM = 0.8
KINDS = ("arguments", "results")
SPECIAL = ("__init__", "__call__")


def public_functions(body: list[ast.stmt], inside_class: bool = False) -> Iterator[tuple[ast.FunctionDef, bool]]:
    """The public functions of a module or class, and whether each is a method that takes `self` or `cls`."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body, inside_class=True)
        elif isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name in SPECIAL):
            decorators = {decorator.id for decorator in node.decorator_list if isinstance(decorator, ast.Name)}
            yield node, inside_class and "staticmethod" not in decorators


def arguments(function: ast.FunctionDef, bound: bool) -> list[ast.arg]:
    """The arguments that an annotation is wanted for."""
    declared = function.args
    listed = [*declared.posonlyargs, *declared.args][bound:]
    starred = [argument for argument in (declared.vararg, declared.kwarg) if argument is not None]
    return [*listed, *declared.kwonlyargs, *starred]


def room_of(path: Path) -> str:
    """`layers` for nnlite/layers/core/dense.py, `random` for nnlite/random.py."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return "nnlite" if parts == ("__init__",) else parts[0]


def counts(root: Path = ROOT) -> tuple[Counter, Counter]:
    """(room, kind) -> how many there are, and how many of them are annotated."""
    present, typed = Counter(), Counter()
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if any(part.startswith("_") and part != "__init__" for part in parts):
            continue
        for function, bound in public_functions(ast.parse(path.read_text()).body):
            annotated = [argument.annotation is not None for argument in arguments(function, bound)]
            present[room_of(path), "arguments"] += len(annotated)
            typed[room_of(path), "arguments"] += sum(annotated)
            present[room_of(path), "results"] += 1
            typed[room_of(path), "results"] += function.returns is not None
    return present, typed


def shares() -> dict[tuple[str, str], float]:
    """(room, kind) -> share that is annotated; the room "all" stands for the package."""
    present, typed = counts()
    for (room, kind), count in list(present.items()):
        present["all", kind] += count
        typed["all", kind] += typed[room, kind]
    return {key: typed[key] / count for key, count in sorted(present.items()) if count}


def table() -> str:
    """Rooms with their shares."""
    found, (present, _) = shares(), counts()
    rooms = [room for room in dict.fromkeys(room for room, _ in found) if room != "all"]
    lines = [f"{'room':<14}{'functions':>10}{'arguments':>11}{'results':>9}"]
    for room in (*rooms, "all"):
        functions = sum(
            count for (other, kind), count in present.items() if kind == "results" and room in (other, "all")
        )
        cells = [f"{found[room, kind]:.0%}" if (room, kind) in found else "" for kind in KINDS]
        lines.append(f"{room:<14}{functions:>10}{cells[0]:>11}{cells[1]:>9}")
    return "\n".join(lines)


def test_most_of_the_public_interface_is_annotated():
    low = {
        key: f"{share:.0%}"
        for key, share in shares().items()
        if share < (SHARE_OF_ALL if key[0] == "all" else SHARE_OF_A_ROOM)
    }
    assert low == {}, table()


def test_what_counts_as_an_argument():
    source = "class A:\n def __init__(self, a, *b: int, c=1, **d): ...\n @staticmethod\n def f(x): ...\n"
    source += " def _g(self, y): ..."
    names = [[item.arg for item in arguments(*pair)] for pair in public_functions(ast.parse(source).body)]
    assert names == [["a", "c", "b", "d"], ["x"]]


if __name__ == "__main__":
    print(table())
    sys.exit(0 if all(share >= SHARE_OF_ALL for (room, _), share in shares().items() if room == "all") else 1)
