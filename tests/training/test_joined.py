"""Dense layers in a row trained as one stage: the same numbers as layer by layer, and only where that is right."""

import functools
import importlib.util
import itertools

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, kernels
from nnlite.arrays import contraction
from nnlite.errors import ShapeError
from nnlite.jacobians import Diagonal, Jacobians
from nnlite.kernels import DenseRoom
from nnlite.kernels.memory import reader
from nnlite.layers import (
    Activation,
    BatchNormalization,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    Layer,
    LeakyReLU,
    ReLU,
    RepeatVector,
)
from nnlite.layers.base.simplified import DenseScale
from nnlite.layers.composite.fused_dense import JoinedDense
from nnlite.layers.regularization import dropout as regularization
from nnlite.optimizers import SGD
from nnlite.random import RandomSource
from nnlite.schedules import LearningRateSchedule
from nnlite.training.train_step import Steps

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")
CHOICES = ["numpy", pytest.param("numba", marks=needs_numba)]
FEATURES, ROWS = 6, 9


pytestmark = pytest.mark.usefixtures("choice_restored")


class OwnDense(Dense):
    """A layer of one's own may compute something else."""

    def linearize(self, inputs, kernel, bias=None):
        return super().linearize(inputs, kernel, bias)


def rows(shape=(FEATURES,), count=ROWS):
    return np.random.default_rng(count).standard_normal((count, *shape))


def ensemble(*layers, members=3, **options):
    """Dense layers of the given arguments, or other layers, as they are."""
    return [Dense(own[0], *own[1:], members=members, **options) if isinstance(own, tuple) else own for own in layers]


def combinations():
    """Chains of three layers for every combination of activation, parametrization, members, biases and dropout."""
    found = {}
    for choice in itertools.product(
        ("relu", "tanh", "sigmoid", "selu", "mish", None), ("standard", "ntk"), (None, 1, 3), (True, False), (0, 0.3)
    ):
        activation, parametrization, members, use_bias, rate = choice
        shape = (FEATURES,) if members is None else (members, FEATURES)

        def layers(activation=activation, rate=rate, members=members, **options):
            first, second, last = ensemble((5, activation), (6, activation), (3,), members=members, **options)
            return [first, Dropout(rate), second, Dropout(rate), last] if rate else [first, second, last]

        found[" ".join(map(str, choice))] = (
            functools.partial(layers, parametrization=parametrization, use_bias=use_bias),
            shape,
            [3],
        )
    return found


class Factor(Layer):
    """A learned factor for each feature, of each member where there are several."""

    initial: float = 1.0

    def build(self, input_shape):
        self.add_weight(input_shape[1:], {"constant": {"value": self.initial}}, name="factor")

    def linearize(self, inputs, factor):
        by_factor = Diagonal(inputs, factor.shape, inputs.shape)
        return inputs * factor, Jacobians(Diagonal(factor, inputs.shape, inputs.shape), by_factor)

    def _dense_part(self):
        *members, features = self.input_shape[1:]
        return DenseScale(features, *members)


class Falling(LearningRateSchedule):
    """Half at first, then nothing, then everything."""

    def __call__(self, step):
        return (0.5, 0.25, 0.0, 1.0, 0.125)[step % 5]


