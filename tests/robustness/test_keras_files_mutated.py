"""Files of Keras that are damaged or made to do harm: one typed error or the model, little memory, little time.

`pytest tests/robustness/test_keras_files_mutated.py --runs 20000` tries 20,000 files of each kind; a short run 60.
"""

import io
import json
import random
import zlib
from pathlib import Path

import numpy as np
import pytest

h5py = pytest.importorskip("h5py")

from bounds import within  # noqa: E402
from keras_file_mutations import EXTRA, WEIGHTS, archive_of, entries_of, repacked  # noqa: E402
from mutations import mutated  # noqa: E402

import nnlite  # noqa: E402
from nnlite import Input, Sequential, layers, load_model  # noqa: E402
from nnlite.errors import ModelFileError, NNLiteError  # noqa: E402
from nnlite.saving import safetensors  # noqa: E402

SHORT = 60
FIXTURES = Path(__file__).parents[1] / "foreign" / "of_keras"
MEMORY, SECONDS = 64 * 2**20, 1.0  # beyond the size of the file; of the processor

pytestmark = pytest.mark.usefixtures("quiet")


def dense() -> Sequential:
    return Sequential([Input((3,)), layers.Dense(4, "relu"), layers.Dense(1)], seed=0)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files that Keras wrote, and two that were written here, one of them with what its optimizer remembers."""
    contents = [path.read_bytes() for path in sorted(FIXTURES.glob("*.keras"))]
    path = tmp_path_factory.mktemp("models") / "m.keras"
    for trained in (False, True):
        model = dense()
        model.compile("adam", "mse")
        if trained:
            model.fit(np.ones((8, 3)), np.ones(8), verbose=0)
        model.save(path)
        contents.append(path.read_bytes())
    return contents


def try_file(path: Path, content: bytes, label: str) -> bool:
    """Whether a file is taken by one of its readers; typed errors alone, within the bounds of memory and time."""
    path.write_bytes(content)
    taken = False
    for read in (load_model, nnlite.from_keras):
        reader = f"{label}, {read.__name__}"
        try:
            within(lambda read=read: use(read(path)), SECONDS, len(content) + MEMORY, reader)
            taken = True
        except ModelFileError as error:
            assert str(path) in str(error), f"{label}: {error}"
        except Exception as error:
            raise AssertionError(f"{reader}: {type(error).__name__}: {error}") from error
    return taken


def use(model) -> None:
    """Predict for one example, where that is small; what does not fit is a typed error."""
    shapes = model.input_shape if model.takes_several else (model.input_shape,)
    sizes = [[1, *(4 if length is None else length for length in shape[1:])] for shape in shapes]
    if sum(int(np.prod(size, dtype=object)) for size in sizes) > 10**5:
        return
    inputs = [np.ones(size, "U1" if model.input_kind == "strings" else np.float32) for size in sizes]
    try:
        model.predict(inputs if model.takes_several else inputs[0], verbose=0)
    except NNLiteError as error:
        assert not isinstance(error, ModelFileError)


def test_the_files_as_they_are_are_taken(files, tmp_path):
    assert all(try_file(tmp_path / "m.keras", content, f"file {number}") for number, content in enumerate(files))


def test_damaged_files(files, tmp_path, runs):
    taken = 0
    for seed in range(runs or SHORT):
        chance = random.Random(seed)
        taken += try_file(tmp_path / "m.keras", mutated(chance.choice(files), chance), f"seed {seed}")
    assert taken < (runs or SHORT) / 4  # bytes between the parts of the archive mean nothing


def test_repacked_files(files, tmp_path, runs):
    taken = 0
    for seed in range(runs or SHORT):
        chance = random.Random(seed)
        taken += try_file(tmp_path / "m.keras", repacked(chance.choice(files), chance), f"seed {seed}")
    assert 0 < taken < (runs or SHORT) / 2


def changed(content: bytes, change, **entries: bytes) -> bytes:
    """The archive with another config, and with further entries."""
    held = entries_of(content)
    held.pop("nnlite.safetensors", None)
    config = json.loads(held["config.json"])
    change(config)
    return archive_of({**held, "config.json": json.dumps(config).encode(), **entries})


def many_units(config):
    config["config"]["layers"][1]["config"]["units"] = 10**8


def wide_input(config):
    config["config"]["layers"][0]["config"]["batch_shape"] = [None, 10**9]


def many_layers(config):
    layer = {"module": "keras.layers", "class_name": "Activation", "config": {"activation": "relu"}}
    config["config"]["layers"] += [layer] * 25_000


def deep_layers(config):
    inner = config["config"]["layers"][1]
    for _ in range(120):
        inner = {"module": "keras", "class_name": "Sequential", "config": {"layers": [inner]}}
    config["config"]["layers"].append(inner)


def weights(fill) -> bytes:
    """An HDF5 file."""
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        fill(file)
    return held.getvalue()


def circle(file):
    group = file.create_group("layers/a")
    group["again"] = file["layers"]


def web(file):
    """2^40 ways lead to the innermost group."""
    group = file.create_group("layers")
    for _ in range(40):
        inner = group.create_group("a")
        group["b"] = inner
        group = inner


def packed(file):
    """400 MB of zeros in less than one."""
    chunk = 10**6
    zeros = file.create_dataset("optimizer/vars/0", shape=(10**8,), dtype="f4", chunks=(chunk,), compression=9)
    content = zlib.compress(bytes(4 * chunk), 9)
    for place in range(0, 10**8, chunk):
        zeros.id.write_direct_chunk((place,), content)


def deep_groups(file):
    file.create_group("/".join(["a"] * 3000))


BY_HAND = {
    "many units": (many_units, {}, "needs a parameter of shape"),
    "a wide input": (wide_input, {}, "needs a parameter of shape|does not fit"),
    "many layers": (many_layers, {}, "a model of more than"),
    "deep layers": (deep_layers, {}, ""),
    "a circle of groups": (None, {WEIGHTS: weights(circle)}, "more than once"),
    "a web of groups": (None, {WEIGHTS: weights(web)}, "more than once"),
    "a packed array": (None, {WEIGHTS: weights(packed)}, "would have 400000000 bytes"),
    "deep groups": (None, {WEIGHTS: weights(deep_groups)}, "too deep within one another"),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_files_made_by_hand(files, tmp_path, case):
    change, entries, message = BY_HAND[case]
    path = tmp_path / "m.keras"
    content = changed(files[-2], change or (lambda config: None), **entries)
    assert not try_file(path, content, case)
    with pytest.raises(ModelFileError, match=message):
        load_model(path)


@pytest.mark.parametrize("read", [load_model, nnlite.from_keras])
def test_what_nnlite_keeps_beside_asks_for_no_more_memory_than_there_are_weights(files, tmp_path, read):
    entries, path = entries_of(files[-1]), tmp_path / "m.keras"
    metadata, arrays = safetensors.decode(bytearray(entries[EXTRA]))
    header = metadata["nnlite"].replace('"units": 4', '"units": 100000000')
    assert header != metadata["nnlite"]
    path.write_bytes(archive_of({**entries, EXTRA: bytes(safetensors.encode(arrays, {"nnlite": header}))}))
    with pytest.raises(ModelFileError, match="needs a parameter of shape"):
        within(lambda: read(path), SECONDS, MEMORY, "units")
