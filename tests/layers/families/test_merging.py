"""Layers that make one array of several: results, masks, ties, functions, wrong input."""

import numpy as np
import pytest
from draws import normal
from torch_parity import assert_same, needs_torch, torch

from nnlite import Input, Model, layers
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.layers import Add, Average, Concatenate, Dot, Layer, Maximum, Minimum, Multiply, Subtract

A, B, C = (normal(2, 3, seed=seed) for seed in range(3))
SEQUENCES = normal(2, 3, 4), normal(2, 3, 4, seed=1)
MASKS = (np.array([[True, False, False], [True, True, False]]), np.array([[True, True, False], [False, True, False]]))


@pytest.mark.parametrize(
    ("function", "inputs", "options", "expected"),
    [
        (layers.add, [A, B, C], {}, A + B + C),
        (layers.add, [A], {}, A),
        (layers.subtract, [A, B], {}, A - B),
        (layers.multiply, [A, B, C], {}, A * B * C),
        (layers.average, [A, B, C], {}, (A + B + C) / 3),
        (layers.maximum, [A, B, C], {}, np.maximum(A, np.maximum(B, C))),
        (layers.minimum, [A, B, C], {}, np.minimum(A, np.minimum(B, C))),
        (layers.concatenate, [A, B, C], {}, np.concatenate([A, B, C], 1)),
        (layers.concatenate, SEQUENCES, {"axis": 1}, np.concatenate(SEQUENCES, 1)),
        (layers.dot, [A, B], {}, (A * B).sum(1, keepdims=True)),
        (layers.dot, SEQUENCES, {"axes": 2}, np.einsum("bik,bjk->bij", *SEQUENCES)),
        (layers.dot, SEQUENCES, {"axes": (1, -2)}, np.einsum("bki,bkj->bij", *SEQUENCES)),
        (layers.dot, [A, normal(2, 4, 3, 5)], {"axes": (1, 2)}, np.einsum("bk,bikj->bij", A, normal(2, 4, 3, 5))),
    ],
)
def test_functions_compute_what_they_say(function, inputs, options, expected):
    found = function(inputs, dtype="float64", **options)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(function(tuple(inputs), dtype="float64", **options), found)
    assert function([array.astype("float32") for array in inputs], **options).dtype == np.float32


def test_normalized_products_are_cosines():
    cosines = layers.dot([A, B], normalize=True, dtype="float64")[:, 0]
    expected = (A * B).sum(1) / np.linalg.norm(A, axis=1) / np.linalg.norm(B, axis=1)
    np.testing.assert_allclose(cosines, expected, rtol=1e-13)
    assert not layers.dot([A * 0, B], normalize=True).any()


def test_lower_ranks_get_axes_after_the_batch():
    whole, row = normal(2, 3, 4), normal(2, 4)
    np.testing.assert_array_equal(layers.add([row, whole], dtype="float64"), row[:, None] + whole)
    layer = Multiply(dtype="float64")
    assert layer.forward([whole, row]).shape == (2, 3, 4)
    assert layer.output_shape == (None, 3, 4)
    by_whole, by_row = layer.backward(1)
    np.testing.assert_allclose(by_row, whole.sum(1), rtol=1e-13)
    np.testing.assert_array_equal(by_whole, np.broadcast_to(row[:, None], whole.shape))


@pytest.mark.parametrize("kind", [Add, Multiply, Average, Maximum, Concatenate])
def test_the_same_array_twice_may_be_written_to(kind):
    layer = kind(dtype="float64")
    inputs = A.copy()
    outputs = layer.forward([inputs, inputs])
    first, second = layer.backward(1)
    assert not np.may_share_memory(outputs, inputs)
    first += 1
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(inputs, A)


def test_the_output_is_never_the_input():
    for kind in (Add, Maximum, Multiply, Concatenate):
        assert not np.may_share_memory(kind(dtype="float64")([A]), A)


@pytest.mark.parametrize("kind", [Maximum, Minimum])
def test_ties_share_the_slope(kind):
    layer = kind(dtype="float64")
    outputs = layer.forward([A, A.copy(), A.copy()])
    np.testing.assert_array_equal(outputs, A)
    for result in layer.backward(1):
        np.testing.assert_allclose(result, np.full(A.shape, 1 / 3))


def merged(layer, inputs, mask):
    layer._ensure_built(tuple((None, *array.shape[1:]) for array in inputs))
    outputs, jacobians = layer.linearize(inputs, mask=mask)
    return outputs, jacobians.mask


@pytest.mark.parametrize("kind", [Add, Subtract, Multiply, Average, Maximum, Minimum])
def test_a_step_counts_where_one_input_says_so(kind):
    _, mask = merged(kind(), SEQUENCES, MASKS)
    np.testing.assert_array_equal(mask, MASKS[0] | MASKS[1])
    assert merged(kind(), SEQUENCES, (MASKS[0], None))[1] is None
    assert merged(kind(), SEQUENCES, None)[1] is None


