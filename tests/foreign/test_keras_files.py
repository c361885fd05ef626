"""Files of Keras 3: fixtures that Keras 3.15 wrote predict the same here, and files written here are whole."""

import contextlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, Sequential, layers, load_model
from nnlite.errors import ConfigError, MissingLibraryError, ModelFileError, TrainingWarning
from nnlite.foreign.keras_files import load_keras
from nnlite.foreign.keras_graphs import keras_order

h5py = pytest.importorskip("h5py")
FOLDER = Path(__file__).parent / "of_keras"
NAMES = ["conv", "recurrent", "normalization", "embedding", "attention"]


def arrays(name):
    """Inputs and outputs of a fixture."""
    with np.load(FOLDER / f"{name}.npz") as file:
        return [[file[key] for key in sorted(file) if key[0] == kind] for kind in "xy"]


def predictions(model, inputs):
    outputs = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_keras_predicts_as_keras_did(name):
    inputs, outputs = arrays(name)
    model = nnlite.from_keras(FOLDER / f"{name}.keras")
    for own, theirs in zip(predictions(model, inputs), outputs, strict=True):
        np.testing.assert_allclose(own, theirs, rtol=1e-6, atol=1e-6)
    assert not model.compiled


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_read_by_its_own_record_and_by_that_of_keras(name, tmp_path):
    inputs, _ = arrays(name)
    model = nnlite.from_keras(FOLDER / f"{name}.keras")
    model.save(tmp_path / "m.keras")
    expected = predictions(model, inputs)
    for again in (load_model(tmp_path / "m.keras"), load_keras(tmp_path / "m.keras")[0]):
        assert [one.tolist() for one in predictions(again, inputs)] == [one.tolist() for one in expected]
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert {"config.json", "metadata.json", "model.weights.h5"} <= set(archive.namelist())
    with pytest.raises(ModelFileError, match="exists already"):
        model.save(tmp_path / "m.keras", overwrite=False)


def test_weights_alone():
    inputs, outputs = arrays("recurrent")
    model = nnlite.from_keras(FOLDER / "recurrent.keras")
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    model.load_weights(FOLDER / "recurrent.weights.h5")
    np.testing.assert_allclose(predictions(model, inputs)[0], outputs[0], rtol=1e-6, atol=1e-6)
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    model.load_weights(FOLDER / "recurrent.keras")
    np.testing.assert_allclose(predictions(model, inputs)[0], outputs[0], rtol=1e-6, atol=1e-6)


def test_weights_that_do_not_fit_may_be_left_out(tmp_path):
    model = Sequential([Input((4,)), layers.Dense(3, name="first"), layers.Dense(1, name="second")], seed=0)
    other = Sequential([Input((4,)), layers.Dense(3, name="first"), layers.Dense(2, name="second")], seed=1)
    before = other.layers[1].kernel.value.copy()
    for name, write in (("m.weights.h5", model.save_weights), ("m.keras", model.save)):
        write(tmp_path / name)
        other.layers[0].kernel.assign(np.zeros((4, 3)))
        with pytest.raises(ModelFileError, match=r"other shapes: .*needed \(3, 2\)"):
            other.load_weights(tmp_path / name)
        assert not other.layers[0].kernel.value.any()
        with pytest.warns(UserWarning, match="left out.*vars/0, .*vars/1$"):
            other.load_weights(tmp_path / name, skip_mismatch=True)
        np.testing.assert_array_equal(other.layers[0].kernel.value, model.layers[0].kernel.value)
        np.testing.assert_array_equal(other.layers[1].kernel.value, before)


def test_weights_are_written_under_the_names_of_keras(tmp_path):
    nnlite.from_keras(FOLDER / "recurrent.keras").save_weights(tmp_path / "r.weights.h5")

    def contents(path):
        found = {}
        with h5py.File(path) as file:
            file.visititems(lambda name, item: found.update({name: item[()]}) if hasattr(item, "shape") else None)
        return found

    own, theirs = contents(tmp_path / "r.weights.h5"), contents(FOLDER / "recurrent.weights.h5")
    assert own.keys() == theirs.keys()
    for name, array in theirs.items():
        np.testing.assert_array_equal(own[name], array)


