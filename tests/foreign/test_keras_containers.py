"""`.h5` files of whole models, folders, weights in shards, and the editor of files, here and in Keras."""

import json
import zipfile

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, Sequential, layers, load_model
from nnlite.errors import ConfigError, ModelFileError
from nnlite.foreign import hdf5
from nnlite.foreign.containers import shards
from nnlite.saving import KerasFileEditor, save_model

h5py = pytest.importorskip("h5py")
X = [np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4), np.ones((3, 2, 4), np.float32)]


def graph(seed: int = 0) -> Model:
    """Two inputs, a model inside, a recurrent layer, and a normalization whose state is moved."""
    left, right = Input((4,), name="left"), Input((2, 4), name="right")
    inner = Sequential([Input((4,)), layers.Dense(3), layers.BatchNormalization()], name="inner")
    joined = layers.Concatenate()([inner(left), layers.LSTM(2, name="lstm")(right)])
    model = Model([left, right], layers.Dense(1, name="end")(joined), name="graph", seed=seed)
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, np.ones((3, 1)), epochs=2, verbose=0)
    return model


def outputs(model) -> np.ndarray:
    return np.asarray(model.predict(X, verbose=0))


@pytest.mark.parametrize(("name", "options"), [("m.h5", {}), ("m.hdf5", {}), ("folder", {"zipped": False})])
def test_models_in_other_containers_are_restored_with_the_optimizer(tmp_path, name, options):
    model = graph()
    model.save(tmp_path / name, **options)
    again = load_model(tmp_path / name)
    np.testing.assert_array_equal(outputs(again), outputs(model))
    for one in (model, again):
        one.fit(X, np.ones((3, 1)), verbose=0, shuffle=False)
    np.testing.assert_array_equal(outputs(again), outputs(model))


@pytest.mark.parametrize("name", ["m.h5", "folder"])
def test_keras_reads_what_nnlite_writes_and_the_other_way_round(tmp_path, name):
    keras = pytest.importorskip("keras")
    model = graph()
    model.save(tmp_path / name, zipped=False if name == "folder" else None)
    theirs = keras.saving.load_model(tmp_path / name)
    np.testing.assert_allclose(outputs(theirs), outputs(model), atol=1e-6)
    assert theirs.compiled
    assert int(theirs.optimizer.iterations) == 2
    theirs.compile(keras.optimizers.Adam(), keras.losses.MeanSquaredError())
    theirs.fit(X, np.ones((3, 1)), verbose=0)
    theirs.save(tmp_path / f"theirs_{name}", **({"zipped": False} if name == "folder" else {}))
    again = load_model(tmp_path / f"theirs_{name}")
    np.testing.assert_allclose(outputs(again), outputs(theirs), atol=1e-6)
    assert again.optimizer.iterations == 1


