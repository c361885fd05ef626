"""What a unit test of a Keras layer asks: frozen weights, masks, configs, calls with options, kinds of inputs."""

import json

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, Sequential, layers
from nnlite.errors import ShapeError
from nnlite.layers import Layer
from nnlite.models import load_model

x = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)


class Combined(Layer):
    def call(self, a, b, scale=1.0):
        return a * scale + b


class Expansion(Layer):
    def __init__(self, units, activation=None, rate=0.5, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units)
        self.activation = layers.Activation(activation)
        self.drop = layers.Dropout(rate)

    def call(self, inputs):
        return self.drop(self.activation(self.dense(inputs)))


@pytest.mark.parametrize(
    "layer",
    [layers.Dense(2), layers.BatchNormalization(), layers.SimpleRNN(2), Expansion(2), Sequential([layers.Dense(1)])],
)
def test_the_weights_of_a_frozen_layer_are_not_trainable(layer):
    layer(np.ones((2, 5, 3) if isinstance(layer, layers.SimpleRNN) else (2, 3)))
    before = [weight.trainable for weight in layer.weights]
    layer.trainable = False
    assert not any(weight.trainable for weight in layer.weights)
    assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == (0, len(layer.weights))
    layer.trainable = True
    assert [weight.trainable for weight in layer.weights] == before


def test_a_single_weight_is_frozen():
    model = Sequential([layers.Dense(2, name="first"), layers.Dense(1)])
    model.build((None, 3))
    first = model.layers[0]
    first.kernel.trainable = False
    kernel, bias = first.kernel.numpy(), first.bias.numpy()
    model.compile("sgd", "mse")
    model.fit(x, np.ones((4, 1)), verbose=0)
    np.testing.assert_array_equal(first.kernel, kernel)
    assert (first.bias.numpy() != bias).all()
    assert len(model.trainable_weights) == 3


@pytest.mark.parametrize("layer", [layers.Flatten(), layers.Reshape((6,)), layers.Conv1D(2, 2), layers.Rescaling(2.0)])
def test_compute_mask_hands_on_the_mask(layer):
    mask = np.array([[True, False]])
    assert layer.compute_mask(np.ones((1, 2, 3)), mask) is mask


@pytest.mark.parametrize("cls", [layers.SimpleRNN, layers.GRU, layers.LSTM])
def test_configs_of_recurrent_layers_have_what_keras_has(cls):
    config = cls(2).get_config()
    assert not {"batch_size", "implementation", "use_cudnn"} & config.keys()
    assert cls.from_config(cls(2, batch_size=3).get_config()).batch_size == 3


def test_options_of_a_call_beside_several_data():
    np.testing.assert_allclose(Combined()(x, x, scale=3.0), 4 * x, rtol=1e-6)
    np.testing.assert_allclose(Combined()(x, b=x), 2 * x, rtol=1e-6)


def test_a_config_has_arguments_that_the_constructor_did_not_keep(tmp_path):
    config = Expansion(4, "relu", name="block").get_config()
    assert (config["units"], config["activation"], config["rate"], config["name"]) == (4, "relu", 0.5, "block")
    assert json.loads(json.dumps(Expansion.from_config(config).get_config())) == json.loads(json.dumps(config))
    model = Sequential([Expansion(3, activation="tanh")])
    predicted = model.predict(x, verbose=0)
    model.save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(load_model(tmp_path / "model.safetensors").predict(x, verbose=0), predicted)


def test_a_config_names_the_function_that_a_constructor_found():
    class Bend(layers.Layer):
        def __init__(self, activation="relu", **kwargs):
            super().__init__(**kwargs)
            self.activation = nnlite.activations.get(activation)

        def call(self, inputs):
            return self.activation(inputs)

    config = json.loads(json.dumps(Bend().get_config()))
    assert config["activation"] == "relu"
    assert Bend.from_config(config)(np.array([[-1.0, 2.0]])).tolist() == [[0, 2]]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"mode": "stft"},
        {"mode": "real"},
        {"padding": "same"},
        {"expand_dims": True},
        {"data_format": "channels_first"},
    ],
)
def test_the_shape_of_a_spectrogram_is_known_before_it_is_built(arguments):
    layer = layers.STFTSpectrogram(frame_length=8, frame_step=3, fft_length=16, **arguments)
    shape = (2, 1, 30) if arguments.get("data_format") else (2, 30, 1)
    assert layer.compute_output_shape(shape) == layer(np.ones(shape)).shape
    assert layer.compute_output_shape((None, *shape[1:]))[0] is None


