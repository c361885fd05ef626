"""Every layer under one contract: shapes, Jacobians, dtype, config, saving, purity."""

import numpy as np
import pytest
from numeric import EXACT, NEAR, complex_step, contract, push, relative_error, stencil, strided

from layers.cases import CASES
from nnlite.config import set_floatx
from nnlite.layers import BatchNormalization, Identity, Input, Layer
from nnlite.models import Sequential, load_model
from nnlite.ops import Op
from nnlite.random import RandomSource

cases = pytest.mark.parametrize("case", CASES, ids=str)


@pytest.fixture(autouse=True)
def double_precision():
    set_floatx("float64")
    yield
    set_floatx("float32")


def members():
    return {name for name, member in Layer.members().items() if member.__module__.startswith("nnlite.")}


def listed(inputs):
    """The inputs of a layer as a list, be it one or several."""
    return list(inputs) if isinstance(inputs, tuple) else [inputs]


def regrouped(case, arrays):
    """The opposite of `listed`."""
    return tuple(arrays) if case.several else arrays[0]


def free_shape(inputs):
    """The shape of the inputs with None for the batch."""
    shapes = tuple((None, *array.shape[1:]) for array in listed(inputs))
    return shapes if isinstance(inputs, tuple) else shapes[0]


def dense_maps(case, layer, inputs):
    jacobians = layer.linearize(inputs, *layer.values, **case.context)[1]
    maps = [jacobians[index] for index in range(len(jacobians))]
    assert len(maps) == len(listed(inputs)) + len(layer.parameters)
    return [None if part is None else part.todense() for part in maps]


def test_every_layer_has_a_row():
    assert {type(case.make()).__name__ for case in CASES} == members()


@cases
@pytest.mark.parametrize("batch", [None, 1], ids=["batch", "batch of 1"])
def test_jacobians_equal_complex_step_and_stencil(case, batch):
    case = case.with_batch(batch)
    layer, inputs = case.prepared()
    data = len(listed(inputs))
    arrays = [*listed(inputs), *layer.values]

    def output(*changed):
        return layer.linearize(regrouped(case, changed[:data]), *changed[data:], **case.context)[0]

    trained = [*[True] * data, *[parameter.trainable for parameter in layer.parameters]]
    for index, dense in enumerate(dense_maps(case, layer, inputs)):
        if index == 0 and layer.input_kind != "numbers":
            assert dense is None
        elif trained[index] and dense is None:
            assert np.abs(stencil(output, arrays, index)).max() <= NEAR
        elif trained[index]:
            assert relative_error(dense, complex_step(output, arrays, index)) <= EXACT
            assert relative_error(dense, stencil(output, arrays, index)) <= NEAR


@cases
@pytest.mark.parametrize("batch", [None, 1], ids=["batch", "batch of 1"])
def test_output_shape_is_the_declared_one(case, batch):
    layer, inputs = case.with_batch(batch).prepared()
    output = layer(inputs, training=case.training)
    for declared in (layer.output_shape, layer.compute_output_shape(free_shape(inputs))):
        assert declared[0] is None
        assert (len(listed(inputs)[0]), *declared[1:]) == output.shape


@cases
def test_backward_multiplies_a_random_jacobian(case):
    layer, inputs = case.prepared()
    layer.random = RandomSource(7)
    output = layer.forward(inputs, training=case.training)
    jacobians = [layer.jacobians[index] for index in range(len(layer.jacobians))]
    for seeds in [(), (2,), (2, 3)]:
        upstream = np.random.default_rng(1).normal(size=seeds + output.shape)
        results = layer.backward(upstream)
        results = results if isinstance(results, tuple) else (results,)
        for result, part in zip(results, jacobians, strict=True):
            assert (result is None) == (part is None)
            if part is not None:
                assert relative_error(result, contract(upstream, part.todense(), output.shape)) <= EXACT


@cases
def test_jvp_is_the_transpose_of_vjp(case):
    layer, inputs = case.prepared()
    layer.random = RandomSource(7)
    random = np.random.default_rng(2)
    output = layer.forward(inputs, training=case.training)
    maps = [layer.jacobians[index] for index in range(len(layer.jacobians))]
    if maps == [None]:
        assert layer.backward(1) is None
        assert not Op.jvp(layer, None).any()
        return
    for seeds in [(), (2,)]:
        tangents = [part and random.normal(size=seeds + part.in_shape) for part in maps]
        pushed = Op.jvp(layer, *tangents)
        expected = sum(push(m.todense(), t, m.in_shape) for m, t in zip(maps, tangents, strict=True) if m is not None)
        assert relative_error(pushed, expected) <= EXACT
    upstream, tangents = random.normal(size=output.shape), [part and random.normal(size=part.in_shape) for part in maps]
    results = layer.backward(upstream)
    results = results if isinstance(results, tuple) else (results,)
    right = sum(
        (result * tangent).sum() for result, tangent in zip(results, tangents, strict=True) if result is not None
    )
    assert relative_error((upstream * Op.jvp(layer, *tangents)).sum(), right) <= EXACT


