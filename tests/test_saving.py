"""Model files: everything comes back, and nothing but a whole, fitting file is read."""

import hashlib
import json
import os
import pickletools
import re
import shutil
import stat

import numpy as np
import pytest
from registered import registered

from nnlite import Input, Sequential, load_model, saving
from nnlite.errors import ConfigError, MissingFileError, ModelFileError, NotReadyError, OutputError
from nnlite.layers import BatchNormalization, Dense, Dropout, Embedding, Flatten, Layer, Normalization, PReLU
from nnlite.optimizers import FullBatchOptimizer, Optimizer
from nnlite.registry import normalized
from nnlite.saving import safetensors
from nnlite.saving.model_files import CHECKSUM

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
CLASSES = np.arange(40) % 3
LOSS = {"SparseCategoricalCrossentropy": {}}


def trained(optimizer="adam", seed=0):
    layers = [
        Normalization(),
        Dense(8, activation="gelu", kernel_regularizer="l2"),
        BatchNormalization(),
        PReLU(name="slopes"),
        Dropout(0.3),
        Sequential([Dense(5, activation="relu")], seed=0),
        Dense(3, activation="softmax"),
    ]
    model = Sequential(layers, seed=seed, name="mine")
    model.compile(optimizer, LOSS, ["accuracy"], ["accuracy"])
    model.adapt(X)
    model.fit(X, CLASSES, epochs=2, verbose=0)
    return model


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def load_file(path):
    """The arrays of a file as the library of the format reads them."""
    return pytest.importorskip("safetensors.numpy").load_file(path)


def resealed(path, header=None, arrays=None):
    """Rewrite a file with changes, and a checksum that fits."""
    old_header, old_arrays = saving.read(path)
    saving.write(path, header or old_header, old_arrays if arrays is None else arrays)


# ---------------------------------------------------------------- round trips


def test_everything_comes_back(path):
    model = trained()
    model.save(path)
    loaded = load_model(path)
    assert loaded.get_config() == model.get_config() and loaded.trainer.config() == model.trainer.config()
    assert [weight.name for weight in loaded.weights] == [weight.name for weight in model.weights]
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    assert loaded.evaluate(X, CLASSES, verbose=0) == model.evaluate(X, CLASSES, verbose=0)


def steps_by_batches():
    """The optimizers that can train a model with dropout: the others are in tests/training/test_full_batch."""
    names = [name for name, made in registered(Optimizer).items() if not issubclass(made, FullBatchOptimizer)]
    inside = {
        "LossScaleOptimizer": {"inner_optimizer": "adam"},
        "MultiOptimizer": {"optimizer_map": {"default_optimizer": "adam", "optimizer_map": {".*bias": "sgd"}}},
    }
    return [{name: inside[name]} if name in inside else name for name in names]