def test_masked_steps_are_left_out_of_extremes_and_products():
    first, second = SEQUENCES
    here, there = (mask[..., None] for mask in MASKS)
    both = here & there
    largest, _ = merged(Maximum(), SEQUENCES, MASKS)
    expected = np.where(both, np.maximum(first, second), np.where(there & ~here, second, first))
    np.testing.assert_array_equal(largest, expected)
    smallest, _ = merged(Minimum(), SEQUENCES, MASKS)
    expected = np.where(both, np.minimum(first, second), np.where(there & ~here, second, first))
    np.testing.assert_array_equal(smallest, expected)
    product, _ = merged(Multiply(), SEQUENCES, MASKS)
    expected = np.where(here, first, 1) * np.where(there, second, 1) * (here | there)
    np.testing.assert_array_equal(product, expected)


def test_masks_are_joined():
    _, mask = merged(Concatenate(axis=1), SEQUENCES, MASKS)
    np.testing.assert_array_equal(mask, np.concatenate(MASKS, axis=1))
    _, mask = merged(Concatenate(axis=1), SEQUENCES, (MASKS[0], None))
    np.testing.assert_array_equal(mask, np.concatenate([MASKS[0], np.ones((2, 3), bool)], axis=1))
    _, mask = merged(Concatenate(), SEQUENCES, MASKS)
    np.testing.assert_array_equal(mask, MASKS[0] | MASKS[1])
    assert merged(Concatenate(), SEQUENCES, (None, None))[1] is None


@needs_torch
def test_gradients_equal_pytorch():
    shapes = [((2, 3), (2, 3)), ((1, 1), (1, 1)), ((2, 3, 4), (2, 3, 4)), ((4, 1, 2), (4, 3, 2)), ((3, 5), (3, 1))]
    in_torch = {
        Add: lambda a, b: a + b,
        Subtract: lambda a, b: a - b,
        Multiply: lambda a, b: a * b,
        Average: lambda a, b: (a + b) / 2,
        Maximum: torch.maximum,
        Minimum: torch.minimum,
    }
    for kind, function in in_torch.items():
        for first, second in shapes:
            assert_same(kind(dtype="float64"), (normal(*first), normal(*second, seed=4)), function)


@pytest.mark.parametrize(
    ("layer", "shape", "error", "message"),
    [
        (Add(), (None, 3), ShapeError, r"needs a list of several inputs, got one of shape \(None, 3\)"),
        (Add(), ((None, 3), (None, 4)), ShapeError, r"compatible shapes, got \(None, 3\) and \(None, 4\)"),
        (Add(), ((2, 3), (4, 3)), ShapeError, "one number of examples"),
        (Subtract(), ((None, 3),) * 3, ShapeError, "needs a list of 2 inputs"),
        (Subtract(), ((None, 3),), ShapeError, "needs a list of 2 inputs"),
        (Concatenate(), ((None, 3, 2), (None, 4, 2)), ShapeError, "differ in axis 2 alone"),
        (Concatenate(), ((None, 3, 2), (None, 2)), ShapeError, "of one rank"),
        (Concatenate(axis=-3), ((None, 3), (None, 3)), ConfigError, r"axis -3 is not an axis of \(None, 3\)"),
        (Concatenate(axis=2), ((None, 3), (None, 3)), ConfigError, r"axis 2 is not an axis of \(None, 3\)"),
        (Dot(1), ((None, 3), (None, 4)), ShapeError, "one length along the axes 1"),
        (Dot(1), ((None, 3),) * 3, ShapeError, "needs a list of 2 inputs"),
        (Dot((1, 2)), ((None, 3), (None, 3)), ConfigError, "must name axes after the batch"),
        (Dot(0), ((None, 3), (None, 3)), ConfigError, "must name axes after the batch"),
    ],
    ids=str,
)
def test_shapes_that_do_not_fit(layer, shape, error, message):
    with pytest.raises(error, match=message) as raised:
        layer._ensure_built(shape)
    assert type(layer).__name__ in str(raised.value)


def test_lengths_that_vary_are_checked_when_they_are_known():
    layer = Add()
    layer._ensure_built(((None, None, 2), (None, None, 2)))
    assert layer.output_shape == (None, None, 2)
    assert layer([np.ones((2, 3, 2)), np.ones((2, 1, 2))]).shape == (2, 3, 2)
    with pytest.raises(ShapeError, match="compatible shapes"):
        layer([np.ones((2, 3, 2)), np.ones((2, 4, 2))])


def test_other_wrong_input():
    with pytest.raises(DataError, match="needs a list or tuple of inputs, got ndarray"):
        Add()(np.ones((2, 3)))
    with pytest.raises(ShapeError, match="one number of examples, got 2 and 3"):
        Add()([np.ones((2, 3)), np.ones((3, 3))])
    with pytest.raises(ShapeError, match="needs one mask, or None, for each of its 2 inputs, got 1"):
        merged(Add(), SEQUENCES, MASKS[:1])
    with pytest.raises(ShapeError, match=r"needs a mask of shape \(2, 3\) for \(2, 3, 4\), got \(2, 2\)"):
        merged(Add(), SEQUENCES, (None, MASKS[0][:, :2]))
    for axes in ("1", (1,), (1, 2, 3), 1.5):
        with pytest.raises(ConfigError, match=r"Dot\.axes"):
            Layer.get({"Dot": {"axes": axes}})


def test_a_merge_of_a_single_input_is_trained():
    single = Input((3,))
    model = Model((single,), Concatenate()((single,)), seed=0)
    model.compile("sgd", "mse")
    assert model.fit(np.ones((2, 3)), np.zeros((2, 3)), verbose=0).history == {"loss": [1.0]}
