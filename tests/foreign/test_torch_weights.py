"""Weights of PyTorch: fixtures that PyTorch 2 wrote predict the same here; what does not fit is listed."""

import re
from pathlib import Path

import numpy as np
import pytest

from nnlite import Input, Model, Sequential
from nnlite.errors import ModelFileError, NotReadyError
from nnlite.layers import (
    GRU,
    LSTM,
    Add,
    BatchNormalization,
    Bidirectional,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GroupNormalization,
    LayerNormalization,
    MaxPooling2D,
    MultiHeadAttention,
    PReLU,
    ReLU,
    SimpleRNN,
)
from nnlite.saving.safetensors import encode

FOLDER = Path(__file__).parent / "of_torch"


def conv_layers():
    return [
        Conv2D(4, 3, padding="same"),
        BatchNormalization(epsilon=1e-5),
        ReLU(),
        MaxPooling2D(2),
        Conv2D(8, 3, groups=4),
        Conv2DTranspose(3, 2, 2),
        Flatten(),
        Dropout(0.2),
        Dense(5, "relu"),
        Dense(3),
    ]


def conv():
    return Sequential([Input((8, 8, 2)), *conv_layers()])


def recurrent():
    recurrent_layers = [LSTM(4, return_sequences=True, name="first"), LSTM(4, return_sequences=True, name="second")]
    recurrent_layers += [Bidirectional(GRU(3, return_sequences=True)), SimpleRNN(2)]
    return Sequential([Input((6, 3)), *recurrent_layers, Dense(2)])


def attention():
    x = Input((5,), dtype="int32")
    embedded = Embedding(9, 6)(x)
    attended = MultiHeadAttention(2, 3)((embedded, embedded))
    summed = LayerNormalization(epsilon=1e-5)(Add()([embedded, attended]))
    return Model(x, Dense(2)(GlobalAveragePooling1D()(summed)))


def sequence():
    return Sequential(
        [Input((6, 2)), Conv1D(4, 3), PReLU(shared_axes=[1]), GroupNormalization(2, epsilon=1e-5), Flatten(), Dense(2)]
    )


@pytest.mark.parametrize("build", [conv, recurrent, attention, sequence])
def test_a_state_dict_predicts_as_pytorch_did(build):
    with np.load(FOLDER / f"{build.__name__}.npz") as file:
        x, y = file["x"], file["y"]
    model = build()
    mapping = {"body.0": "conv1d", "body.1": "p_re_lu", "body.2": "group_normalization", "body.4": "dense"}
    model.load_torch(FOLDER / f"{build.__name__}.safetensors", mapping if build is sequence else None)
    np.testing.assert_allclose(model.predict(x, verbose=0), y, rtol=1e-5, atol=1e-6)


class Chain(Sequential):
    """A class of the user."""


class OfLayers(Model):
    def __init__(self, layers):
        super().__init__()
        self.parts = layers[1:]

    def call(self, inputs):
        for layer in self.parts:
            inputs = layer(inputs)
        return inputs


@pytest.mark.parametrize("kind", [Chain, OfLayers])
def test_classes_of_the_user_take_a_state_dict_too(kind):
    with np.load(FOLDER / "conv.npz") as file:
        x, y = file["x"], file["y"]
    model = kind([Input((8, 8, 2)), *conv_layers()])
    model(x)
    model.load_torch(FOLDER / "conv.safetensors")
    np.testing.assert_allclose(model.predict(x, verbose=0), y, rtol=1e-5, atol=1e-6)


def chain(*units, **options):
    return Sequential([Input((3,)), *[Dense(count, **options) for count in units]], name="chain")


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def linear(outputs, inputs, number=0.0):
    return np.full((outputs, inputs), number), np.full(outputs, number)


