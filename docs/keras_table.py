"""Writes docs/keras.md: every public name and argument of Keras 3 beside what nnlite has.

Run it where Keras 3 is installed, from the folder of the project:
`KERAS_BACKEND=torch PYTHONPATH=. python docs/keras_table.py`.
"""

import inspect
import re
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent / "keras.md"
INTRODUCTION = """# Keras beside nnlite

Every public name of Keras {version}, with its arguments, in the families that nnlite has. `docs/keras_table.py` makes
this page by looking at both libraries; do not edit it by hand.

- **same**: the name is there, and takes every argument of Keras with the same default; the arrays of a function are
  given by position.
- **differs**: the name is there; what is listed is not.
- **absent**: with the reason.

A program for Keras runs with `import nnlite as keras` where all it uses is the same. What differs on purpose
everywhere: data with NaN is refused; indices must be integers; shapes that broadcast by accident are errors;
a callback's `monitor` that the run does not log is an error before training, where Keras warns; `validation_split`
takes random rows rather than the last; each model numbers its unnamed layers from the start, `dense`, `dense_1`, where
Keras counts all layers since the program began: files and summaries do not depend on what ran before, and weights of
one model fit another with the same layers (a layer whose name was read before it joined a model keeps it if no other
has it); `model(x, training=False)` does not change a layer that the graph calls with `training=True`;
`get_config()` of a layer is in Keras's terms, while files and YAML hold the arguments as they were given.

{counts}
"""
# Family -> its module, by the same name in Keras and here; "" for the package itself.
FAMILIES = {
    **{
        name: name
        for name in (
            "layers", "losses", "metrics", "optimizers", "schedules", "activations", "initializers", "regularizers",
            "constraints", "callbacks", "models", "utils", "random", "ops", "datasets", "backend", "config",
            "preprocessing", "preprocessing.image", "preprocessing.sequence", "ops.image", "tree",
        )
    },
    "schedules": "optimizers.schedules",
    "top level": "",
}  # fmt: skip
PASSED_OVER = {"kwargs", "args", "autocast"}
# Arguments that say how Keras computes, or what it would quantize: accepted names would do nothing here.
MEANINGLESS = {
    "quantization_config": "nothing is quantized",
    "gptq_unpacked_column_size": "nothing is quantized",
    "sparse": "sparse tensors of TensorFlow",
    "ragged": "ragged tensors of TensorFlow",
}
# (family, pattern of names) -> why they are absent; the first that fits.
REASONS = [
    ("layers", r"(Jax|Flax)Layer|TorchModuleWrapper|TFSMLayer", "wraps another engine, which nnlite does without"),
    ("callbacks", r"OrbaxCheckpoint", "writes with a library of JAX"),
    ("optimizers", r"LossScaleOptimizer", "there is no float16, whose gradients would need it"),
    ("losses|metrics|optimizers|initializers|regularizers|constraints|activations", r"legacy", "names of Keras 2"),
    ("utils", r"legacy", "names of Keras 2"),
    ("datasets", r"boston_housing", "withdrawn by its users: one of its columns is built on race"),
    ("ops", r"image|linalg|nn|numpy", "names are in `nnlite.ops` itself"),
    ("ops", r".*", "on arrays NumPy's function of that name does it"),
    ("top level", r"DTypePolicy|FloatDTypePolicy|Quantizer|dtype_policies|quantizers|mixed_precision",
     "nothing is quantized"),
    ("top level", r"SymbolicScope", "a mode of Keras's own layers while they are drawn; symbols need none"),
    ("top level", r"applications|distillation", "large models with weights to download are out of scope"),
    ("top level", r"distribution", "there is one device; `nnlite.distributed` trains in several processes"),
    ("top level", r"export", "writes programs of TensorFlow; `nnlite export` writes ONNX, Python and C"),
    ("top level", r"visualization", "galleries of photographs with Matplotlib, which shows arrays itself"),
    ("top level", r"legacy|version|src", "names of Keras 2"),
    ("top level", r"tree", "nested structures are Python's own lists and dicts"),
]  # fmt: skip