# name: layers, shape of an example, how many dense layers each joined stage has
NETS = {
    "one": (lambda: [Dense(3)], (FEATURES,), [1]),
    "three": (lambda: [Dense(5, "relu"), Dense(6, "relu"), Dense(3)], (FEATURES,), [3]),
    "activations": (lambda: [Dense(5, "tanh"), Dense(6, "sigmoid"), Dense(4, "linear"), Dense(3)], (FEATURES,), [4]),
    "ends in an activation": (lambda: [Dense(5, "relu"), Dense(3, "tanh")], (FEATURES,), [2]),
    "without biases": (
        lambda: [Dense(5, "relu", use_bias=False), Dense(6, "tanh"), Dense(3, use_bias=False)],
        (FEATURES,),
        [3],
    ),
    "one without bias": (lambda: [Dense(3, "relu", use_bias=False)], (FEATURES,), [1]),
    "layers of activations": (
        lambda: [Dense(5), ReLU(), Dense(6), Activation("sigmoid"), Dropout(0.25), Dense(3)],
        (FEATURES,),
        [3],
    ),
    "dropout": (lambda: [Dense(5, "relu"), Dropout(0.4), Dense(6, "tanh"), Dropout(0.5), Dense(3)], (FEATURES,), [3]),
    "all is dropped": (lambda: [Dense(5, "relu"), Dropout(1.0), Dense(3)], (FEATURES,), [2]),
    "regularized": (
        lambda: [Dense(5, "relu", kernel_regularizer="l2"), Dense(3, bias_regularizer="l1")],
        (FEATURES,),
        [2],
    ),
    "apart": (lambda: [Dense(5, "relu"), BatchNormalization(), Dense(6, "relu"), Dense(3)], (FEATURES,), [1, 2]),
    "after a table": (lambda: [Embedding(9, 4), GlobalAveragePooling1D(), Dense(5, "relu"), Dense(3)], (6,), [2]),
    "after windows": (lambda: [Conv1D(2, 3), Flatten(), Dense(5, "relu"), Dense(3)], (8, 2), [2]),
    "one after windows": (lambda: [Conv1D(2, 3), Flatten(), Dense(3)], (5, 2), [1]),
    "frozen": (lambda: [Dense(5, "relu"), Dense(6, trainable=False), Dense(4), Dense(3)], (FEATURES,), [1, 2]),
    "of one's own": (lambda: [OwnDense(5, "relu"), Dense(3)], (FEATURES,), [1]),
    "other activations": (lambda: [Dense(5, "gelu"), Dense(4), LeakyReLU(), Dense(3)], (FEATURES,), [1, 1]),
    "another relu": (lambda: [Dense(5, {"relu": {"max_value": 1.0}}), Dense(3)], (FEATURES,), [1]),
    "penalized": (lambda: [Dense(5, "relu", activity_regularizer="l2"), Dense(3)], (FEATURES,), [1]),
    "sequences": (lambda: [Dense(2, "relu"), Flatten(), Dense(3)], (3, 2), [1]),
    "dropout of whole columns": (
        lambda: [Dense(5), Dropout(0.4, noise_shape=(1, None)), Dense(3)],
        (FEATURES,),
        [1, 1],
    ),
    "nothing drops": (lambda: [Dense(5), Dropout(0.0), Dense(3)], (FEATURES,), [1, 1]),
    "few units": (lambda: [Dense(2, "relu"), Dense(3), BatchNormalization(), Dense(3)], (11,), [2, 1]),
    "few units at the end": (lambda: [Dense(3, "tanh")], (11,), [1]),
    "few units and dropout": (lambda: [Dense(4, "selu"), Dropout(0.4), Dense(3, use_bias=False)], (11,), [2]),
    "few units without biases": (lambda: [Dense(2, "relu", use_bias=False), Dense(3)], (11,), [2]),
    "few units after others": (lambda: [Dense(9), BatchNormalization(), Dense(4, "relu"), Dense(3)], (8,), [1, 2]),
    "an end in mish": (lambda: [Dense(5, "selu"), Dense(3, "mish", parametrization="ntk")], (FEATURES,), [2]),
    "parametrizations": (
        lambda: [Dense(5, "tanh", parametrization="ntk"), Dense(6, "selu"), Dense(3, parametrization="ntk")],
        (FEATURES,),
        [3],
    ),
    "members and layers of activations": (
        lambda: ensemble((5,), Activation("selu"), Dropout(0.25), (6, "relu"), Dropout(0.5), (3, "tanh")),
        (3, FEATURES),
        [3],
    ),
    "members regularized": (
        lambda: ensemble((5, "selu"), (3,), kernel_regularizer="l2", bias_regularizer="l1", parametrization="ntk"),
        (3, FEATURES),
        [2],
    ),
    "members frozen": (
        lambda: [*ensemble((5, "relu")), *ensemble((6,), trainable=False), *ensemble((4, "selu"), (3,))],
        (3, FEATURES),
        [1, 2],
    ),
    "members penalized": (
        lambda: [*ensemble((5, "selu"), activity_regularizer="l2"), *ensemble((3,))],
        (3, FEATURES),
        [1],
    ),
    "members apart": (
        lambda: ensemble((5, "relu"), BatchNormalization(), (6, "relu"), (3,)),
        (3, FEATURES),
        [1, 2],
    ),
    "one input for all members": (
        lambda: [Dense(4, "relu"), RepeatVector(3), *ensemble((5, "relu"), (3,)), GlobalAveragePooling1D()],
        (FEATURES,),
        [1, 2],
    ),
    "dropout by a schedule": (
        lambda: [Dense(5, "relu"), Dropout(Falling()), Dense(6, "selu"), Dropout(Falling()), Dense(3)],
        (FEATURES,),
        [3],
    ),
    "members and dropout by a schedule": (
        lambda: ensemble((5, "relu"), Dropout(Falling()), (6, "selu"), Dropout(Falling()), (3,)),
        (3, FEATURES),
        [3],
    ),
    "factors": (lambda: [Factor(2.0), Dense(5, "selu"), Factor(0.5), Dense(3)], (FEATURES,), [2]),
    "factors of members": (
        lambda: [Factor(2.0), *ensemble((5,), Activation("tanh"), Dropout(0.4), Factor(0.5), (3,), use_bias=False)],
        (3, FEATURES),
        [2],
    ),
    "factors and parametrizations": (
        lambda: ensemble(Factor(), (5, "mish"), Dropout(0.4), Factor(), (3,), parametrization="ntk"),
        (3, FEATURES),
        [2],
    ),
    "factors alone": (lambda: [Factor(), Factor(), Dense(3), Factor()], (FEATURES,), [1]),
    "frozen factors": (lambda: [Factor(trainable=False), Dense(5, "relu"), Dense(3)], (FEATURES,), [2]),
    "factors of a frozen layer": (lambda: [Factor(), Dense(5, trainable=False), Dense(3)], (FEATURES,), [1]),
    "factors after an embedding": (
        lambda: [Embedding(9, 4, sparse=True), GlobalAveragePooling1D(), Factor(), Dense(3)],
        (6,),
        [1],
    ),
    "two types": (lambda: [Dense(5, "relu", dtype="float32"), Dense(6, "relu"), Dense(3)], (FEATURES,), [1, 2]),
    **combinations(),
}


