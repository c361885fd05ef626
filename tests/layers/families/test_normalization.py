"""Normalizing layers: against PyTorch, masks, renormalization, frozen layers, spectral norms, refused arguments."""

import numpy as np
import pytest
from draws import normal
from numeric import EXACT, complex_step, relative_error
from torch_parity import assert_same, channels_first, functional, needs_torch

from nnlite.config import set_floatx
from nnlite.errors import ConfigError, ShapeError
from nnlite.layers import (
    BatchNormalization,
    Dense,
    Flatten,
    GroupNormalization,
    Input,
    LayerNormalization,
    RMSNormalization,
    SpectralNormalization,
    UnitNormalization,
)
from nnlite.models import Sequential
from nnlite.random import RandomSource

pytestmark = pytest.mark.usefixtures("double_precision")


def built(layer, shape):
    layer._ensure_built((None, *shape[1:]), RandomSource(3))
    for number, parameter in enumerate(layer.parameters):
        if parameter.trainable:
            parameter.assign(normal(*parameter.shape, seed=number + 1))
    return layer


@needs_torch
@pytest.mark.parametrize(
    ("shape", "groups"), [((4, 6), 3), ((3, 5, 4), 2), ((2, 4, 5, 6), 6), ((1, 3, 3, 8), 1), ((5, 2, 1, 3, 4), 4)]
)
def test_group_normalization_is_that_of_torch(shape, groups):
    layer = built(GroupNormalization(groups, epsilon=1e-5), shape)

    def twin(x, gamma, beta):
        return functional.group_norm(x, groups, gamma, beta, 1e-5)

    assert_same(layer, normal(*shape), channels_first(twin))


@needs_torch
@pytest.mark.parametrize(
    ("shape", "axis"), [((4, 6), -1), ((3, 5, 4), -1), ((3, 5, 4), (1, 2)), ((1, 7), -1), ((2, 3, 1, 4), (-2, -1))]
)
def test_rms_normalization_is_that_of_torch(shape, axis):
    def twin(x, scale):
        return functional.rms_norm(x, tuple(scale.shape), scale, 1e-6)

    assert_same(built(RMSNormalization(axis), shape), normal(*shape), twin)


@needs_torch
@pytest.mark.parametrize("shape", [(4, 6), (3, 5, 4), (1, 7), (2, 3, 1, 4), (2, 1)])
def test_unit_normalization_is_that_of_torch(shape):
    assert_same(UnitNormalization(), normal(*shape), lambda x: functional.normalize(x, dim=-1))


def test_unit_normalization_of_zeros_and_over_several_axes():
    assert UnitNormalization()(np.zeros((2, 3))).tolist() == np.zeros((2, 3)).tolist()
    lengths = np.sqrt((UnitNormalization(axis=(1, 2))(normal(4, 3, 2)) ** 2).sum(axis=(1, 2)))
    assert relative_error(lengths, np.ones(4)) <= EXACT


def test_one_group_is_layer_and_one_per_feature_is_instance_normalization():
    inputs = normal(3, 5, 4)
    layer = LayerNormalization(axis=(1, 2), center=False, scale=False)
    assert relative_error(GroupNormalization(1)(inputs), layer(inputs)) <= EXACT
    expected = (inputs - inputs.mean(1, keepdims=True)) / np.sqrt(inputs.var(1, keepdims=True) + 1e-3)
    assert relative_error(GroupNormalization(-1)(inputs), expected) <= EXACT


def test_batch_normalization_over_several_axes_normalizes_each_pair():
    inputs = normal(20, 3, 2)
    outputs = BatchNormalization(axis=(1, 2), epsilon=1e-12)(inputs, training=True)
    assert relative_error(outputs.mean(axis=0), np.zeros((3, 2))) <= EXACT
    assert relative_error(outputs.var(axis=0), np.ones((3, 2))) <= 1e-10


MASK = np.array([[True, True, False], [True, False, False], [True, True, True], [False, False, False]])


def test_masked_moments_are_those_of_the_entries_that_count():
    inputs = normal(4, 3, 2)
    layer = built(BatchNormalization(momentum=0.0), inputs.shape)
    output, jacobians = layer.linearize(inputs, *layer.values, training=True, mask=MASK)
    kept = inputs[MASK]
    assert relative_error(jacobians.state[0], kept.mean(axis=0)) <= EXACT
    assert relative_error(jacobians.state[1], kept.var(axis=0)) <= EXACT
    alone = layer.linearize(kept, *layer.values, training=True)[0]
    assert relative_error(output[MASK], alone) <= EXACT