@pytest.mark.parametrize("optimizer", steps_by_batches(), ids=str)
def test_training_goes_on_bit_for_bit(path, optimizer):
    model = trained(optimizer)
    model.save(path)
    loaded = load_model(path)
    assert loaded.optimizer.iterations == model.optimizer.iterations == 4
    histories = [m.fit(X, CLASSES, epochs=2, verbose=0, validation_split=0.2).history for m in (model, loaded)]
    assert histories[0] == histories[1]
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_schedule_goes_on_where_it_was(path):
    rate = {"ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5}}
    model = trained({"SGD": {"learning_rate": rate, "momentum": 0.9}})
    model.save(path)
    assert load_model(path).optimizer.current_learning_rate == model.optimizer.current_learning_rate < 0.05


def test_dtypes_are_kept(path):
    model = Sequential([Input((2,)), Embedding(4, 3), Flatten(), Dense(2, dtype="float64"), Dense(1)], seed=0)
    model.compile("adam", "mse")
    words = np.array([[0, 1], [2, 3]])
    model.fit(words, [0, 1], verbose=0)
    model.save(path)
    loaded = load_model(path)
    assert [weight.dtype for weight in loaded.weights] == [weight.dtype for weight in model.weights]
    assert model.fit(words, [0, 1], verbose=0).history == loaded.fit(words, [0, 1], verbose=0).history


def test_without_optimizer_or_compile(path):
    model = trained()
    model.save(path)
    whole = path.stat().st_size
    model.save(path, include_optimizer=False)
    assert path.stat().st_size < whole
    assert not any(name.startswith("optimizer/") for name in load_file(path))
    loaded = load_model(path)
    assert not loaded.compiled
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    Sequential([Input((3,)), Dense(2)]).save(path)
    assert not load_model(path).compiled


def test_weights_alone(path):
    model, other = trained(), trained(seed=1)
    model.save_weights(path)
    other.load_weights(path)
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
    model.save(path)
    fresh = trained(seed=2)
    fresh.load_weights(path)  # a whole model's file serves as well
    np.testing.assert_array_equal(fresh.predict(X, verbose=0), model.predict(X, verbose=0))
    assert fresh.seed == 2


def test_loaded_weights_are_trained_on(path):
    model = trained()
    model.save_weights(path)
    before = model.evaluate(X, CLASSES, verbose=0)
    model.fit(X, CLASSES, verbose=0, epochs=3)
    assert model.evaluate(X, CLASSES, verbose=0) != before
    model.load_weights(path)
    assert model.evaluate(X, CLASSES, verbose=0) == before
    after = model.train_on_batch(X, CLASSES)
    assert model.evaluate(X, CLASSES, verbose=0) != before and np.isfinite(after).all()


class Doubling(Layer):
    factor: float = 2.0

    def linearize(self, inputs):
        from nnlite.jacobians import Diagonal, Jacobians

        slope = np.full((), self.factor, inputs.dtype)
        return inputs * slope, Jacobians(Diagonal(slope, inputs.shape, inputs.shape))


def test_own_layers_come_back_while_their_class_is_known(path, monkeypatch):
    model = Sequential([Input((3,)), Doubling(3.0)])
    model.save(path)
    loaded = load_model(path)
    assert type(loaded.layers[0]) is Doubling and loaded.layers[0].factor == 3.0
    monkeypatch.delitem(Layer._members, normalized("Doubling"))
    message = "unknown layer 'Doubling'.*import the module that defines your own classes first"
    with pytest.raises(ModelFileError, match=message) as caught:
        load_model(path)
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, TypeError)  # as in Keras


# ---------------------------------------------------------------- the file itself


def test_file_is_plain_safetensors_of_the_expected_size(path):
    model = trained()
    model.save(path)
    arrays = load_file(path)
    trainable = sum(weight.size for weight in model.trainable_weights)
    assert sum(array.nbytes for array in arrays.values()) == 4 * (model.count_params() + 2 * trainable)
    assert path.stat().st_size - sum(array.nbytes for array in arrays.values()) < 8192
    np.testing.assert_array_equal(arrays["weights/3.kernel"], model.layers[1].kernel.value)
    assert arrays.keys() >= {"optimizer/0/momentum", "optimizer/0/squares", "weights/0.mean"}


def test_file_holds_no_pickle(path):
    trained().save(path)
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    text = header.pop("__metadata__")["nnlite"]
    assert re.fullmatch("[0-9a-f]{64}", text[:64]) and json.loads(text[64:])["model"]["Sequential"]["name"] == "mine"
    assert all(entry["dtype"] in ("F32", "F64", "I32") for entry in header.values())
    with pytest.raises(ValueError, match=r"opcode|exhausted|stack|mark|memo"):
        list(pickletools.genops(content[8 + size :]))


def test_same_model_same_bytes(tmp_path):
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    for path in (first, second):
        trained().save(path)
    assert first.read_bytes() == second.read_bytes()


def test_paths_may_be_text(path):
    model = trained()
    model.save(str(path))
    assert load_model(str(path)).get_config() == model.get_config()
    model.save_weights(str(path))
    model.load_weights(str(path))


# ---------------------------------------------------------------- bad files