def test_adapters_of_low_rank_lie_beside_their_kernels_in_files_of_both(tmp_path):
    keras = pytest.importorskip("keras")
    x = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)

    def with_adapters(library, first):
        inner = library.Sequential([first((4,)), library.layers.Dense(3)])
        model = library.Sequential([first((6,)), library.layers.Dense(4, "tanh"), inner])
        for layer in (model.layers[0], inner.layers[0]):
            layer.enable_lora(2)
            layer.lora_kernel_b.assign(np.full(layer.lora_kernel_b.shape, 0.5))
        return model

    ours, theirs = with_adapters(nnlite, Input), with_adapters(keras, keras.Input)
    ours.save(tmp_path / "ours.h5")
    theirs.save(tmp_path / "theirs.h5")
    expected = ours.predict(x, verbose=0)
    there = keras.saving.load_model(tmp_path / "ours.h5").predict(x, verbose=0)
    np.testing.assert_allclose(there, expected, rtol=1e-5, atol=1e-6)
    again = load_model(tmp_path / "ours.h5")
    assert again.layers[0].lora_kernel_b.numpy().all()
    np.testing.assert_allclose(again.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
    here = load_model(tmp_path / "theirs.h5").predict(x, verbose=0)
    np.testing.assert_allclose(here, theirs.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


def test_layers_are_matched_by_name_in_such_files(tmp_path):
    model, other = graph(), graph(seed=1)
    model.save(tmp_path / "m.h5")
    part = Sequential([Input((5,)), layers.Dense(1, name="end"), layers.Dense(2, name="new")])
    before = part.layers[1].get_weights()
    part.load_weights(tmp_path / "m.h5", by_name=True)
    np.testing.assert_array_equal(part.layers[0].get_weights()[0], model.get_layer("end").get_weights()[0])
    np.testing.assert_array_equal(part.layers[1].get_weights()[0], before[0])
    other.load_weights(tmp_path / "m.h5")
    np.testing.assert_array_equal(outputs(other), outputs(model))
    with pytest.raises(ModelFileError, match="weights of 3 layers; the model has 2"):
        part.load_weights(tmp_path / "m.h5")
    model.save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ConfigError, match=r"only '\.h5' files have names"):
        model.load_weights(tmp_path / "m.weights.h5", by_name=True)


def test_layers_that_do_not_fit_are_refused_or_left_as_they_are(tmp_path):
    Sequential([Input((2,)), layers.Dense(3, name="a"), layers.Dense(1, name="b")]).save(tmp_path / "m.h5")
    other = Sequential([Input((2,)), layers.Dense(3, name="a"), layers.Dense(2, name="b")])
    before = other.get_weights()
    with pytest.raises(ModelFileError, match="b: needs the shapes"):
        other.load_weights(tmp_path / "m.h5")
    with pytest.warns(UserWarning, match="stay as they are"):
        other.load_weights(tmp_path / "m.h5", skip_mismatch=True)
    assert (other.get_weights()[0] != before[0]).any()
    np.testing.assert_array_equal(other.get_weights()[2], before[2])


def test_long_lists_of_names_are_divided(tmp_path):
    names = [f"layer_{number:06d}" for number in range(9000)]
    content = hdf5.encode({}, {}, {"": {"layer_names": names, "empty": []}})
    with hdf5.opened(content, "here") as file:
        assert file.attribute("", "layer_names") == names
        assert file.attribute("", "missing") is None
        assert "layer_names" not in file.file.attrs


def test_weights_are_divided_into_shards(tmp_path):
    model = Sequential([Input((100,)), layers.Dense(300), layers.Dense(300)])
    path = tmp_path / "m.weights.json"
    model.save_weights(path, max_shard_size=0.0004)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        "m.weights.json", "m_00000.weights.h5", "m_00001.weights.h5",
    ]  # fmt: skip
    assert json.loads(path.read_text())["weight_map"]["/layers/dense_1/vars"] == ["m_00001.weights.h5"]
    other = Sequential([Input((100,)), layers.Dense(300), layers.Dense(300)])
    other.load_weights(path)
    np.testing.assert_array_equal(other.get_weights()[2], model.get_weights()[2])
    with pytest.raises(ConfigError, match="a shard"):
        model.save_weights(path, max_shard_size=0.0001)
    with pytest.raises(ConfigError, match=r"ends in \.weights\.json"):
        model.save_weights(tmp_path / "m.safetensors", max_shard_size=1)
    listed = {"/layers/dense/vars": "m_00000.weights.h5", "/layers/dense_1/vars": ["m_00001.weights.h5"]}
    path.write_text(json.dumps({"weight_map": listed}))  # Keras writes the name alone for a layer of one variable
    other.set_weights([np.zeros(weight.shape) for weight in other.weights])
    other.load_weights(path)
    np.testing.assert_array_equal(other.get_weights()[2], model.get_weights()[2])
    path.write_text(json.dumps({"weight_map": {"/layers/dense/vars": [3]}}))
    with pytest.raises(ModelFileError, match="cannot be read as a list of shards"):
        other.load_weights(path)
    path.write_text(json.dumps({"weight_map": {"/layers/dense/vars": ["../m_00000.weights.h5"]}}))
    with pytest.raises(ModelFileError, match="outside the folder"):
        other.load_weights(path)


def test_models_without_weights_are_saved_in_formats_of_keras(tmp_path):
    model = Sequential([layers.Dense(2)])
    model.compile("adam", "mse")
    model.save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras")
    assert not again.built
    assert again.compiled
    assert again.predict(np.ones((3, 4)), verbose=0).shape == (3, 2)