def test_a_mask_without_any_entry_leaves_finite_numbers():
    inputs = normal(4, 3, 2)
    layer = built(BatchNormalization(), inputs.shape)
    output, jacobians = layer.linearize(inputs, *layer.values, training=True, mask=np.zeros((4, 3), bool))
    assert np.isfinite(output).all()
    assert np.isfinite(jacobians.vjp(np.ones_like(output))[0]).all()


@pytest.mark.parametrize("mask", [np.ones((4, 2), bool), np.full((4, 3), -1.0)], ids=["shape", "sign"])
def test_a_wrong_mask_is_refused(mask):
    layer = built(BatchNormalization(name="bn"), (4, 3, 2))
    with pytest.raises(ShapeError, match=r"layer 'bn' .* needs a mask of booleans"):
        layer.linearize(normal(4, 3, 2), *layer.values, training=True, mask=mask)


def renormalized(inputs, clipping=None):
    layer = BatchNormalization(renorm=True, renorm_clipping=clipping, renorm_momentum=0.9, momentum=0.5)
    built(layer, inputs.shape)
    for parameter, value in zip(layer.parameters[2:], (0.1, 2.0, 0.3, 1.5), strict=True):
        parameter.assign(np.full(parameter.shape, value))
    return layer


@pytest.mark.parametrize(
    "clipping",
    [None, {"rmax": 1.0, "rmin": 1.0, "dmax": 0.0}],
    ids=["free", "clipped away"],
)
def test_renormalized_outputs_follow_the_running_moments_unless_clipped(clipping):
    inputs = normal(6, 3)
    layer = renormalized(inputs, clipping)
    gamma, beta = layer.values[:2]
    output, jacobians = layer.linearize(inputs, *layer.values, training=True)
    mean, deviation = inputs.mean(axis=0), np.sqrt(inputs.var(axis=0) + 1e-3)
    wanted = (inputs - 0.3) / 1.5 if clipping is None else (inputs - mean) / deviation
    assert relative_error(output, wanted * gamma + beta) <= EXACT
    assert relative_error(jacobians.state[0], 0.5 * 0.1 + 0.5 * mean) <= EXACT
    assert relative_error(jacobians.state[1], 0.5 * 2.0 + 0.5 * inputs.var(axis=0)) <= EXACT
    assert relative_error(jacobians.state[2], 0.9 * 0.3 + 0.1 * mean) <= EXACT
    assert relative_error(jacobians.state[3], 0.9 * 1.5 + 0.1 * deviation) <= EXACT


def test_renormalization_takes_its_corrections_for_constants():
    inputs = normal(6, 3)
    layer = renormalized(inputs, {"rmax": 1.2, "dmax": 0.1})
    factor = np.clip(np.sqrt(inputs.var(axis=0) + 1e-3) / 1.5, 0, 1.2)
    plain = built(BatchNormalization(), inputs.shape)
    plain.parameters[0].assign(layer.values[0] * factor)
    found = layer.linearize(inputs, *layer.values, training=True)[1][0].todense()
    assert relative_error(found, plain.linearize(inputs, *plain.values, training=True)[1][0].todense()) <= EXACT
    arrays = [inputs, *layer.values]
    for index in range(3):
        dense = complex_step(lambda *changed: layer.linearize(*changed, training=True)[0], arrays, index)
        assert relative_error(layer.linearize(*arrays, training=True)[1][index].todense(), dense) <= EXACT


def test_a_frozen_batch_normalization_neither_uses_nor_changes_the_moments_of_the_batch():
    inputs = normal(6, 3)
    layer = built(BatchNormalization(trainable=False), inputs.shape)
    np.testing.assert_array_equal(layer(inputs, training=True), layer(inputs))
    assert layer.linearize(inputs, *layer.values, training=True)[1].state == ()
    assert layer.trainable_weights == []


def largest_singular_value(kernel):
    return np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]


def test_spectral_normalization_divides_by_the_largest_singular_value():
    layer = SpectralNormalization(Dense(4), power_iterations=50)
    inputs = normal(5, 3)
    layer(inputs, training=True), layer(inputs, training=True)
    kernel, bias = layer.layer.kernel.value, layer.layer.bias.value
    assert relative_error(layer(inputs), inputs @ kernel / largest_singular_value(kernel) + bias) <= 1e-9