@pytest.mark.parametrize("dtype", ["uint8", "bool", "int16", "float16"])
def test_inputs_of_any_type(dtype, tmp_path):
    images = Input((4, 4, 1), dtype=dtype)
    model = Model(images, layers.Flatten()(layers.Rescaling(0.5)(images)))
    assert (images.dtype, model.predict(np.ones((2, 4, 4, 1), dtype), verbose=0).dtype) == (dtype, np.float32)
    model.save(tmp_path / "model.safetensors")
    assert load_model(tmp_path / "model.safetensors").inputs[0].dtype == dtype
    config = images.get_config()
    assert (config["dtype"], config["optional"], layers.InputLayer.from_config(config).dtype) == (dtype, False, dtype)


def test_attributes_that_are_not_there_yet():
    dense = layers.Dense(2)
    assert not hasattr(dense, "input")
    assert getattr(dense, "output", None) is None


def test_input_specs_have_configs():
    spec = nnlite.InputSpec(ndim=2, axes={-1: 3})
    assert nnlite.InputSpec.from_config(spec.get_config()) == spec


def test_stateless_calls_of_encodings():
    layer = layers.CategoryEncoding(3)
    layer(np.array([[1]]))
    assert layer.stateless_call([], [], np.array([[1]]))[0].tolist() == [[0, 1, 0]]


def test_grouped_attention_in_files_of_keras(tmp_path):
    pytest.importorskip("h5py")
    sequence = Input((5, 4))
    model = Model(sequence, layers.GroupQueryAttention(3, 4, 2)(sequence, sequence))
    batch = np.random.default_rng(0).normal(size=(2, 5, 4))
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(batch, verbose=0), model.predict(batch, verbose=0), rtol=1e-6)


def test_sizes_are_kept_for_each_axis():
    layer = layers.Conv2D(4, 3, strides=(1, 2))
    assert (layer.kernel_size, layer.strides, layer.dilation_rate) == ((3, 3), (1, 2), (1, 1))
    assert (layer.data_format, repr(layer)) == ("channels_last", "Conv2D(filters=4, kernel_size=3, strides=(1, 2))")
    assert layers.MaxPooling3D(2).pool_size == layers.UpSampling3D(2).size == (2, 2, 2)
    assert layers.Conv1D(1, 2).to_spec()["Conv1D"]["kernel_size"] == 2


def test_an_initializer_takes_a_generator_of_seeds():
    seeds = nnlite.random.SeedGenerator(3)
    draw = nnlite.initializers.RandomNormal(seed=seeds)
    again = nnlite.initializers.RandomNormal(seed=nnlite.random.SeedGenerator(3))
    assert layers.Dense(2, kernel_initializer=draw)(x).shape == (4, 2)
    first = again((3,))
    assert (first != again((3,))).all()
    again.seed = nnlite.random.SeedGenerator(3)
    np.testing.assert_array_equal(again((3,)), first)
    again.seed = 3
    np.testing.assert_array_equal(again((3,)), again((3,)))
    assert type(draw).from_config(draw.get_config()).seed is None


def test_a_weight_of_unknown_lengths_is_refused():
    with pytest.raises(ShapeError, match=r"add_weight needs known lengths, got the shape \(None, 2\)"):
        layers.Dense(2).add_weight((None, 2))


@pytest.mark.parametrize("activation", [layers.LeakyReLU(0.5), layers.ReLU(max_value=0.5), layers.Softmax()])
def test_a_layer_is_an_activation(activation):
    dense, plain = layers.Dense(2, activation=activation), layers.Dense(2)
    dense(x), plain(x)
    plain.set_weights(dense.get_weights())
    np.testing.assert_allclose(dense.forward(x), activation.forward(plain.forward(x)), rtol=1e-6)
    np.testing.assert_array_equal(layers.Activation(activation)(x[:, :2]), activation(x[:, :2]))
    for ours, expected in zip(dense.backward(x[:, :2]), plain.backward(activation.backward(x[:, :2])), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)
