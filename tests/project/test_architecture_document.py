"""docs/architecture.md is kept true: the rooms inside rooms, the files it names, and what is not here yet."""

import re
from pathlib import Path

import pytest

import nnlite
from nnlite import Sequential, callbacks, initializers, layers, load_model, losses, metrics, optimizers
from nnlite.layers import Dense, Layer
from nnlite.registry import constructor_parameters

ROOT = Path(nnlite.__file__).parent
TEXT = (ROOT.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
ABSENT = TEXT.partition("## Not here yet")[2].partition("Known limits")[0]


def test_every_room_inside_a_room_is_named():
    table = TEXT.partition("| room | inside |")[2].partition("\n\n")[0]
    rows = {
        room: set(re.findall(r"`(\w+)/`", inside)) for room, inside in re.findall(r"^\| `(\w+)/` \|(.*)", table, re.M)
    }
    folders: dict[str, set[str]] = {}
    for path in ROOT.glob("*/*/__init__.py"):
        folders.setdefault(path.parents[1].name, set()).add(path.parent.name)
    assert {room: inside for room, inside in rows.items() if inside} == folders


def test_every_file_that_is_named_is_there():
    rooms = (ROOT, ROOT.parent / "tests", ROOT.parent / "benchmarks")
    paths = [path.relative_to(ROOT.parent).as_posix() for room in rooms for path in room.rglob("*.py")]
    named = set(re.findall(r"`([\w/]+\.py)`", TEXT))
    assert len(named) > 15
    assert [name for name in named if not any(path.endswith(f"/{name}") or path == name for path in paths)] == []


# Argument of Keras -> what has it there, where not every layer is meant.
REFUSED = {
    "input_axes": initializers.GlorotUniform,
    "output_axes": initializers.GlorotUniform,
    "ignore_class": metrics.SparseCategoricalCrossentropy,
    **dict.fromkeys(["write_graph", "write_images", "profile_batch", "embeddings_freq"], callbacks.TensorBoard),
    "embeddings_metadata": callbacks.TensorBoard,
    **dict.fromkeys(["run_eagerly", "jit_compile", "steps_per_execution", "auto_scale_loss"], Sequential.compile),
    "loss_weights": Sequential.compile,
    **dict.fromkeys(["custom_objects", "safe_mode"], load_model),
    "skip_mismatch": Sequential.load_weights,
    "zipped": Sequential.save,
    "max_shard_size": Sequential.save_weights,
}
# Argument -> the layers that have it all the same, or an argument of their own by that name.
TAKEN = {
    "salt": {"Hashing"},
    "sparse": {"Embedding", "ReversibleEmbedding"},
}


def test_arguments_that_are_not_here_are_refused():
    arguments = set(re.findall(r"`([a-z_]+)`", ABSENT)) - {"compile", "summary", "load_model", "load_weights"}
    arguments -= {"save", "save_weights", "metrics", "print_fn"}
    assert set(REFUSED) <= arguments
    shipped = {kind: cls for kind, cls in Layer.members().items() if cls.__module__.startswith("nnlite.")}
    for name, taker in REFUSED.items():
        with pytest.raises(TypeError, match=f"(unexpected keyword|unknown) argument '{name}'"):
            taker(**{name: None}) if isinstance(taker, type) else taker(Sequential([Dense(1)]), **{name: None})
    for name in arguments - set(REFUSED):
        takers = {kind for kind, cls in shipped.items() if name in constructor_parameters(cls)}
        assert takers == TAKEN.get(name, set()), name


def test_classes_that_are_not_here_are_not():
    named = re.findall(r"`([A-Z]\w+)`", ABSENT.partition("These classes")[2].replace("(there are `Checkpoints`)", ""))
    assert len(named) > 8
    assert [name for name in named for room in (layers, losses, optimizers, callbacks) if name in vars(room)] == []