def net(name, dtype="float64"):
    layers, shape, _ = NETS[name]
    layers = layers()
    for layer in layers:
        layer.dtype = layer._given_dtype or dtype
    model = Sequential([Input(shape), *layers], seed=3)
    generator = np.random.default_rng(1)
    for parameter in model.parameters:
        parameter.value[...] += 0.1 * generator.standard_normal(parameter.shape)
    model.compile(SGD(0.01), "mse")
    return model


def data(name, count=ROWS, dtype="float64"):
    _, shape, _ = NETS[name]
    table = "table" in name or "embedding" in name
    x = np.random.default_rng(0).integers(9, size=(count, *shape)) if table else rows(shape, count)
    members = () if len(shape) == 1 or shape[1] != FEATURES or "one input" in name else shape[:1]
    return x.astype("float32" if name == "two types" else dtype), rows((*members, 3), count).astype(dtype)


def lengths(steps):
    """How many dense layers each joined stage has."""
    stages = getattr(steps.joined.program, "stages", [])  # a graph has none
    return [len(stage.layer.layers) for stage in stages if isinstance(stage.layer, JoinedDense)]


def transposed_bits(layer, random, shape, draw=regularization.random_bits):
    """The bits of a joined layer, which holds a column for each example, of each member."""
    return np.moveaxis(draw(layer, random, (*shape[1:], shape[0])), -1, 0)


def trained(model, batches, join):
    """Losses, outputs and all gradients of some steps."""
    steps, found = Steps(model.trainer, join), []
    for x, y in batches:
        value, outputs = steps.train(x, y)
        found += [value, outputs, *(pack.gradients.copy() for pack in steps.store.packs)]
    return steps, found


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("name", NETS)
def test_as_layer_by_layer(name, choice, monkeypatch):
    kernels.use(choice)
    batches = [data(name), data(name), data(name, 4), data(name, 1), data(name)]
    steps, found = trained(net(name), batches, True)
    assert lengths(steps) == NETS[name][2]
    monkeypatch.setattr(regularization, "random_bits", transposed_bits)
    _, expected = trained(net(name), batches, False)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        scale = 1e-6 if np.asarray(one).dtype == np.float32 or name == "two types" else 1e-13
        np.testing.assert_allclose(one, other, rtol=0, atol=scale * max(1, np.abs(other).max()))


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("name", ["three", "activations", "ends in an activation", *combinations()])
def test_in_single_precision(name, choice, monkeypatch):
    kernels.use(choice)
    batches = [data(name, dtype="float32")] * 3
    _, found = trained(net(name, "float32"), batches, True)
    monkeypatch.setattr(regularization, "random_bits", transposed_bits)
    _, expected = trained(net(name, "float32"), batches, False)
    for one, other in zip(found, expected, strict=True):
        assert np.asarray(one).dtype == np.asarray(other).dtype
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