def test_every_damaged_byte_is_noticed(path):
    Sequential([Input((3,)), Dense(2)], seed=0).save(path)
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    places = {0, 7, 8, 20, 40, 80, 120, 8 + size - 1, 8 + size, len(content) - 1, *range(0, len(content), 97)}
    for place in sorted(places):
        damaged = bytearray(content)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError, match="damaged") as caught:
            load_model(path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 30, 60, 99, 100, 500, -1])
def test_truncated_files_are_refused(path, keep):
    model = trained()
    model.save(path)
    path.write_bytes(path.read_bytes()[:keep])
    for call in (load_model, model.load_weights):
        with pytest.raises(ModelFileError, match="damaged"):
            call(path)


def test_appended_bytes_are_refused(path):
    trained().save(path)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelFileError, match="damaged, the checksum does not fit"):
        load_model(path)


def test_missing_file_and_folder(tmp_path):
    model = trained()
    for call in (load_model, model.load_weights):
        with pytest.raises(MissingFileError, match=r"nothing.safetensors: No such file") as caught:
            call(tmp_path / "nothing.safetensors")
        assert isinstance(caught.value, FileNotFoundError)
        with pytest.raises(ModelFileError, match="Is a directory"):
            call(tmp_path)


def test_foreign_files_are_refused(path):
    model = trained()
    for content in (safetensors.encode({"kernel": X}), b"PK\x03\x04 a zip file, as Keras writes"):
        path.write_bytes(content)
        for call in (load_model, model.load_weights):
            with pytest.raises(ModelFileError, match="not a model file of nnlite"):
                call(path)


def test_damaged_hdf5_files_are_refused(path):
    pytest.importorskip("h5py")
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(200))
    for call in (load_model, trained().load_weights):
        with pytest.raises(ModelFileError, match=r"not a model file of nnlite|cannot be read as HDF5"):
            call(path)


def test_newer_formats_are_refused(path):
    trained().save(path)
    header, _ = saving.read(path)
    resealed(path, {**header, "format": saving.FORMAT + 1})
    with pytest.raises(ModelFileError, match=r"format 3 is newer than this nnlite reads \(2\); upgrade"):
        load_model(path)


def test_weights_are_no_model(path):
    trained().save_weights(path)
    with pytest.raises(ModelFileError, match="holds weights alone: build the model and call load_weights"):
        load_model(path)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [Dense(4), Dense(2)],
            "other shapes: weights/2.kernel is (4, 5), needed (4, 2), weights/3.bias is (5,), needed (2,)",
        ),
        ([Dense(4)], "left over: weights/2.kernel, weights/3.bias"),
        ([Dense(4), Dense(5), Dense(5)], "missing: weights/4.kernel, weights/5.bias"),
        (
            [Dense(4), BatchNormalization()],
            "missing: weights/2.gamma, weights/3.beta, weights/4.moving_mean, weights/5.moving_variance; left over: ",
        ),
    ],
)
def test_files_of_other_models_are_refused_whole(path, layers, message):
    Sequential([Input((3,)), Dense(4), Dense(5)], seed=0).save(path)
    other = Sequential([Input((3,)), *layers], seed=1)
    before = other.get_weights()
    with pytest.raises(ModelFileError, match=re.escape(message)) as caught:
        other.load_weights(path)
    assert str(path) in str(caught.value)
    assert all(np.array_equal(old, new) for old, new in zip(before, other.get_weights(), strict=True))


def test_a_file_whose_parts_disagree_is_refused(path):
    trained().save(path)
    header, arrays = saving.read(path)
    for name in ("weights/3.kernel", "optimizer/0/momentum"):
        trained().save(path)
        resealed(path, arrays={key: array for key, array in arrays.items() if key != name})
        with pytest.raises(ModelFileError, match=r"weights/3\.kernel|momentum"):
            load_model(path)
    header["model"]["Sequential"]["layers"][1]["Dense"]["units"] = "many"
    resealed(path, header)
    with pytest.raises(ModelFileError, match="units: expected an integer, got 'many'"):
        load_model(path)


INPUT = {"Input": {"shape": [3]}}
GRAPH = {"inputs": [INPUT], "layers": [{"Dense": {"units": 2}}], "nodes": [[0, [0]]], "outputs": [1]}