def test_numbers_in_names_give_the_order(tmp_path):
    arrays = {}
    for place in range(11):
        arrays[f"{place}.weight"], arrays[f"{place}.bias"] = linear(3, 3, place)
    model = chain(*[3] * 11)
    model.load_torch(save(tmp_path / "w.npz", **arrays))
    assert [layer.get_weights()[1][0] for layer in model.layers] == list(range(11))


def test_names_of_layers_and_arrays_of_nnlite(tmp_path):
    model = chain(2, 2)
    arrays = {f"{layer.name}.{weight.name}": weight.value + 1 for layer in model.layers for weight in layer.weights}
    expected = [weight + 1 for weight in model.get_weights()]
    (tmp_path / "w.safetensors").write_bytes(encode(arrays))
    model.load_torch(tmp_path / "w.safetensors")
    for own, other in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(own, other)


def test_a_mapping_decides_what_shapes_cannot(tmp_path):
    (a, b), (c, d) = linear(3, 3, 1), linear(3, 3, 2)
    path = save(tmp_path / "w.npz", **{"zeta.weight": a, "zeta.bias": b, "alpha.weight": c, "alpha.bias": d})
    model = chain(3, 3)
    with pytest.raises(ModelFileError, match="dense, dense_1 may be alpha, zeta: say which by mapping"):
        model.load_torch(path)
    model.load_torch(path, {"zeta": "dense", "alpha": "dense_1"})
    assert [layer.get_weights()[1][0] for layer in model.layers] == [1, 2]


def test_all_that_does_not_fit_is_in_one_error_and_nothing_changes(tmp_path):
    (a, b), (c, d) = linear(2, 3), linear(4, 5)
    path = save(tmp_path / "w.npz", **{"0.weight": a, "0.bias": b, "other.weight": c, "other.bias": d})
    model = chain(2, 4)
    before = model.get_weights()
    with pytest.raises(ModelFileError) as raised:
        model.load_torch(path)
    message = str(raised.value)
    assert re.search(r"missing: dense_1 \(kernel \(2, 4\), bias \(4,\)\)", message)
    assert re.search(r"left over: other \(weight \(4, 5\), bias \(4,\)\)", message)
    with pytest.raises(ModelFileError, match=r"other gives kernel of dense_1 as \(5, 4\), needed \(2, 4\)"):
        model.load_torch(path, {"0": "dense", "other": "dense_1"})
    with pytest.raises(ModelFileError) as raised:
        model.load_torch(path, {"0": "dens"})
    assert all(
        text in str(raised.value) for text in ("'dens'", "missing: modules for dense, dense_1", "left over: other")
    )
    for own, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(own, other)


def test_files_that_are_not_read(tmp_path):
    model = chain(2)
    for content, error in (
        (b"\x80\x02}q\x00.", "is a pickle"),
        (b"", "safetensors|header|bytes"),
        (b"PK\x03\x04", "cannot be read"),
    ):
        (tmp_path / "w.pt").write_bytes(content)
        with pytest.raises(ModelFileError, match=error):
            model.load_torch(tmp_path / "w.pt")
    with pytest.raises(ModelFileError, match=r"none\.safetensors: No such file"):
        model.load_torch(tmp_path / "none.safetensors")
    np.savez(tmp_path / "o.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ModelFileError, match="cannot be read"):
        model.load_torch(tmp_path / "o.npz")
    np.savez(tmp_path / "d.npz", a=np.zeros(3))
    content = bytearray((tmp_path / "d.npz").read_bytes())
    content[content.index(b"PK\1\2") + 10] = 99  # a way to compress that Python lacks
    (tmp_path / "d.npz").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"d\.npz: cannot be read"):
        model.load_torch(tmp_path / "d.npz")
    with pytest.raises(NotReadyError):
        Sequential([Dense(2)]).load_torch(tmp_path / "o.npz")


def test_a_zip_of_pytorch_is_no_npz(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "w.pt", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
    with pytest.raises(ModelFileError, match=r"safetensors\.torch\.save_file"):
        chain(2).load_torch(tmp_path / "w.pt")
