"""Variables and files that layers and models of users save by themselves, in model files."""

from pathlib import Path

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, load_model, saving
from nnlite.errors import ModelFileError
from nnlite.layers import Conv1D, Dense, Embedding, Layer, deserialize, serialize
from nnlite.models.copying.own_parts import take_own_parts
from nnlite.models.files import model_state

X = np.random.default_rng(3).normal(size=(12, 4)).astype("float32")


class KeepingALayer(Layer):
    """Has the layer itself in its config."""

    def __init__(self, inner, **options):
        super().__init__(**options)
        self.inner = inner

    def call(self, inputs):
        return self.inner(inputs)

    def get_config(self):
        return {**super().get_config(), "inner": self.inner}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "inner": deserialize(config["inner"])})


class RenamedDense(Dense):
    """A user's subclass that saves nothing of its own."""


class Remembering(Dense):
    """Keeps a variable and a file of its own."""

    def __init__(self, units, words="", **options):
        super().__init__(units, **options)
        self.words, self.seen = words, 0

    def call(self, inputs):
        return super().call(inputs) + 1

    def save_own_variables(self, store):
        super().save_own_variables(store)
        store["seen"] = np.array(self.seen)

    def load_own_variables(self, store):
        self.seen = int(store["seen"])

    def save_assets(self, dir_path):
        Path(dir_path, "inside").mkdir()
        Path(dir_path, "inside", "words.txt").write_text(self.words)

    def load_assets(self, dir_path):
        self.words = Path(dir_path, "inside", "words.txt").read_text()

    def get_config(self):
        return {name: value for name, value in super().get_config().items() if name != "words"}


@pytest.mark.parametrize("name", ["model.safetensors", "model.keras"])
def test_layers_save_variables_and_files_of_their_own(name, tmp_path):
    if name.endswith(".keras"):
        pytest.importorskip("h5py")
    model = Sequential([Input((4,)), KeepingALayer(Remembering(2, "a b")), Dense(1)])
    model.layers[0].inner.seen = 7
    model.save(tmp_path / name)
    again = load_model(tmp_path / name)
    inner = again.layers[0].inner
    assert (inner.seen, inner.words, serialize(inner)["class_name"]) == (7, "a b", "Remembering")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


class Counted(Model):
    """A model with a variable of its own beside its layer."""

    def __init__(self, **options):
        super().__init__(**options)
        self.dense, self.calls = Dense(1), 0

    def call(self, inputs):
        return self.dense(inputs)

    def save_own_variables(self, store):
        store["calls"] = np.array(self.calls)

    def load_own_variables(self, store):
        self.calls = int(store["calls"])


@pytest.mark.parametrize("name", ["model.safetensors", "model.keras"])
def test_a_model_saves_variables_of_its_own(name, tmp_path):
    if name.endswith(".keras"):
        pytest.importorskip("h5py")
    model = Counted()
    model.build((None, 4))
    model.calls = 7
    model.save(tmp_path / name)
    assert load_model(tmp_path / name).calls == 7


@pytest.mark.parametrize("name", ["../words.txt", "/tmp/words.txt", "inside/../../words.txt", "", ".", "inside/.."])
def test_files_of_layers_stay_in_their_folder(name):
    model = Sequential([Input((4,)), Remembering(2)])
    with pytest.raises(ModelFileError, match="would lie outside the folder of its layer"):
        take_own_parts(model, {f"own/1/assets/{name}": np.zeros(1, np.uint8)}, "model")


@pytest.mark.parametrize("lora_rank", [None, 1])
@pytest.mark.parametrize(("kind", "shape"), [(Dense, (4,)), (RenamedDense, (4,)), (Embedding, (4,)), (Conv1D, (4, 2))])
def test_weights_are_in_a_file_once(kind, shape, lora_rank):
    layer = kind(5, 3, lora_rank=lora_rank) if kind in (Embedding, Conv1D) else kind(5, lora_rank=lora_rank)
    model = Sequential([Input(shape), layer], seed=0)
    assert model_state(model)[1].keys() == {f"weights/{n}.{weight.name}" for n, weight in enumerate(model.parameters)}


def test_files_of_layers_are_of_bytes():
    model = Sequential([Input((4,)), Remembering(2)])
    with pytest.raises(ModelFileError, match=r"'words\.txt' must be of bytes, got float32"):
        take_own_parts(model, {"own/1/assets/words.txt": np.zeros(1, np.float32)}, "model")


@pytest.mark.parametrize(
    "name", ["own/9/assets/words.txt", "own/2/assets/words.txt", "own/1/other", "own/0/variables/0"]
)
def test_arrays_that_no_layer_saves_are_left_over(name, tmp_path):
    header, arrays = model_state(Sequential([Input((4,)), Remembering(2), Dense(1)]))
    saving.write(tmp_path / "model.safetensors", header, arrays | {name: np.zeros(1, np.uint8)})
    with pytest.raises(ModelFileError, match=f"does not fit the model; left over: {name}"):
        load_model(tmp_path / "model.safetensors")


class KeepsObject(Layer):
    def __init__(self, engine, **options):
        super().__init__(**options)

    def call(self, inputs):
        return inputs


@pytest.mark.parametrize("name", ["m.keras", "m.safetensors", "m.h5"])
def test_what_no_file_can_hold_is_named_with_its_place(name, tmp_path):
    model = Sequential([Input((2,)), KeepsObject({"parts": [1, object()]})])
    with pytest.raises(ModelFileError, match=r"layers.*engine\.parts\[1\] is <object object.*get_config\(\)"):
        model.save(tmp_path / name)
    with pytest.raises(TypeError, match="save needs the path of a file"):
        model.save(3)
