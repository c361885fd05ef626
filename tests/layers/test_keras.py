"""Outputs, gradients and running statistics against Keras 3 on JAX, above all where PyTorch has no twin."""

import os

import numpy as np
import pytest
from numeric import EXACT, relative_error

from nnlite.layers import (
    GRU,
    LSTM,
    AveragePooling2D,
    BatchNormalization,
    Bidirectional,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    DepthwiseConv2D,
    EinsumDense,
    GroupNormalization,
    LayerNormalization,
    MaxPooling2D,
    MultiHeadAttention,
    SeparableConv2D,
    SimpleRNN,
    UpSampling2D,
)

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ["JAX_ENABLE_X64"] = "1"
jax = pytest.importorskip("jax")
keras = pytest.importorskip("keras")
jax.config.update("jax_enable_x64", True)
keras.config.set_floatx("float64")
keras.config.set_dtype_policy("float64")

SINGLE = 3e-6  # Keras computes moments, tanh and softmax in single precision, whatever the layer's dtype
SEQUENCES = [(2, 5, 3), (1, 4, 2), (3, 1, 4), (4, 7, 1), (2, 2, 2)]
IMAGES = [(2, 5, 6, 2), (1, 4, 4, 4), (3, 3, 7, 2), (2, 8, 5, 2), (1, 6, 6, 2)]
VOLUMES = [(2, 4, 3, 5, 2), (1, 3, 3, 3, 2), (1, 5, 4, 4, 2), (2, 3, 5, 4, 1), (1, 4, 6, 3, 3)]
RECURRENT = [
    (kind, {"units": 3, **options})
    for kind, options in [
        (GRU, {"reset_after": False, "return_sequences": True}),
        (GRU, {"reset_after": True, "go_backwards": True}),
        (LSTM, {"return_sequences": True}),
        (LSTM, {"unit_forget_bias": False, "go_backwards": True, "return_sequences": True}),
        (SimpleRNN, {"activation": "tanh"}),
    ]
]
SPATIAL = [
    (Conv1D, {"filters": 3, "kernel_size": 3, "padding": "same", "strides": 2}, SEQUENCES),
    (Conv1D, {"filters": 2, "kernel_size": 2, "padding": "causal", "dilation_rate": 2}, SEQUENCES),
    (Conv1DTranspose, {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"}, SEQUENCES),
    (Conv2D, {"filters": 4, "kernel_size": (3, 2), "padding": "same", "strides": 2}, IMAGES),
    (Conv2D, {"filters": 4, "kernel_size": 2, "padding": "same", "groups": 2}, IMAGES),
    (Conv2DTranspose, {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "valid"}, IMAGES),
    (DepthwiseConv2D, {"kernel_size": 3, "padding": "same", "depth_multiplier": 2}, IMAGES),
    (SeparableConv2D, {"filters": 3, "kernel_size": 3, "padding": "same"}, IMAGES),
    (Conv3D, {"filters": 2, "kernel_size": 2, "padding": "same", "strides": 2}, VOLUMES),
    (MaxPooling2D, {"pool_size": 3, "strides": 2, "padding": "same"}, IMAGES),
    (AveragePooling2D, {"pool_size": 3, "strides": 2, "padding": "same"}, IMAGES),
    (UpSampling2D, {"size": (2, 3)}, IMAGES),
]
OTHERS = [
    (LayerNormalization, {}, SEQUENCES),
    (GroupNormalization, {"groups": 1}, SEQUENCES),
    (EinsumDense, {"equation": "abc,cd->abd", "output_shape": (None, 3), "bias_axes": "d"}, SEQUENCES),
]


pytestmark = pytest.mark.usefixtures("double_precision")


def wrapped(kind, options, dtype="float64"):
    """The layer of nnlite and that of Keras."""
    return kind(**options), getattr(keras.layers, kind.__name__)(**options, dtype=dtype)


def compare(own, twin, inputs, mask=None, training=False, tolerance=EXACT):
    """Outputs, and the gradients of a random linear function of them, of both layers with the same weights."""
    random = np.random.default_rng(0)
    own._ensure_built((None, *inputs.shape[1:]))
    twin.build(inputs.shape)
    for parameter in own.parameters:
        drawn = random.normal(size=parameter.shape)
        parameter.assign(np.abs(drawn) + 0.5 if "variance" in parameter.name else drawn)
    twin.set_weights(own.get_weights())
    trained, state = (
        [weight.value for weight in group] for group in (twin.trainable_variables, twin.non_trainable_variables)
    )
    options = {} if mask is None else {"mask": mask}
    if isinstance(own, (BatchNormalization, LSTM, GRU, SimpleRNN)):
        options["training"] = training

    def call(values, x):
        return twin.stateless_call(values, state, x, **options)

    (expected, new_state) = call(trained, inputs)
    output = own.forward(inputs.astype(np.float64), training=training, mask=mask)
    assert relative_error(output, expected) <= tolerance
    upstream = random.normal(size=output.shape).astype(expected.dtype)
    (by_weights, by_inputs) = jax.grad(lambda values, x: (call(values, x)[0] * upstream).sum(), (0, 1))(trained, inputs)
    found = own.backward(upstream)
    found = found if isinstance(found, tuple) else (found,)
    assert relative_error(found[0], by_inputs) <= tolerance
    gradients = [gradient for gradient in found[1:] if gradient is not None]
    assert len(gradients) == len(by_weights)
    for gradient, wanted in zip(gradients, by_weights, strict=True):
        assert relative_error(gradient, wanted) <= tolerance
    return new_state


@pytest.mark.parametrize(
    ("kind", "options", "shapes"), [*SPATIAL, *OTHERS], ids=lambda value: getattr(value, "__name__", None)
)
@pytest.mark.parametrize("place", range(5))
def test_layer(kind, options, shapes, place):
    tolerance = SINGLE if "Normalization" in kind.__name__ else EXACT
    inputs = np.random.default_rng(place).normal(size=shapes[place])
    compare(*wrapped(kind, options), inputs, tolerance=tolerance)


@pytest.mark.parametrize(("kind", "options"), RECURRENT, ids=str)
@pytest.mark.parametrize("shape", SEQUENCES, ids=str)
@pytest.mark.parametrize("masked", [False, True])
def test_recurrent(kind, options, shape, masked):
    random = np.random.default_rng(1)
    mask = random.random(shape[:2]) < 0.7 if masked else None
    if masked:
        mask[0] = False  # a row that is masked as a whole
    inputs = random.normal(size=shape).astype(np.float32)
    compare(*wrapped(kind, options, "float32"), inputs, mask, tolerance=SINGLE)


@pytest.mark.parametrize("mode", ["concat", "sum", "ave", "mul"])
def test_bidirectional_with_a_mask(mode):
    random = np.random.default_rng(2)
    own = Bidirectional(LSTM(3, return_sequences=True), merge_mode=mode)
    twin = keras.layers.Bidirectional(
        keras.layers.LSTM(3, return_sequences=True, dtype="float32"), merge_mode=mode, dtype="float32"
    )
    compare(own, twin, random.normal(size=(3, 5, 2)), random.random((3, 5)) < 0.7, tolerance=SINGLE)


@pytest.mark.parametrize("shape", [(6, 3), (4, 5, 2), (3, 2, 2, 4), (5, 1), (2, 3, 3)], ids=str)
def test_batch_normalization_and_its_statistics(shape):
    options = {"momentum": 0.8, "epsilon": 0.01}
    own, twin = wrapped(BatchNormalization, options)
    state = compare(own, twin, np.random.default_rng(3).normal(size=shape) * 3 + 1, training=True, tolerance=SINGLE)
    for parameter, expected in zip(own.parameters[2:], state, strict=True):
        assert relative_error(parameter.value, expected) <= SINGLE


@pytest.mark.parametrize("shape", SEQUENCES, ids=str)
@pytest.mark.parametrize("causal", [False, True])
def test_attention(shape, causal):
    own = MultiHeadAttention(2, 3, value_dim=3, use_causal_mask=causal)
    twin = keras.layers.MultiHeadAttention(2, 3, value_dim=3, dtype="float64")
    inputs, random = np.random.default_rng(4).normal(size=shape), np.random.default_rng(5)
    own._ensure_built((None, *shape[1:]))
    twin.build(query_shape=shape, value_shape=shape)
    for parameter in own.parameters:
        parameter.assign(random.normal(size=parameter.shape))
    twin.set_weights(own.get_weights())
    expected = twin(inputs, inputs, use_causal_mask=causal)
    assert relative_error(own(inputs), expected) <= SINGLE
