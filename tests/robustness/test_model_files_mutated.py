"""Mutated model files: one typed error or the model, little memory, little time.

`pytest tests/robustness --runs 50000` tries 50,000 files of each kind; a short run tries 250.
"""

import random
from pathlib import Path

import numpy as np
import pytest
from bounds import within
from model_file_mutations import resealed
from mutations import mutated

from nnlite import Input, Model, Sequential, layers, load_model
from nnlite.data import Classes, Columns, Numeric
from nnlite.errors import ModelFileError, NNLiteError
from nnlite.training.safety.checkpoint_files import read_checkpoint

SHORT = 250
X = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
Y = np.arange(30) % 2
MEMORY, SECONDS = 64 * 2**20, 1.0  # beyond the size of the file; of the processor

pytestmark = pytest.mark.usefixtures("quiet")


def table_model():
    model = Sequential([Input((3,)), layers.Normalization(), layers.Dense(4, "gelu"), layers.BatchNormalization(),
                        layers.Dropout(0.5), layers.Dense(1, "sigmoid")], seed=0)  # fmt: skip
    model.compile("adam", "binary_crossentropy", ["accuracy", "auc"])
    model.adapt(X)
    model.fit(X, Y, epochs=1, verbose=0)
    model.encoder = Columns([Numeric(name, 0.0, 0.0, 1.0) for name in "abc"])
    model.target = Classes("kind", ["no", "yes"], "binary")
    return model


def image_model():
    chain = [Input((6, 6, 2)), layers.Conv2D(3, 3, activation="relu"), layers.MaxPooling2D(padding="same"),
             layers.ZeroPadding2D(), layers.Flatten(), layers.Reshape((-1,)), layers.Dense(2, "softmax")]  # fmt: skip
    return Sequential(chain, seed=0)


def sequence_model():
    chain = [Input((5,)), layers.Embedding(9, 4, mask_zero=True), layers.Bidirectional(layers.LSTM(3)),
             layers.RepeatVector(2), layers.GRU(2), layers.Dense(1)]  # fmt: skip
    model = Sequential(chain, seed=0)
    model.compile({"SGD": {"momentum": 0.9}}, "mse")
    return model


def graph_model():
    left, right = Input((3,), name="left"), Input((2,), name="right")
    both = layers.Concatenate()([layers.Dense(4, activation="relu")(left), right])
    attended = layers.Flatten()(layers.MultiHeadAttention(2, 2)([layers.Reshape((3, 2))(both)] * 2))
    model = Model([left, right], [layers.Dense(1)(both), layers.Dense(2)(attended)], seed=0)
    model.compile("rmsprop", "mse")
    return model


MODELS = [table_model, image_model, sequence_model, graph_model]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The bytes of a model file of each kind, and of a checkpoint."""
    folder = tmp_path_factory.mktemp("models")
    contents = []
    for make in MODELS:
        make().save(folder / "model.safetensors")
        contents.append((folder / "model.safetensors").read_bytes())
    model = table_model()
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[{"Checkpoints": {"folder": str(folder), "every": "1 epoch"}}])
    contents.append((folder / "last.safetensors").read_bytes())
    return contents


def use(path: Path) -> None:
    """Load a file, as a checkpoint too where it is one, and predict with what comes of it."""
    model = load_model(path)
    if b'"training"' in path.read_bytes()[:20000]:
        read_checkpoint(path)
    shapes = model.input_shape if model.takes_several else (model.input_shape,)
    sizes = [[2, *(4 if length is None else length for length in shape[1:])] for shape in shapes]
    if sum(int(np.prod(size, dtype=object)) for size in sizes) < 10**5:
        inputs = [np.ones(size, "U1" if model.input_kind == "strings" else np.float32) for size in sizes]
        model.predict(inputs if model.takes_several else inputs[0], verbose=0)


def try_file(path: Path, content: bytes, label: str) -> bool:
    """Whether a file is taken; typed errors alone, within the bounds of memory and time."""
    path.write_bytes(content)
    try:
        within(lambda: load_model(path), SECONDS, len(content) + MEMORY, label)
    except ModelFileError as error:
        assert str(error).startswith(str(path)), f"{label}: {error}"
        return False
    except Exception as error:
        raise AssertionError(f"{label}: {type(error).__name__}: {error}") from error
    return True


def test_damaged_files_are_never_taken(files, tmp_path, runs):
    for seed in range(runs or SHORT):
        chance = random.Random(seed)
        original = chance.choice(files)
        content = mutated(original, chance)
        if content != original:
            assert not try_file(tmp_path / "a.safetensors", content, f"seed {seed}"), f"seed {seed} was taken"


def test_resealed_files_give_a_model_or_one_typed_error(files, tmp_path, runs):
    taken = 0
    for seed in range(runs or SHORT):
        chance = random.Random(seed)
        content = resealed(chance.choice(files), chance)
        if try_file(path := tmp_path / "a.safetensors", content, f"seed {seed}"):
            taken += 1
            try:
                use(path)
            except NNLiteError:
                pass
            except Exception as error:
                raise AssertionError(f"seed {seed}, in use: {type(error).__name__}: {error}") from error
    assert 0 < taken < (runs or SHORT) / 2  # such as those with another learning rate