MIXING = (BatchNormalization, Sequential)  # while training, an example's output depends on the whole batch


@pytest.mark.parametrize("case", [c for c in CASES if not (c.training and isinstance(c.make(), MIXING))], ids=str)
def test_per_example_sums_to_vjp(case):
    layer, inputs = case.prepared()
    output, jacobians = layer.linearize(inputs, *layer.values, **case.context)
    upstream = np.random.default_rng(3).normal(size=output.shape)
    found, full = jacobians.per_example(upstream), jacobians.vjp(upstream)
    data = len(listed(inputs))
    assert found[:data] == (None,) * data
    for index in range(data, len(full)):
        assert (found[index] is None) == (full[index] is None)
        if full[index] is None:
            continue
        assert relative_error(found[index].sum(0), full[index]) <= EXACT
        for row in range(len(upstream)):
            alone = np.zeros_like(upstream)
            alone[row] = upstream[row]
            assert relative_error(found[index][row], jacobians.vjp(alone)[index]) <= EXACT


@cases
def test_float32_stays_float32(case):
    set_floatx("float32")
    layer, inputs = case.prepared()
    output = layer.forward(inputs, training=case.training)
    only_indices = layer.output_dtype == "int64" and layer.jacobians[0] is None
    assert output.dtype == layer(inputs, training=case.training).dtype == ("int64" if only_indices else "float32")
    assert {parameter.dtype for parameter in layer.parameters} <= {np.dtype(np.float32)}
    for upstream in (1, 0.5, np.ones(output.shape, np.float32), np.ones((2, *output.shape), np.float32)):
        results = layer.backward(upstream)
        for result in results if isinstance(results, tuple) else (results,):
            assert result is None or result.dtype == np.float32
    maps = [layer.jacobians[index] for index in range(len(layer.jacobians))]
    assert Op.jvp(layer, *[part and np.ones(part.in_shape, np.float32) for part in maps]).dtype == output.dtype
    upstream = np.ones(output.shape, np.float32)
    for result in layer.jacobians.per_example(upstream):
        assert result is None or result.dtype == np.float32
    if case.training:
        state = layer.linearize(inputs, *layer.values, **case.context)[1].state
        assert {np.asarray(value).dtype for value in state if not isinstance(value, tuple)} <= {np.dtype(np.float32)}


@cases
def test_config_round_trip(case):
    layer = case.make()
    twin = Layer.get(layer.to_spec())
    assert type(twin) is type(layer)
    assert twin.get_config() == layer.get_config()
    assert twin.to_spec() == layer.to_spec()
    built, inputs = case.prepared()
    again = Layer.get(built.to_spec())
    again.ensure_built(free_shape(inputs))
    again.set_weights(built.get_weights())
    np.testing.assert_array_equal(again(inputs), built(inputs))


@pytest.mark.parametrize("case", [case for case in CASES if not case.several], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_save_and_load_inside_a_model(case, dtype, tmp_path):
    set_floatx(dtype)
    layer, inputs = case.prepared()
    start = [] if isinstance(layer, Input) else [Input(case.shape[1:])]
    model = Sequential([*start, layer, Identity()], seed=1)
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    predicted = model.predict(inputs, verbose=0)
    assert predicted.dtype == dtype
    np.testing.assert_array_equal(loaded.predict(inputs, verbose=0), predicted)
    np.testing.assert_array_equal(predicted, layer(inputs))
    assert loaded.get_config() == model.get_config()


@cases
def test_linearize_is_pure(case):
    layer, inputs = case.prepared()
    expected, jacobians = layer.linearize(inputs, *layer.values, **case.context)
    views, values = ([strided(value) for value in group] for group in (listed(inputs), layer.values))
    for _ in range(2):
        output, found = layer.linearize(regrouped(case, views), *values, **case.context)
        np.testing.assert_allclose(output, expected, rtol=1e-13, atol=1e-14)
    before = [value.copy() for value in layer.values]
    for array in listed(inputs):
        array.flags.writeable = False
    upstream = np.random.default_rng(4).normal(size=output.shape)
    upstream.flags.writeable = False
    for result, wanted in zip(found.vjp(upstream), jacobians.vjp(upstream), strict=True):
        assert wanted is None or relative_error(result, wanted) <= EXACT
    layer.linearize(inputs, *layer.values, **case.context)
    layer.forward(inputs), layer(inputs)
    for value, own in zip(before, layer.values, strict=True):
        np.testing.assert_array_equal(value, own)


@cases
def test_calling_equals_forward_and_keeps_nothing(case):
    layer, inputs = case.prepared()
    called = layer(inputs)
    assert layer.jacobians is None
    np.testing.assert_array_equal(layer.forward(inputs), called)
    assert layer.jacobians is not None