@pytest.mark.parametrize("key", ["content", "model", "input_shape", "compile", "iterations"])
def test_a_header_that_lacks_an_entry_is_refused(path, key):
    trained().save(path)
    header, _ = saving.read(path)
    resealed(path, {name: value for name, value in header.items() if name != key})
    with pytest.raises(ModelFileError, match=f"{key}.*") as caught:
        load_model(path)
    assert str(caught.value).count(str(path)) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"Dense": {"units": 3}}}, "holds a Dense, which is a layer, not a model"),
        ({"model": {"Model": {**GRAPH, "nodes": [[1, [0]]]}}}, r"nodes\[0\]\[0\]: must be numbers below 1, got \[1\]"),
        ({"model": {"Model": {**GRAPH, "nodes": [[0, [1]]]}}}, r"nodes\[0\]\[1\]: must be numbers below 1, got \[1\]"),
        ({"model": {"Model": {**GRAPH, "outputs": [2]}}}, r"outputs: must be numbers below 2, got \[2\]"),
        ({"model": {"Model": {**GRAPH, "outputs": 1}}}, "outputs: expected a list, got 1"),
        ({"input_shape": 3}, "input_shape: expected a list, got 3"),
        ({"input_shape": []}, "input_shape: expected at least one length"),
        ({"input_shape": [None, "3"]}, r"input_shape\[1\]: expected an integer, got '3'"),
        ({"input_shape": [None, -3]}, r"input_shape\[1\]: must be >= 0, got -3"),
        ({"input_shape": [None, 3, 3]}, "shape"),
        ({"compile": 3}, "compile: expected 'key: value' pairs, got 3"),
        ({"compile": {"optimiser": "adam"}}, "compile do not fit: got an unexpected keyword argument 'optimiser'"),
        ({"iterations": "1"}, "iterations: expected an integer, got '1'"),
        ({"iterations": -1}, "iterations: must be >= 0, got -1"),
        ({"kernels": 3}, "unknown argument 'kernels'"),
    ],
)
def test_a_header_with_an_entry_of_another_kind_is_refused(path, changes, message):
    trained().save(path)
    header, _ = saving.read(path)
    resealed(path, {**header, **changes})
    with pytest.raises(ModelFileError, match=message) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


def test_only_an_unknown_name_asks_for_an_import(path):
    hint = "import the module that defines your own classes first"
    trained().save(path)
    header, _ = saving.read(path)
    for model, asks in (({"Sequentiel": {}}, True), ({"Sequential": {"layers": [{"Dense": {"units": -1}}]}}, False)):
        resealed(path, {**header, "model": model})
        with pytest.raises(ModelFileError) as caught:
            load_model(path)
        assert isinstance(caught.value, TypeError) == asks
        assert (hint in str(caught.value)) is asks, caught.value


@pytest.mark.parametrize("pack", ["1000000000000", "2", "-1", "00", " 0", "x"])
def test_slots_of_packs_that_are_not_numbered_in_order_are_refused(path, pack):
    trained().save(path)
    _, arrays = saving.read(path)
    resealed(path, arrays={**arrays, f"optimizer/{pack}/momentum": np.zeros(3)})
    with pytest.raises(ModelFileError, match="not numbered pack by pack"):
        load_model(path)
    resealed(path, arrays={**arrays, "optimizer/0": np.zeros(3)})
    with pytest.raises(ModelFileError, match="not numbered pack by pack"):
        load_model(path)


def test_weights_that_would_lose_their_imaginary_part_are_refused(path):
    model = trained()
    model.save(path)
    _, arrays = saving.read(path)
    resealed(path, arrays={**arrays, "weights/3.kernel": arrays["weights/3.kernel"].astype(np.complex64)})
    for load in (load_model, model.load_weights):
        with pytest.raises(ModelFileError, match=r"other types: weights/3\.kernel is complex64, needed float32"):
            load(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "the header of nnlite is not JSON"),
        ("[" * 200_000, "the header of nnlite is not JSON"),
        ("[]", "does not say which format"),
        ('{"content": "model"}', "does not say which format"),
        ('{"format": "1"}', "does not say which format"),
    ],
)
def test_a_whole_file_with_a_header_of_another_kind_is_refused(path, text, message):
    content = safetensors.encode({}, {"nnlite": "0" * 64 + text})
    content[CHECKSUM] = hashlib.sha256(content).hexdigest().encode()
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=message) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