def test_names_and_options_that_contradict_each_other_are_refused(tmp_path):
    model = Sequential([Input((2,)), layers.Dense(1)])
    with pytest.raises(ConfigError, match=r"does not end in \.keras"):
        model.save(tmp_path / "m.keras", zipped=False)
    with pytest.raises(ConfigError, match="no argument colour"):
        save_model(model, tmp_path / "m.keras", colour=1)
    with pytest.raises(ConfigError, match="needs a model, got int"):
        save_model(3, tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    (tmp_path / "m.weights.h5").rename(tmp_path / "m.h5")
    with pytest.raises(ModelFileError, match="holds weights alone"):
        load_model(tmp_path / "m.h5")
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.h5"]


def test_functions_of_lambda_layers_are_named_in_keras_files(tmp_path):
    def tripled(inputs):
        return 3 * inputs

    Sequential([Input((2,)), layers.Lambda(tripled)]).save(tmp_path / "m.keras")
    again = load_model(tmp_path / "m.keras", custom_objects={"tripled": tripled})
    assert again.predict(np.ones((1, 2)), verbose=0).tolist() == [[3.0, 3.0]]


class TestEditor:
    """Renames, removals and additions; what is saved fits a model of that structure."""

    def edited(self, tmp_path):
        self.model = Sequential([Input((3,)), layers.Dense(2), layers.BatchNormalization()])
        self.model.save(tmp_path / "m.keras")
        return KerasFileEditor(tmp_path / "m.keras")

    def test_files_are_compared_with_models(self, tmp_path, capsys):
        editor = self.edited(tmp_path)
        assert editor.compare(self.model) == {"status": "success", "error_count": 0, "match_count": 6}
        assert editor.config["class_name"] == "Sequential"
        other = Sequential([Input((3,)), layers.Dense(4), layers.BatchNormalization()])
        assert editor.compare(other) == {"status": "error", "error_count": 6, "match_count": 0}
        assert "layers/dense/0: the model has (3, 4), the file (3, 2)" in capsys.readouterr().out

    def test_changes_are_saved(self, tmp_path, capsys):
        editor = self.edited(tmp_path)
        editor.delete_object("batch_normalization")
        editor.rename_object("layers/dense", new_name="dense_1")
        editor.add_object("layers/dense", {"0": np.ones((3, 3)), "2": np.ones(4)})
        editor.add_weights("dense", {"1": np.zeros(3)})
        editor.delete_weight("dense", "2")
        editor.weights_dict["layers"]["dense_1"]["0"][:] = 2
        editor.save(tmp_path / "m.weights.h5")
        model = Sequential([Input((3,)), layers.Dense(3), layers.Dense(2)])
        model.load_weights(tmp_path / "m.weights.h5")
        assert model.predict(np.ones((1, 3)), verbose=0).tolist() == [[18.0, 18.0]]
        editor.summary()
        assert "    dense_1\n      0: shape=(3, 2), dtype=float32" in capsys.readouterr().out

    def test_names_that_do_not_occur_are_refused(self, tmp_path):
        editor = self.edited(tmp_path)
        for change, message in (
            (lambda: editor.rename_object("other", "new"), "'other' does not occur"),
            (lambda: editor.rename_object("dense", "a/b"), "not a path"),
            (lambda: editor.add_object("other/dense", {}), "there is no 'other'"),
            (lambda: editor.add_weights("dense", 3), "a dict of arrays"),
            (lambda: editor.delete_weight("dense", "7"), "has no weight '7', only 0, 1"),
            (lambda: editor.save(tmp_path / "m.h5"), "in .weights.h5"),
            (lambda: KerasFileEditor(tmp_path / "m.h6"), "ends in .keras or .weights.h5"),
        ):
            with pytest.raises(ConfigError, match=message):
                change()


def test_arguments_that_not_every_constructor_of_keras_has_are_left_out(tmp_path):
    Sequential([Input((2,)), layers.ActivityRegularization(0.1)]).save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        document = json.loads(archive.read("config.json"))
    assert "activity_regularizer" not in document["config"]["layers"][1]["config"]


def test_functions_of_a_graph_in_an_h5_file_of_keras(tmp_path):
    entry = Input((4,))
    kept = nnlite.ops.where(nnlite.ops.relu(entry) > 0.5, entry * 2, layers.Dense(4)(entry))
    model = Model(entry, layers.Add()([kept, nnlite.ops.split(entry, [4], axis=-1)[0]]), seed=0)
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        del file["nnlite"]  # what is left is what Keras writes
    np.testing.assert_array_equal(np.asarray(load_model(tmp_path / "m.h5")(X[0])), np.asarray(model(X[0])))


def test_shards_that_are_written_in_part_are_not_read_with_earlier_ones(tmp_path, monkeypatch):
    model, path = Sequential([Input((400,)), layers.Dense(40), layers.Dense(400)], seed=0), tmp_path / "m.weights.json"
    model.save_weights(path, max_shard_size=0.0001)
    write, written = shards.write_atomically, []

    def killed(target, content):
        if written:
            raise KeyboardInterrupt
        written.append(target)
        write(target, content)

    monkeypatch.setattr(shards, "write_atomically", killed)
    with pytest.raises(KeyboardInterrupt):
        model.save_weights(path, max_shard_size=0.0001)
    with pytest.raises(ModelFileError):
        model.load_weights(path)


def test_a_name_that_lists_shards_needs_their_size(tmp_path):
    with pytest.raises(ConfigError, match="max_shard_size: must be positive, in GiB, got None"):
        Sequential([Input((3,)), layers.Dense(2)]).save_weights(tmp_path / "m.weights.json")


def test_pipelines_of_layers_are_those_of_keras(tmp_path):
    keras = pytest.importorskip("keras")
    images = np.random.default_rng(0).normal(size=(4, 5, 5, 3)).astype(np.float32)
    normalization = layers.Normalization()
    normalization.adapt(images)
    model = Sequential([Input((5, 5, 3)), layers.Pipeline([normalization, layers.RandomFlip(), layers.Flatten()])])
    model.save(tmp_path / "m.keras")
    theirs = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(theirs.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-6)
    theirs.save(tmp_path / "theirs.keras")
    again = load_model(tmp_path / "theirs.keras")
    np.testing.assert_allclose(again.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-6)


def chain(*units):
    return Sequential([Input((4,)), *(layers.Dense(number) for number in units)])


def test_weights_of_a_longer_model_go_into_its_first_layers(tmp_path):
    whole, first = chain(3, 2, 1), chain(3, 2)
    whole.save_weights(tmp_path / "m.weights.h5")
    with pytest.warns(UserWarning, match=r"no such layers: layers/dense_2/vars/0, layers/dense_2/vars/1"):
        first.load_weights(tmp_path / "m.weights.h5")
    for mine, theirs in zip(first.weights, whole.weights, strict=False):
        np.testing.assert_array_equal(mine, theirs)
    without_bias = Sequential([Input((4,)), layers.Dense(3, use_bias=False), layers.Dense(2)])
    with pytest.raises(ModelFileError, match="left over: layers/dense/vars/1"):
        without_bias.load_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ModelFileError, match="missing: layers/dense_3/vars/0"):
        chain(3, 2, 1, 1).load_weights(tmp_path / "m.weights.h5")