@needs_numba
@pytest.mark.parametrize("name", ["dropout", "layers of activations", "members and dropout by a schedule"])
def test_both_kinds_of_kernels_drop_the_same(name):
    found = []
    for choice in ("numpy", "numba"):
        kernels.use(choice)
        found.append(trained(net(name), [data(name)] * 3, True)[1])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-13)


@pytest.mark.parametrize("count", [64, 65, 200, 256, 257])
def test_many_rows(count, monkeypatch):
    batches, joined = [data("three", count)], []
    monkeypatch.setattr(
        DenseRoom, "__init__", lambda *given, make=DenseRoom.__init__, **more: joined.append(1) or make(*given, **more)
    )
    (_, found), (_, expected) = (trained(net("three"), batches, join) for join in (True, False))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)
    assert len(joined) == (count <= 256)


@pytest.mark.parametrize("sizes", [(1000, 33, 3), (300, 100, 3), (100, 30, 3), (1000, 40)])
def test_examples_that_are_read_in_place(sizes):
    """The product of a first layer with few units for its features is a column for each example, or it is turned."""
    features, *units = sizes
    batch, found = (rows((features,), 40), rows((units[-1],), 40)), []
    for join in (True, False):
        layers = [Dense(count, "tanh", dtype="float64") for count in units]
        model = Sequential([Input((features,)), *layers], seed=3)
        model.compile(SGD(0.01), "mse")
        steps, numbers = trained(model, [batch, batch], join)
        found.append(numbers)
        assert not join or next(iter(steps.joined.program.stages)).layer.room.reader is not None
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("sizes", [(784, 128, 3), (1000, 64), (520, 256, 3)])
def test_products_of_examples_in_pieces_are_those_of_the_whole(sizes, several, monkeypatch):
    """The product of examples and the gradient, joined and by layers one by one; several threads share the whole."""
    features, *units = sizes
    monkeypatch.setattr(reader, "several_threads", lambda: several)
    batch, found = (rows((features,), 60), rows((units[-1],), 60)), []
    for join in (True, False):
        layers = [Dense(count, "tanh", dtype="float32") for count in units]
        model = Sequential([Input((features,)), *layers], seed=3)
        model.compile(SGD(0.01), "mse")
        steps, numbers = trained(model, [[part.astype("float32") / 4 for part in batch]] * 2, join)
        found.append(numbers)
        if join and contraction.PIECE:
            assert next(iter(steps.joined.program.stages)).layer.room.reader.apart != several
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=3e-6)


def test_an_ensemble_is_joined_with_any_number_of_rows():
    batches = [data("members regularized", 300)]
    (steps, found), (_, expected) = (trained(net("members regularized"), batches, join) for join in (True, False))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)
    assert next(iter(steps.joined.program.stages)).layer.room.rows == 300


def test_masks_are_new_in_each_step_and_the_same_again():
    model, again = net("dropout"), net("dropout")
    model.compile(SGD(0.0), "mse")
    again.compile(SGD(0.0), "mse")
    losses = [model.train_step(*data("dropout")) for _ in range(6)]
    assert len(set(losses)) == 6
    assert losses == [again.train_step(*data("dropout")) for _ in range(6)]


def test_rows_in_another_order_in_memory():
    x, y = data("three")
    expected = trained(net("three"), [(x, y)], True)[1]
    for choice in ("numpy", "numba") if importlib.util.find_spec("numba") else ("numpy",):
        kernels.use(choice)
        found = trained(net("three"), [(np.asfortranarray(x), y), (x[::-1][::-1], y)], True)[1]
        for one, other in zip(found[: len(expected)], expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-13)


