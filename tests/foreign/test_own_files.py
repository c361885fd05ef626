"""Files of Keras without nnlite's part, as Keras writes them: variables and assets of users' layers, and others."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, Sequential, Variable, saving
from nnlite.errors import ModelFileError
from nnlite.layers import Dense, GroupQueryAttention, Layer, Normalization, StringLookup, TimeDistributed
from nnlite.optimizers import Adam

pytest.importorskip("h5py")
X = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")


@saving.register_keras_serializable(package="tests")
class ShiftedUnits(Dense):
    """Has a variable beside those of `Dense`, and saves all of them by itself."""

    def build(self, input_shape):
        super().build(input_shape)
        self.shift = Variable(np.zeros(self.units), name="shift", trainable=False)

    def call(self, inputs):
        return super().call(inputs) + self.shift

    def save_own_variables(self, store):
        super().save_own_variables(store)
        store["shift"] = np.asarray(self.shift)

    def load_own_variables(self, store):
        self.shift.assign(store["shift"])
        self.kernel.assign(store["0"])
        self.bias.assign(store["1"])


@saving.register_keras_serializable(package="tests")
class Worded(Layer):
    """Has a text in a file."""

    def __init__(self, words="", **options):
        super().__init__(**options)
        self.words = words

    def call(self, inputs):
        return inputs

    def get_config(self):
        return {**super().get_config(), "words": ""}

    def save_assets(self, dir_path):
        Path(dir_path, "words.txt").write_text(self.words)

    def load_assets(self, dir_path):
        self.words = Path(dir_path, "words.txt").read_text()


def as_keras_writes(path, change=None, **entries):
    """The archive without what nnlite keeps beside it, with its config changed and further entries."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if name != "nnlite.safetensors"}
    config = json.loads(parts["config.json"])
    if change is not None:
        change(config["config"])
    parts |= {"config.json": json.dumps(config).encode(), **entries}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_variables_and_assets_of_users_are_where_keras_has_them(tmp_path):
    model = Sequential([Input((4,)), Worded("some words", name="w"), ShiftedUnits(2)])
    model.layers[1].shift.assign([3.0, 5.0])
    model.save(tmp_path / "model.keras")
    assert "assets/layers/worded/words.txt" in zipfile.ZipFile(tmp_path / "model.keras").namelist()
    for path in (tmp_path / "model.keras", as_keras_writes(tmp_path / "model.keras")):
        again = nnlite.load_model(path)
        assert again.layers[0].words == "some words"
        np.testing.assert_array_equal(again(X), model(X))
    model.save_weights(tmp_path / "model.weights.h5")
    other = Sequential([Input((4,)), Worded(), ShiftedUnits(2)])
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(other(X), model(X))
    assert "parametrization" not in model.layers[1].get_config()


def test_an_asset_stays_in_the_folder_of_its_layer(tmp_path):
    model = Sequential([Input((4,)), Worded("", name="w")])
    model.save(tmp_path / "model.keras")
    path = as_keras_writes(tmp_path / "model.keras", **{"assets/layers/worded/../../words.txt": b"outside"})
    with pytest.raises(ModelFileError, match="outside"):
        nnlite.load_model(path)


def test_a_vocabulary_in_a_file_is_read(tmp_path):
    model = Sequential([Input((1,), dtype="string"), StringLookup(vocabulary=["b", "a"])])
    model.save(tmp_path / "model.keras")

    def forget(config):
        config["layers"][1]["config"]["vocabulary"] = None

    entry = {"assets/layers/string_lookup/vocabulary.txt": b"[UNK]\nb\na"}
    again = nnlite.load_model(as_keras_writes(tmp_path / "model.keras", forget, **entry))
    assert again.layers[0].get_vocabulary() == ["[UNK]", "b", "a"]
    assert again([["a"], ["z"]]).tolist() == [[2], [0]]


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_models_inside_wrappers_and_moments_of_images_are_written(tmp_path, name):
    inputs, images = Input((5, 4)), Input((2, 2, 3))
    steps = Model(inputs, TimeDistributed(Sequential([Dense(3, "tanh"), Dense(2)]))(inputs))
    steps.save(tmp_path / name)
    data = np.stack([X] * 5, axis=1)
    np.testing.assert_array_equal(nnlite.load_model(tmp_path / name)(data), steps(data))
    scaled = Model(images, Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 9.0])(images))
    scaled.save(tmp_path / "scaled.keras")
    document = json.loads(zipfile.ZipFile(tmp_path / "scaled.keras").read("config.json"))
    assert document["config"]["layers"][1]["config"]["mean"] == [1.0, 2.0, 3.0]


def test_the_class_of_grouped_attention_has_its_name_of_earlier_files(tmp_path):
    h5py = pytest.importorskip("h5py")
    inputs = Input((5, 4))
    model = Model(inputs, GroupQueryAttention(3, 4, 2)(inputs, inputs))
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        assert '"class_name": "GroupedQueryAttention"' in file.attrs["model_config"]
        del file["nnlite"]
    data = np.stack([X] * 5, axis=1)
    np.testing.assert_array_equal(nnlite.load_model(tmp_path / "model.h5")(data), model(data))


class TwoOptimizers(Model):
    """Keeps an optimizer of its own, as adversarial networks do."""

    def __init__(self):
        super().__init__()
        self.body = Dense(2)
        self.other_optimizer = Adam(0.1)

    def call(self, inputs):
        return self.body(inputs)

    def train_step(self, data):
        gradients = [np.full(weight.shape, 0.5, "float32") for weight in self.trainable_weights]
        self.other_optimizer.apply(gradients, self.trainable_weights)
        return {}


@pytest.mark.parametrize("ending", [".weights.h5", ".keras"])
def test_optimizers_that_models_keep_are_in_files(tmp_path, ending):
    models = TwoOptimizers(), TwoOptimizers()
    for model in models:
        model(X)
        model.other_optimizer.build(model.trainable_weights)
        model.compile()
    models[0].fit(X, np.zeros((3, 2)), epochs=3, verbose=0)
    path = tmp_path / f"m{ending}"
    models[0].save_weights(path) if ending == ".weights.h5" else models[0].save(path)
    models[1].load_weights(path)
    assert int(models[1].other_optimizer.iterations) == 3
    for model in models:
        model.fit(X, np.zeros((3, 2)), verbose=0)
    for left, right in zip(*(model.other_optimizer.variables for model in models), strict=True):
        np.testing.assert_array_equal(np.asarray(left), np.asarray(right))
    for left, right in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(left, right)


def test_layers_that_load_their_own_variables_stay_as_they_are_where_others_do_not_fit(tmp_path):
    saved = Sequential([Input((4,)), ShiftedUnits(3), Dense(2)])
    saved.save_weights(tmp_path / "m.weights.h5")
    model = Sequential([Input((4,)), ShiftedUnits(3), Dense(5)])
    before = model.layers[0].kernel.numpy()
    with pytest.raises(ModelFileError, match="other shapes"):
        model.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(model.layers[0].kernel, before)