@pytest.mark.parametrize("name", ["m.weights.h5", "m.safetensors"])
def test_weights_of_chosen_layers_stay_as_they_are(tmp_path, name):
    saved, model = chain(3, 2), chain(3, 2)
    saved.save_weights(tmp_path / name)
    before = model.layers[0].kernel.numpy()
    model.load_weights(tmp_path / name, objects_to_skip=model.layers[:1])
    np.testing.assert_array_equal(model.layers[0].kernel, before)
    np.testing.assert_array_equal(model.layers[1].kernel, saved.layers[1].kernel)
    for refused in (model.load_weights, model.save, lambda path, **options: save_model(model, path, **options)):
        with pytest.raises(TypeError, match="has no argument other"):
            refused(tmp_path / name, other=1)


def test_layers_that_stay_as_they_are_may_have_other_shapes_than_in_the_file(tmp_path):
    saved, model = chain(3, 2), chain(3, 5)
    saved.save_weights(tmp_path / "m.weights.h5")
    before = model.layers[1].kernel.numpy()
    model.load_weights(tmp_path / "m.weights.h5", objects_to_skip=[model.layers[1]])
    np.testing.assert_array_equal(model.layers[0].kernel, saved.layers[0].kernel)
    np.testing.assert_array_equal(model.layers[1].kernel, before)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_weights_of_16_bits_have_their_type_in_files(tmp_path, dtype):
    model, again = (Sequential([Input((4,)), layers.Dense(3, dtype=dtype)]) for _ in range(2))
    model.save_weights(tmp_path / "m.weights.h5")
    with hdf5.opened(tmp_path / "m.weights.h5", "m") as datasets:
        assert str(datasets["layers/dense/vars/0"][()].dtype) == dtype
    again.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(again.layers[0].kernel.numpy(), model.layers[0].kernel.numpy())
    keras = pytest.importorskip("keras")
    theirs = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, dtype=dtype)])
    theirs.load_weights(tmp_path / "m.weights.h5")
    values = keras.ops.convert_to_numpy(keras.ops.cast(theirs.layers[0].kernel, "float32"))
    np.testing.assert_array_equal(values, model.layers[0].kernel.numpy().astype("float32"))