def test_unbuilt_models_have_nothing_to_save_or_load(path):
    for call in (lambda m: m.save(path), lambda m: m.save_weights(path)):
        with pytest.raises(NotReadyError, match="add an Input, or call build"):
            call(Sequential([Dense(2)]))
    assert not path.exists()
    trained().save_weights(path)
    with pytest.raises(NotReadyError, match="add an Input, or call build"):
        Sequential([Dense(2)]).load_weights(path)


# ---------------------------------------------------------------- writing is all or nothing


@pytest.mark.parametrize("broken", ["open", "fsync", "replace"])
def test_a_failing_write_leaves_the_old_file_alone(path, monkeypatch, broken):
    model = trained()
    model.save(path)
    before = path.read_bytes()

    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, broken, fail)
    with pytest.raises(OutputError, match=f"^{re.escape(str(path))}: No space left on device$"):
        trained(seed=1).save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before and [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_too_little_space_is_found_before_anything_is_written(path, monkeypatch):
    free = shutil.disk_usage(path.parent)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: free)
    with pytest.raises(OutputError, match=r"needs 0\.\d MiB, the disk has 0\.0 MiB left"):
        trained().save(path)
    assert list(path.parent.iterdir()) == []


def test_leftovers_of_killed_writes_are_removed_and_named(path):
    trained().save(path)
    orphan = path.with_name(f".{path.name}.0123456789ab.tmp")
    orphan.write_bytes(b"half")
    assert saving.remove_leftovers(path.parent) == [orphan]
    assert list(path.parent.iterdir()) == [path]


def test_states_come_back_exactly():
    state = {
        "best": float("nan"), "count": 3, "none": None, "pair": (1, [True, 0.1]),
        "kept": [np.arange(3, dtype=np.float32), np.float64(2.5)],
    }  # fmt: skip
    values, arrays = saving.state_to_arrays(state, "s/")
    again = saving.state_from_arrays(json.loads(json.dumps(values, allow_nan=False)), arrays)
    assert np.isnan(again.pop("best")) and again.pop("kept")[0].dtype == np.float32
    assert again == {"count": 3, "none": None, "pair": (1, [True, 0.1])}
    with pytest.raises(ConfigError, match="a state holds object"):
        saving.state_to_arrays({"x": object()}, "s/")
    with pytest.raises(ModelFileError, match="'s/7' is missing"):
        saving.state_from_arrays({"$array": "s/7"}, arrays)


def test_an_interrupted_write_leaves_the_old_file_alone(path, monkeypatch):
    model = trained()
    model.save(path)
    before = path.read_bytes()

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        trained(seed=1).save(path)
    monkeypatch.undo()
    assert path.read_bytes() == before and [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_disk_has_the_content_before_the_name(path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, name=name, real=real: (calls.append(name), real(*args))[1])
    trained().save(path)
    assert calls == ["fsync", "replace", "fsync"]


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_the_file_has_the_usual_permissions(path, monkeypatch):
    old = os.umask(0o027)
    try:
        trained().save(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        with monkeypatch.context() as patch:  # another thread may make files meanwhile
            patch.setattr(os, "umask", lambda mask: pytest.fail("the mask of the process is touched"))
            trained().save(path)
    finally:
        os.umask(old)


def test_platforms_without_a_mask_or_flushed_folders_write_all_the_same(path, monkeypatch):
    real = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(9, "Bad file descriptor")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.delattr(os, "umask")
    model = trained()
    model.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    np.testing.assert_array_equal(load_model(path).predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_missing_folder_is_named(tmp_path):
    for call in (trained().save, trained().save_weights):
        with pytest.raises(ModelFileError, match=r"absent/model\.safetensors: the folder .* does not exist"):
            call(tmp_path / "absent" / "model.safetensors")