@pytest.mark.parametrize("choice", CHOICES)
def test_inputs_of_another_ensemble_are_refused(choice):
    kernels.use(choice)
    for shape in [(ROWS, 4, FEATURES), (ROWS, 3, 5), (ROWS, FEATURES)]:
        with pytest.raises(ShapeError, match=r"the dense layers need an array of shape \(batch, 3, 6\)"):
            net("members regularized").train_step(np.ones(shape), np.ones((ROWS, 3, 3)))


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("shape", [(ROWS, 1), (ROWS, 5), (ROWS, 400), (FEATURES,), (ROWS, FEATURES, 1)])
def test_inputs_of_another_shape_are_refused(shape, choice):
    kernels.use(choice)
    with pytest.raises(ShapeError, match=r"the dense layers need an array of shape \(batch, 6\)"):
        net("three").train_step(np.ones(shape), np.ones((ROWS, 3)))
    with pytest.raises(ShapeError, match=r"got .* and complex128"):
        net("three").train_step(np.ones((ROWS, FEATURES), complex), np.ones((ROWS, 3)))


@needs_numba
@pytest.mark.parametrize("loss", ["mse", "binary_crossentropy"])
@pytest.mark.parametrize("shape", [(ROWS, 1), (ROWS, 400), (4, 3)])
def test_targets_of_another_shape_are_as_without_numba(shape, loss):
    found = []
    for choice in ("numpy", "numba"):
        kernels.use(choice)
        model = net("three")
        model.compile("sgd", {loss: {"from_logits": True}} if "binary" in loss else loss)
        try:
            found.append(model.train_step(rows(), np.ones(shape)))
        except ValueError:
            found.append("refused")
    assert found[0] == pytest.approx(found[1])


@needs_numba
@pytest.mark.parametrize("order", [("numpy", "numba"), ("numba", "numpy")])
def test_kernels_exchanged_within_a_step(order):
    found = []
    for exchanged in (False, True):
        model = net("dropout")
        kernels.use(order[0])
        for _ in range(2):
            model.train_step(*data("dropout"))
        stage = next(iter(model.trainer._steps.joined.program.stages))
        _, jacobians = stage.layer.linearize(rows(), source=RandomSource(0, 5))
        if exchanged:
            kernels.use(order[1])
        jacobians.vjp(np.ones((ROWS, 3)), (False,), None)
        found.append(model.trainer._steps.store.packs[0].gradients.copy())
    np.testing.assert_allclose(*found, rtol=0, atol=1e-13)


def test_a_functional_model_without_branches_is_joined():
    given = Input((FEATURES,))
    dense, last = Dense(5, "relu"), Dense(3)
    straight = Model(given, last(Dropout(0.3)(dense(given))), seed=0)
    other = Input((FEATURES,))
    twice = Dense(FEATURES)
    branching = Model(other, Dense(3)(twice(twice(other))), seed=0)
    for model, count in ((straight, 1), (branching, 0)):
        model.compile("sgd", "mse")
        x, y = data("three", dtype="float32")
        model.train_step(x, y)
        assert len(lengths(model.trainer._steps)) == count


def test_layers_frozen_after_training_leave_their_run():
    model = net("three")
    model.train_step(*data("three"))
    model.layers[1].trainable = False
    model.compile(SGD(0.1), "mse")
    before = model.layers[1].get_weights()
    model.train_step(*data("three"))
    assert lengths(model.trainer._steps) == [1, 1]
    for one, other in zip(before, model.layers[1].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("choice", CHOICES)
def test_judging_leaves_training_as_it_is(choice):
    kernels.use(choice)
    layers = ensemble((5, "mish"), Dropout(0.4), (2,))
    x, y = rows((3, FEATURES)), rows((3, 2))
    found = []
    for judges in (False, True):
        model = Sequential([Input((3, FEATURES)), *[type(own).get(own.to_spec()) for own in layers]], seed=0)
        model.compile(SGD(0.1), "mse")
        steps = Steps(model.trainer)
        (joined,) = [stage.layer for stage in steps.joined.program.line if isinstance(stage.layer, JoinedDense)]
        for count in (9, 4, 9, 2, 7, 1):
            steps.train(x[:count], y[:count])
            if judges:
                expected = steps.chain.run(x, steps.layered.values)[0]
                np.testing.assert_allclose(steps.outputs(x), expected, rtol=0, atol=1e-5)
                assert steps.test(x, y)[0] == pytest.approx(((expected - y) ** 2).mean(), rel=1e-5)
        assert len(joined._rooms) <= 4
        found.append([weight.value.copy() for weight in model.trainable_weights])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
