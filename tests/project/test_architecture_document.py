"""docs/architecture.md is kept true: the rooms inside rooms, the files it names, and what is not here yet."""

import re
from pathlib import Path

import pytest

import nnlite
from nnlite import Sequential, callbacks, layers, losses, optimizers
from nnlite.errors import ConfigError
from nnlite.layers import Dense

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
    rooms = (ROOT, *(ROOT.parent / name for name in ("tests", "benchmarks", "docs")))
    paths = [path.relative_to(ROOT.parent).as_posix() for room in rooms for path in room.rglob("*.py")]
    named = set(re.findall(r"`([\w/]+\.py)`", TEXT))
    assert len(named) > 15
    assert [name for name in named if not any(path.endswith(f"/{name}") or path == name for path in paths)] == []


def test_arguments_that_would_change_nothing_are_refused_at_other_values():
    refused = [lambda: layers.TextVectorization(ragged=True), lambda: callbacks.TensorBoard(write_images=True)]
    refused += [lambda: Dense(1, quantization_config=2)]
    refused += [lambda: callbacks.TensorBoard(profile_batch=3), lambda: callbacks.TensorBoard(embeddings_freq=1)]
    for make in refused:
        with pytest.raises(ConfigError):
            make()
    for layer in (layers.GRU, layers.LSTM):
        assert layer(1, unroll=True, use_cudnn=True).units == 1
    model = Sequential([Dense(1)])
    model.compile("sgd", "mse", jit_compile=True)
    assert model.loss is not None


def test_classes_that_are_not_here_are_not():
    named = re.findall(r"`([A-Z]\w+)`", ABSENT.partition("This class")[2])
    assert len(named) == 1
    assert [name for name in named for room in (layers, losses, optimizers, callbacks) if hasattr(room, name)] == []
