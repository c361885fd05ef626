"""Configs of layers: in Keras's terms for programs, as they were given for files; and what layers say of masks."""

import json

import numpy as np
import pytest

from nnlite import Input, Sequential, layers
from nnlite.backend import clear_session
from nnlite.errors import ConfigError
from nnlite.layers import Layer
from nnlite.registry import register_keras_serializable

POLICY = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}
ZEROS = {"module": "keras.initializers", "class_name": "Zeros", "config": {}, "registered_name": None}

# What Keras 3.15.1 has in `get_config()` of these layers.
RECORDED = [
    (layers.Dense(3, "relu"), {"activation": "relu", "bias_initializer": ZEROS, "dtype": POLICY, "trainable": True}),
    (layers.Dense(3), {"activation": "linear", "units": 3, "kernel_regularizer": None}),
    (
        layers.Dense(3, kernel_regularizer="l2"),
        {
            "kernel_regularizer": {
                "module": "keras.regularizers",
                "class_name": "L2",
                "config": {"l2": 0.01},
                "registered_name": None,
            }
        },
    ),
    (layers.Activation("exponential"), {"activation": "exponential"}),
    (layers.Activation("silu"), {"activation": "silu"}),
    (layers.Conv1D(4, 3), {"kernel_size": (3,), "strides": (1,), "dilation_rate": (1,)}),
    (
        layers.Conv2D(4, 3, 2),
        {"kernel_size": (3, 3), "strides": (2, 2), "data_format": "channels_last", "activity_regularizer": None},
    ),
    (layers.Conv3D(4, (1, 2, 3)), {"kernel_size": (1, 2, 3), "strides": (1, 1, 1)}),
    (layers.Conv2DTranspose(4, 3, output_padding=0), {"output_padding": (0, 0)}),
    (layers.Conv2DTranspose(4, 3), {"output_padding": None}),
    (layers.MaxPooling1D(3), {"pool_size": (3,), "strides": (3,)}),
    (layers.AveragePooling2D(2, 1), {"pool_size": (2, 2), "strides": (1, 1)}),
    (layers.UpSampling1D(2), {"size": 2}),
    (layers.UpSampling2D(2), {"size": (2, 2)}),
    (layers.ZeroPadding1D(2), {"padding": (2, 2)}),
    (layers.ZeroPadding2D((1, 2)), {"padding": ((1, 1), (2, 2))}),
    (layers.Cropping3D(1), {"cropping": ((1, 1), (1, 1), (1, 1))}),
    (layers.ConvLSTM2D(4, 3), {"kernel_size": (3, 3), "activation": "tanh", "recurrent_activation": "sigmoid"}),
    (layers.LSTM(3), {"activation": "tanh", "recurrent_activation": "sigmoid", "activity_regularizer": None}),
    (layers.Flatten(), {"data_format": "channels_last"}),
    (layers.Normalization(), {"axis": (-1,)}),
    (layers.Normalization(axis=None), {"axis": ()}),
]


@pytest.mark.parametrize(("layer", "expected"), RECORDED, ids=lambda item: repr(item)[:40])
def test_configs_are_keras_s(layer, expected):
    config = layer.get_config()
    assert {key: config[key] for key in expected} == expected
    assert {key: type(config[key]) for key in expected} == {key: type(value) for key, value in expected.items()}


@pytest.mark.parametrize("layer", [layer for layer, _ in RECORDED], ids=repr)
def test_configs_make_the_same_layer(layer):
    twin = type(layer).from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    read = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    assert json.dumps(read.get_config()) == json.dumps(layer.get_config())


def test_files_hold_what_was_given():
    given = {"kernel_size": 3, "strides": 1, "data_format": None, "activation": None, "name": None, "dtype": None}
    assert given.items() <= layers.Conv2D(4, 3).to_spec()["Conv2D"].items()
    outer = layers.TimeDistributed(layers.Dense(2)).to_spec()["TimeDistributed"]
    assert outer["layer"]["Dense"]["name"] is None


def test_a_layer_inside_is_written_as_keras_writes_it():
    config = layers.Bidirectional(layers.GRU(3)).get_config()
    inner = config["layer"]
    assert {key: inner[key] for key in ("module", "class_name", "registered_name")} == {
        "module": "keras.layers",
        "class_name": "GRU",
        "registered_name": None,
    }
    assert inner["config"]["activation"] == "tanh"
    assert layers.Bidirectional.from_config(config).layer.units == 3


def test_a_serialized_layer_is_built_again():
    dense = layers.Dense(2)
    dense.build((None, 3))
    document = layers.serialize(dense)
    assert document["build_config"] == {"input_shape": (None, 3)}
    twin = layers.deserialize(document)
    assert twin.built and twin.kernel.shape == (3, 2)
    assert not layers.deserialize(layers.serialize(layers.Dense(2))).built


def test_a_function_without_a_name_stands_for_itself():
    layer = layers.Lambda(lambda inputs, factor: factor * inputs, arguments={"factor": 3.0})
    twin = layers.Lambda.from_config(layer.get_config())
    assert twin(np.ones((1, 2))).tolist() == [[3.0, 3.0]]