def test_a_model_of_nnlite_comes_back_whole(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    model = Sequential([Input((3,)), layers.Dense(4, "relu"), layers.Dense(2, "softmax")], seed=1)
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras")
    assert again.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    for one in (model, again):
        one.fit(x, y, epochs=1, verbose=0)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert not load_model(tmp_path / "m.keras", compile=False).compiled


def test_compile_as_keras_had_it():
    model = nnlite.from_keras(FOLDER / "conv.keras", compile=True)
    assert model.optimizer.get_config()["weight_decay"] == 1e-3
    assert type(model.loss).__name__ == "SparseCategoricalCrossentropy"
    assert load_model(FOLDER / "conv.keras").compiled


def edited(path, target, change):
    """A copy of a `.keras` file whose config `change` has altered."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            content = source.read(name)
            if name == "config.json":
                document = json.loads(content)
                change(document)
                content = json.dumps(document).encode()
            archive.writestr(name, content)
    return target


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda d: d["config"]["layers"][2].update(class_name="Capsule"), "no 'Capsule'"),
        (lambda d: d["config"]["layers"][2]["config"].update(rank=4), "no argument 'rank', which is 4"),
        (lambda d: d["config"]["layers"][2]["config"].update(filters="many"), "filters"),
        (lambda d: d["config"]["layers"][2]["config"].update(filters=5), "does not fit the model.*conv2d/vars/0"),
        (lambda d: d["config"].update(layers=3), "needs layers"),
        (
            lambda d: d["config"]["layers"][2]["config"].update(activation={"class_name": "__lambda__"}),
            "it is Python code",
        ),
        (lambda d: d.update(config=None), "expected class_name and config"),
        (lambda d: d.update(class_name="Dense", config={"units": 1}), "layer, not a model"),
        (lambda d: d["config"]["layers"][2].pop("class_name"), "layers"),
    ],
)
def test_what_nnlite_does_not_have_is_named(tmp_path, change, error):
    with pytest.raises(ModelFileError, match=error):
        nnlite.from_keras(edited(FOLDER / "conv.keras", tmp_path / "m.keras", change))


def test_an_argument_that_neither_keras_nor_nnlite_knows_is_told(tmp_path):
    def change(document):
        document["config"]["layers"][2]["config"].update(colour="red", lora_alpha=None)

    path = edited(FOLDER / "conv.keras", tmp_path / "m.keras", change)
    with pytest.warns(UserWarning, match=r"layers\[2\]: neither Keras nor nnlite knows .* 'colour' of Conv2D") as told:
        model = nnlite.from_keras(path)
    assert len(told) == 1
    np.testing.assert_array_equal(model.get_weights()[0], nnlite.from_keras(FOLDER / "conv.keras").get_weights()[0])


def test_an_unknown_optimizer_is_a_warning(tmp_path):
    path = edited(
        FOLDER / "conv.keras",
        tmp_path / "m.keras",
        lambda d: d["compile_config"]["optimizer"].update(class_name="Secret"),
    )
    with pytest.warns(TrainingWarning, match="not compiled.*Secret"):
        assert not load_model(path).compiled


def test_calls_that_are_not_read_are_named(tmp_path):
    def change(document):
        document["config"]["layers"][2]["inbound_nodes"][0]["kwargs"] = {"other": True}

    with pytest.raises(ModelFileError, match=r"model\.multi_head_attention: .*other"):
        nnlite.from_keras(edited(FOLDER / "attention.keras", tmp_path / "m.keras", change))

    def lost(document):
        document["config"]["layers"][-1]["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0] = "nowhere"

    with pytest.raises(ModelFileError, match="takes a value that nothing gives"):
        nnlite.from_keras(edited(FOLDER / "attention.keras", tmp_path / "m.keras", lost))


def repacked(target, **changes):
    """The embedding fixture with other entries: None leaves one out."""
    with zipfile.ZipFile(FOLDER / "embedding.keras") as source:
        entries = {name: source.read(name) for name in source.namelist()}
    entries |= changes
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            if content is not None:
                archive.writestr(name, content)
    return target


def hdf5(fill):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        fill(file)
    return content.getvalue()


def full(file):
    file.create_dataset("layers/embedding/vars/0", shape=(1 << 40,), dtype="f4", chunks=(1 << 10,))


def outside(file):
    file["layers/embedding/vars/0"] = h5py.ExternalLink("/etc/passwd", "x")


def elsewhere(file):
    group = file.create_group("layers/embedding/vars")
    group.create_dataset("0", shape=(11, 4), dtype="f4", external=[("/etc/passwd", 0, 176)])


HOSTILE = {
    "no config": ({"config.json": None}, "lacks config.json"),
    "no weights": ({"model.weights.h5": None}, "lacks model.weights.h5"),
    "no json": ({"config.json": b"{"}, "not JSON"),
    "deep json": ({"config.json": b"[" * 100_000}, "not JSON|must describe"),
    "a list": ({"config.json": b"[]"}, "must describe a model"),
    "a bomb": ({"config.json": b" " * (70 << 20)}, "would unpack to"),
    "a path": ({"../../outside": b"x"}, "lies outside"),
    "no hdf5": ({"model.weights.h5": b"x" * 100}, "cannot be read as HDF5"),
    "huge arrays": ({"model.weights.h5": hdf5(full)}, "would have 4398046511104 bytes, and the file holds 0"),
    "a link": ({"model.weights.h5": hdf5(outside)}, "is a link, which is not followed"),
    "another file": ({"model.weights.h5": hdf5(elsewhere)}, "lie in another file"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_archives_give_one_typed_error(tmp_path, case):
    changes, error = HOSTILE[case]
    path = repacked(tmp_path / "m.keras", **changes)
    for read in (nnlite.from_keras, load_model):
        with pytest.raises(ModelFileError, match=error) as raised:
            read(path)
        assert str(path) in str(raised.value)


def test_a_damaged_byte_anywhere_is_an_error_or_harmless(tmp_path):
    content = (FOLDER / "embedding.keras").read_bytes()
    random = np.random.default_rng(0)
    for place in [*random.integers(0, len(content), 40), 0, len(content) - 1]:
        broken = bytearray(content)
        broken[place] ^= 0xFF
        (tmp_path / "m.keras").write_bytes(broken)
        with contextlib.suppress(ModelFileError):
            nnlite.from_keras(tmp_path / "m.keras")
    for length in (0, 3, 100, len(content) // 2, len(content) - 30):
        (tmp_path / "m.keras").write_bytes(content[:length])
        with pytest.raises(ModelFileError):
            nnlite.from_keras(tmp_path / "m.keras")


def test_names_that_mean_another_format_are_refused(tmp_path):
    model = Sequential([Input((2,)), layers.Dense(1)])
    with pytest.raises(ConfigError, match=r"expects \.keras at the end"):
        model.save(tmp_path / "m.weights.h5")
    for name in ("m.keras", "m.h5"):
        with pytest.raises(ConfigError, match=r"expects \.weights\.h5 at the end"):
            model.save_weights(tmp_path / name)
    with pytest.raises(ModelFileError, match="folder that exists"):
        model.save(tmp_path / "nowhere" / "m.keras")
    with pytest.raises(ModelFileError, match=r"is not a \.keras file"):
        nnlite.from_keras(tmp_path / "missing.keras")
    assert not list(tmp_path.iterdir())


def test_files_that_earlier_versions_wrote_under_such_names_are_read(tmp_path):
    model = Sequential([Input((2,)), layers.Dense(1)])
    model.save(tmp_path / "m.safetensors")
    (tmp_path / "m.safetensors").rename(tmp_path / "m.keras")
    np.testing.assert_array_equal(load_model(tmp_path / "m.keras").get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize(
    ("layer", "error"),
    [
        (layers.Dense(2, parametrization="ntk"), "no argument 'parametrization'"),
        (layers.Residual([layers.Dense(3)]), "Keras has no Residual"),
        (layers.Activation({"CELU": {"alpha": 0.5}}), "of which Keras keeps the name alone"),
        (layers.Lambda(np.sin), "not registered"),
        (layers.SpectralNormalization(layers.Dense(2)), "SpectralNormalization cannot be written"),
    ],
)
def test_layers_that_keras_lacks_are_refused(tmp_path, layer, error):
    with pytest.raises((ModelFileError, ConfigError), match=error):
        Sequential([Input((3,)), layer]).save(tmp_path / "m.keras")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "activation", [layers.LeakyReLU(0.5), layers.ReLU(6.0, 0.25), layers.ELU(0.5), layers.Softmax(axis=1)]
)
@pytest.mark.parametrize("file", ["m.keras", "m.h5", "m.safetensors"])
def test_an_activation_that_is_a_layer_is_kept(tmp_path, activation, file):
    model = Sequential([Input((3, 2)), layers.Dense(4, activation=activation)])
    model.save(tmp_path / file)
    loaded, x = load_model(tmp_path / file), np.arange(-6.0, 6.0).reshape(2, 3, 2)
    np.testing.assert_array_equal(loaded(x), model(x))
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(model(x), activation(x @ kernel + bias), rtol=1e-5)
    assert loaded.layers[-1].activation.to_spec() == activation.activation.to_spec()


def test_layers_are_numbered_as_keras_orders_them():
    """Of two branches, that with the longer way to the outputs comes first, whatever was drawn first."""
    x = Input((3,), name="x")
    short = layers.Dense(2, name="short")(x)
    long = layers.Dense(2, name="second")(layers.Dense(2, name="first")(x))
    model = Model(x, layers.Dense(1, name="end")(layers.Add(name="sum")([short, long])))
    assert [layer.name for layer in keras_order(model)] == ["x", "first", "short", "second", "sum", "end"]


def test_without_h5py_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(MissingLibraryError, match=r'pip install "nnlite\[keras\]"'):
        Sequential([Input((2,)), layers.Dense(1)]).save(tmp_path / "m.keras")
    with pytest.raises(MissingLibraryError, match=r'pip install "nnlite\[keras\]"'):
        nnlite.from_keras(FOLDER / "conv.keras")


def test_keras_reads_what_is_written(tmp_path):
    """Where Keras is installed: every fixture, written here, predicts in Keras what it predicts here."""
    keras = pytest.importorskip("keras")
    for name in NAMES:
        inputs, outputs = arrays(name)
        nnlite.from_keras(FOLDER / f"{name}.keras").save(tmp_path / "m.keras")
        theirs = predictions(keras.models.load_model(tmp_path / "m.keras"), inputs)
        for one, other in zip(theirs, outputs, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


class HalvedOutputs(layers.Layer):
    """outputs = gain * inputs / 2, a layer of a user."""

    scale: float = 0.5

    def build(self, input_shape):
        self.gain = self.add_weight((input_shape[-1],), "ones", name="gain")

    def call(self, inputs):
        return inputs * self.gain * self.scale


class TwoLayers(Model):
    """A model of a user's own class."""

    def __init__(self, units=3, **options):
        super().__init__(**options)
        self.first, self.last = layers.Dense(units, "relu"), layers.Dense(1)

    def call(self, inputs):
        return self.last(self.first(inputs))


@pytest.mark.parametrize(
    "make", [lambda: Sequential([layers.Dense(1), HalvedOutputs(0.25)], seed=1), lambda: TwoLayers(4)]
)
def test_classes_of_users_go_into_keras_files(make, tmp_path):
    model, x = make(), np.random.default_rng(0).normal(size=(20, 5))
    model.compile("adam", "mse")
    model.fit(x, x[:, :1], epochs=2, verbose=0)
    model.save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras")
    assert type(again) is type(model)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    before = model.fit(x, x[:, :1], verbose=0).history["loss"]
    assert again.fit(x, x[:, :1], verbose=0).history["loss"] == before
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        text = archive.read("config.json").decode()
    assert any(f'"registered_name": "{name}"' in text for name in ("HalvedOutputs", "TwoLayers"))


@pytest.mark.parametrize("layer", [layers.GRU(2, stateful=True), layers.Bidirectional(layers.LSTM(2, stateful=True))])
def test_keras_reads_and_writes_stateful_layers(layer, tmp_path):
    keras = pytest.importorskip("keras")
    model, rows = Sequential([Input(batch_shape=(2, 3, 4)), layer, layers.Dense(1)]), np.ones((2, 3, 4), "float32")
    model.save(tmp_path / "m.keras")
    theirs = keras.models.load_model(tmp_path / "m.keras")
    expected = [model.predict(rows, verbose=0) for _ in range(2)]
    for wanted in expected:
        np.testing.assert_allclose(theirs.predict(rows, verbose=0), wanted, atol=1e-6)
    theirs.save(tmp_path / "again.keras")
    again = load_model(tmp_path / "again.keras")
    for wanted in expected:
        np.testing.assert_allclose(again.predict(rows, verbose=0), wanted, atol=1e-6)