def test_a_new_layer_knows_its_largest_singular_value_well():
    layer = SpectralNormalization(Dense(30, use_bias=False))
    inputs = np.eye(20)
    layer._ensure_built((None, 20), RandomSource(0))
    assert 1 <= largest_singular_value(layer(inputs)) < 1.05


def test_spectral_normalization_keeps_the_kernel_and_follows_it():
    layer = SpectralNormalization(Dense(4))
    inputs = normal(5, 3)
    layer(inputs)
    kernel = layer.layer.kernel.value.copy()
    layer.layer.kernel.assign(normal(3, 4, seed=5))
    before = layer.vector_u.value.copy()
    for _ in range(200):
        layer(inputs, training=True)
    np.testing.assert_array_equal(layer.layer.kernel.value, normal(3, 4, seed=5))
    assert not np.allclose(before, layer.vector_u.value)
    found = np.sqrt(((layer.layer.kernel.value @ layer.vector_u.value[0]) ** 2).sum())
    assert abs(found - largest_singular_value(layer.layer.kernel.value)) <= 1e-10
    assert kernel.shape == (3, 4)


@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (1, 5), (5, 1), (6, 6)])
def test_spectral_gradients_are_those_of_torch(shape):
    torch = pytest.importorskip("torch")
    layer = SpectralNormalization(Dense(shape[1], use_bias=False), power_iterations=500)
    inputs = normal(4, shape[0])
    layer(inputs)
    layer.layer.kernel.assign(normal(*shape, seed=2))
    for _ in range(20):
        layer(inputs, training=True)
    output = layer.forward(inputs)
    upstream = normal(*output.shape, seed=3)
    kernel = torch.tensor(layer.layer.kernel.value.copy(), requires_grad=True)
    expected = torch.tensor(inputs) @ (kernel / torch.linalg.matrix_norm(kernel, 2))
    expected.backward(torch.tensor(upstream))
    assert relative_error(output, expected.detach().numpy()) <= EXACT
    assert relative_error(layer.backward(upstream)[1], kernel.grad.numpy()) <= EXACT


def test_a_kernel_of_zeros_is_left_alone():
    layer = SpectralNormalization(Dense(2, kernel_initializer="zeros"))
    output = layer.forward(normal(3, 4))
    assert (output == 0).all()
    assert np.isfinite(layer.backward(1)[1]).all()


def test_a_spectrally_normalized_model_trains_and_is_saved(tmp_path):
    from nnlite.models import load_model

    x, y = normal(40, 4), (normal(40, 4)[:, 0] > 0).astype(int)
    layers = [Input((4,)), SpectralNormalization(Dense(8, activation="relu")), Dense(2, activation="softmax")]
    model = Sequential([*layers[:-1], SpectralNormalization(layers[-1])], seed=0)
    model.compile("adam", "sparse_categorical_crossentropy")
    losses = model.fit(x, y, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert len(model.trainable_weights) == 4
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BatchNormalization(synchronized=True), "cannot be synchronized"),
        (lambda: BatchNormalization(renorm_clipping={"max": 1.0}), "rmin, rmax and dmax"),
        (lambda: GroupNormalization(0), "groups >= 1, or -1"),
        (lambda: built(GroupNormalization(4), (2, 6)), "cannot cut 6 features into 4 groups"),
        (lambda: built(GroupNormalization(2, axis=3), (2, 6)), "axis 3 does not name features"),
        (lambda: built(RMSNormalization(axis=0), (2, 6)), "axis 0 does not name features"),
        (lambda: built(UnitNormalization(axis=2), (2, 6)), "axis 2 does not name axes"),
        (lambda: built(UnitNormalization(axis=0), (2, 6)), "axis 0 does not name axes"),
        (lambda: built(SpectralNormalization(Flatten()), (2, 6)), "needs a layer with a kernel or embeddings"),
    ],
)
def test_refused_arguments(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "masked"])
@pytest.mark.parametrize("options", [{}, {"renorm": True, "renorm_clipping": {"rmax": 2.0, "dmax": 1.0}}], ids=str)
def test_float32_stays_float32_with_masks_and_renormalization(options, mask):
    set_floatx("float32")
    inputs = normal(4, 3, 2).astype(np.float32)
    layer = built(BatchNormalization(**options), inputs.shape)
    output, jacobians = layer.linearize(inputs, *layer.values, training=True, mask=mask)
    found = [output, *jacobians.state, *jacobians.vjp(np.ones_like(output))[:3], jacobians[0].jvp(inputs)]
    assert {array.dtype for array in found} == {np.dtype(np.float32)}