def test_a_class_of_the_user_writes_its_own_part():
    @register_keras_serializable("tests")
    class Scaled(Layer):
        def __init__(self, factor=2.0, inner=None, **kwargs):
            super().__init__(**kwargs)
            self.factor, self.inner = factor, inner

        def get_config(self):
            return {**super().get_config(), "factor": self.factor, "inner": layers.serialize(self.inner)}

        @classmethod
        def from_config(cls, config):
            return cls(**{**config, "inner": layers.deserialize(config["inner"])})

        def call(self, inputs):
            return self.inner(inputs) * self.factor

    layer = Scaled(3.0, layers.Dense(2))
    config = layer.get_config()
    assert config["factor"] == 3.0 and config["inner"]["config"]["units"] == 2 and config["dtype"] == POLICY
    assert layers.serialize(layer)["registered_name"] == "tests>Scaled"
    Scaled.__module__ = "__main__"  # of the program itself, which no file can import
    assert layers.serialize(layer)["module"] is None
    assert layers.deserialize(layers.serialize(layer)).inner.units == 2
    model = Sequential([Input((3,)), layer], seed=0)
    twin = Sequential.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    x = np.ones((2, 3), "float32")
    assert (twin.predict(x, verbose=0) == model.predict(x, verbose=0)).all()


def test_declared_arguments_are_in_the_config_of_a_class_that_writes_more_of_it():
    class Declared(Layer):
        factor: float = 2.0

        def call(self, inputs):
            return inputs * self.factor

        def get_config(self):
            return {**super().get_config(), "trainable": False}

    model = Sequential([Input((3,)), Declared(5.0)], seed=0)
    again = Sequential.from_config(model.get_config(), custom_objects={"Declared": Declared}).layers[-1]
    assert (again.factor, again.trainable) == (5.0, False)


def test_a_policy_in_keras_form():
    config = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}
    layer = layers.Dense(2, dtype=config)
    assert (layer.dtype_policy.name, layer.dtype) == ("mixed_float16", "float32")


@pytest.mark.parametrize(
    ("layer", "supports"),
    [
        (layers.LSTM(2), True),
        (layers.Bidirectional(layers.LSTM(2)), True),
        (layers.Embedding(3, 2), False),
        (layers.Embedding(3, 2, mask_zero=True), True),
        (layers.Masking(), True),
        (layers.Add(), True),
        (layers.Concatenate(), True),
        (layers.Dot(1), True),
        (layers.Attention(), True),
        (layers.GlobalAveragePooling1D(), True),
        (layers.GlobalMaxPooling1D(), False),
        (layers.ConvLSTM2D(2, 2), True),
        (layers.Dense(2), True),
        (layers.Conv1D(2, 2), False),
        (layers.Flatten(), False),
    ],
    ids=repr,
)
def test_supports_masking_as_in_keras(layer, supports):
    assert layer.supports_masking is supports


def test_what_takes_a_mask_need_not_hand_it_on():
    steps = np.array([[[1.0], [2.0], [0.0]]], "float32")
    model = Sequential([layers.Masking(), layers.LSTM(2), layers.Dense(1)], seed=0)
    model.build((None, None, 1))
    assert np.allclose(model.predict(steps, verbose=0), model.predict(steps[:, :2], verbose=0))
    assert layers.LSTM(2).compute_mask(steps, np.array([[True, True, False]])) is None
    sequences = layers.LSTM(2, return_sequences=True)
    assert sequences.compute_mask(steps, np.array([[True, True, False]])).tolist() == [[True, True, False]]


def test_a_layer_has_a_name_as_soon_as_it_is_asked_for_one():
    clear_session()
    first, second, named = layers.Dense(2), layers.Dense(2), layers.Dense(2, name="head")
    assert (first.name, second.name, named.name) == ("dense", "dense_1", "head")
    assert layers.Conv2D(2, 3).name == "conv2d" and layers.MaxPooling2D().name == "max_pooling2d"
    assert first.path is None and repr(first) == "Dense(units=2)" and first.to_spec()["Dense"]["name"] is None
    assert layers.Dense(2).to_spec()["Dense"]["name"] is None


def test_a_model_numbers_its_layers_and_keeps_names_that_are_known():
    clear_session()
    known = [layers.Dense(2) for _ in range(3)]
    assert [layer.name for layer in known] == ["dense", "dense_1", "dense_2"]
    model = Sequential([Input((2,)), layers.Dense(2), known[2]], seed=0)
    assert [layer.name for layer in model.layers] == ["dense", "dense_2"]
    model.add(known[0])  # its name is that of another layer by now
    assert [layer.name for layer in model.layers] == ["dense", "dense_2", "dense_1"]
    with pytest.raises(ConfigError, match="names must be unique"):
        model.add(layers.Dense(2, name="dense"))


def test_a_layer_knows_its_type_before_it_is_built():
    assert layers.Dense(2).dtype == layers.Dense(2).compute_dtype == layers.Dense(2).variable_dtype == "float32"
    outer = Sequential([Input((2,)), layers.Dense(2)], dtype="float64")
    assert outer.layers[0].dtype == "float64"


def test_an_activation_has_the_name_of_its_function():
    assert layers.Dense(2, "relu").activation.__name__ == "relu"
    assert layers.Dense(2, "silu").activation.__name__ == "silu"
    assert layers.Activation(halved).activation.__name__ == "halved"
    assert layers.Activation(layers.Activation("exponential").activation).activation.__name__ == "exponential"


def halved(values):
    return values / 2


def test_an_input_knows_its_type():
    assert Input((3,)).dtype == "float32" and Input((3,), dtype="int32").dtype == "int32"
    assert Input((3,)).to_spec()["Input"]["dtype"] is None


def test_factors_of_a_rotation_are_both_bounds():
    config = layers.RandomRotation(0.25).get_config()
    assert config["factor"] == (-0.25, 0.25)
    assert layers.RandomRotation.from_config(config).factor == (-0.25, 0.25)


def test_brightness_takes_a_data_format():
    first = layers.RandomBrightness(0.2, seed=1, data_format="channels_first")
    last = layers.RandomBrightness(0.2, seed=1)
    images = np.full((2, 3, 4, 3), 100.0, "float32")
    assert (first(images, training=True) == last(images, training=True)).all()
    assert last.get_config()["data_format"] == "channels_last"