def module_of(package: Any, path: str) -> Any:
    """The module at a dotted path in a package; None if there is none."""
    for name in filter(None, path.split(".")):
        package = getattr(package, name, None)
    return package


def public_names(module: Any) -> list[str]:
    """The names that a module of Keras offers."""
    listed = [name for name in vars(module) if not name.startswith("_") and name != "src"]
    return sorted(listed, key=lambda name: (name.lower(), name))


def parameters_of(item: Any) -> dict[str, Any]:
    """Argument -> default of a class or function; `inspect.Parameter.empty` if there is none."""
    try:
        found = inspect.signature(item).parameters
    except (TypeError, ValueError):
        return {}
    return {name: one.default for name, one in found.items() if name not in PASSED_OVER}


def differences(theirs: Any, own: Any) -> list[str]:
    """What Keras's class or function takes and nnlite's does not, and defaults that are other ones."""
    wanted, present = parameters_of(theirs), parameters_of(own)
    if not callable(theirs) or inspect.ismodule(theirs):
        return []
    if inspect.isclass(own) and "kwargs" in str(inspect.signature(own)):
        present = {**parameters_of(own.__mro__[1]), **present}
    found = []
    for place, (name, default) in enumerate(wanted.items()):
        if name not in present and default is inspect.Parameter.empty and is_placed(place, present):
            continue  # by position
        if name not in present:
            reason = MEANINGLESS.get(name)
            found.append(f"no `{name}`" + (f" ({reason})" if reason else ""))
        elif is_plain(default) and is_plain(present[name]) and not equal(default, present[name]):
            found.append(f"`{name}={present[name]!r}`, in Keras {default!r}")
    return found


def is_placed(place: int, present: dict[str, Any]) -> bool:
    """Whether a required argument of Keras has another name here, and is given by its place."""
    defaults = list(present.values())
    return not defaults or (place < len(defaults) and defaults[place] is inspect.Parameter.empty)


def is_plain(value: Any) -> bool:
    """Whether a default can be compared as it is."""
    return value is None or isinstance(value, (bool, int, float, str))


def equal(first: Any, second: Any) -> bool:
    """Whether two defaults mean the same: names in any style, and None for what nnlite says in full."""
    if isinstance(first, str) and isinstance(second, str):
        return first.replace("_", "").lower() == second.replace("_", "").lower()
    return first == second or first is None or second is None


def reason_for(family: str, name: str) -> str:
    """Why a name of Keras is absent."""
    for families, names, reason in REASONS:
        if re.fullmatch(families, family) and re.fullmatch(names, name):
            return reason
    return "not written yet"


def rows_of(family: str, theirs: Any, own: Any) -> list[tuple[str, str, str]]:
    """Name, verdict and what differs, of each name of a family."""
    rows = []
    for name in public_names(theirs):
        item = getattr(theirs, name)
        if inspect.ismodule(item) and family not in ("datasets", "preprocessing", "top level"):
            continue
        if own is None or not hasattr(own, name):
            rows.append((name, "absent", reason_for(family, name)))
            continue
        found = differences(item, getattr(own, name))
        if inspect.ismodule(item) and family == "datasets":
            found = differences(item.load_data, getattr(own, name).load_data)
        rows.append((name, "differs" if found else "same", "; ".join(found)))
    return rows


def document() -> str:
    """The page."""
    import keras

    import nnlite

    parts, counts = [], ["| family | same | differs | absent |", "|---|---|---|---|"]
    for family, path in FAMILIES.items():
        rows = rows_of(family, module_of(keras, path), module_of(nnlite, path))
        tally = [sum(verdict == kind for _, verdict, _ in rows) for kind in ("same", "differs", "absent")]
        counts.append(f"| {family} | {' | '.join(map(str, tally))} |")
        parts += [f"## {family}", "", "| name | | |", "|---|---|---|"]
        parts += [f"| `{name}` | {verdict} | {text.replace('|', '/')} |" for name, verdict, text in rows]
        parts.append("")
    return INTRODUCTION.format(version=keras.__version__, counts="\n".join(counts)) + "\n" + "\n".join(parts)


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
