"""What a model offers of its derivatives, against dense Jacobians and numerical derivatives."""

import math
import tracemalloc
from typing import NamedTuple

import numpy as np
import pytest
from draws import stream
from numeric import EXACT, NEAR, complex_step, contract, push, relative_error

from nnlite import Input, Sequential, ops
from nnlite.config import dense_limit, set_dense_limit, set_floatx
from nnlite.errors import ConfigError, DataError, NotReadyError, ShapeError
from nnlite.jacobians import Jacobians, NetworkJacobian
from nnlite.layers import (
    LSTM,
    BatchNormalization,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    Layer,
    LayerNormalization,
    MaxPooling1D,
    MultiHeadAttention,
    Softmax,
)
from nnlite.losses import Loss

generator = np.random.default_rng(53)


normal = stream(generator)


class Tied(Layer):
    """A kernel used twice, by `call` alone."""

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], 2), name="kernel")

    def call(self, inputs):
        return ops.tanh(inputs @ self.kernel) @ self.kernel.T


class Attends(Layer):
    """Attention of a sequence to itself, by `call` alone: a layer inside a layer."""

    def __post_init__(self):
        super().__post_init__()
        self.attention = MultiHeadAttention(num_heads=2, key_dim=2)

    def call(self, inputs):
        return inputs + self.attention([inputs, inputs])


class Power4(Loss):
    """A loss that writes `call` alone."""

    def call(self, y_true, y_pred):
        return ops.mean((y_pred - y_true) ** 4, axis=-1)


class Net(NamedTuple):
    """Layers, loss and a batch."""

    name: str
    layers: object
    loss: object
    x: object
    y: object
    weights: object = None

    def __str__(self):
        return self.name

    def compiled(self):
        model = Sequential([Input(np.shape(self.x)[1:]), *self.layers()], seed=4, dtype="float64")
        model.compile("sgd", self.loss)
        random = np.random.default_rng(5)
        for parameter in model.parameters:
            parameter.assign(parameter.value + random.uniform(0.1, 0.4, parameter.shape))
        return model

    def by_parameters(self, model):
        """The dense Jacobian of the outputs that the loss sees, `(*outputs, count)`."""
        chain, trained = model.trainer.ready_steps().chain, {id(own) for own in model.trainable_weights}

        def outputs(*values):
            return chain.linearize(self.x, *values)[0]

        chosen = [index for index, own in enumerate(model.parameters) if id(own) in trained]
        found = [complex_step(outputs, model.values, index) for index in chosen]
        shape = outputs(*model.values).shape
        return np.concatenate([matrix.reshape(*shape, -1) for matrix in found], axis=-1)


X, LABELS, NUMBERS = normal(6, 4), generator.integers(3, size=6), normal(6, 3)
CROSS = {"SparseCategoricalCrossentropy": {"from_logits": True}}
NETS = [
    Net("tanh", lambda: [Dense(5, activation="tanh"), Dense(3)], "mse", X, NUMBERS),
    Net("sum", lambda: [Dense(5, activation="gelu"), Dense(3)], {"MeanSquaredError": {"reduction": "sum"}}, X, NUMBERS),
    Net("logits", lambda: [Dense(5, activation="silu"), Dense(3)], CROSS, X, LABELS),
    Net(
        "softmax split off",
        lambda: [Dense(5, activation="tanh"), Dense(3, activation="softmax")],
        "sparse_categorical_crossentropy",
        X,
        LABELS,
        np.linspace(0.5, 2, 6),
    ),
    Net(
        "softmax as a layer",
        lambda: [Dense(5, activation="tanh"), Dense(3), Softmax()],
        "categorical_crossentropy",
        X,
        np.eye(3)[LABELS],
    ),
    Net(
        "normalized",
        lambda: [Dense(5, activation="sigmoid"), BatchNormalization(), Dropout(0.5), LayerNormalization(), Dense(1)],
        "mse",
        X,
        NUMBERS[:, :1],
    ),
    Net("tied", lambda: [Tied(), Dense(3)], "huber", X, NUMBERS),
    Net("own loss", lambda: [Dense(5, activation="softplus"), Dense(3)], Power4(), X, NUMBERS, np.linspace(0.5, 2, 6)),
    Net("sequence", lambda: [Dense(5, activation="tanh"), Dense(3)], "mse", normal(3, 2, 4), normal(3, 2, 3)),
    Net(
        "sum over a sequence",
        lambda: [Dense(3, activation="tanh")],
        {"MeanSquaredError": {"reduction": "sum"}},
        normal(3, 2, 4),
        normal(3, 2, 3),
    ),
    Net(
        "indices",
        lambda: [Embedding(7, 3), Flatten(), Dense(2, activation="tanh"), Dense(3)],
        CROSS,
        generator.integers(7, size=(6, 4)),
        LABELS,
    ),
    Net(
        "convolutions",
        lambda: [
            *(Conv1D(3, 3, padding="same", activation="gelu"), BatchNormalization(), MaxPooling1D(2)),
            *(Conv1D(2, 2, activation="tanh"), Flatten(), Dense(3, activation="softmax")),
        ],
        "sparse_categorical_crossentropy",
        normal(3, 6, 2),
        LABELS[:3],
    ),
    Net("recurrent", lambda: [LSTM(3, return_sequences=True), LSTM(2), Dense(3)], "mse", normal(3, 4, 2), NUMBERS[:3]),
    Net("attention", lambda: [Attends(), GlobalAveragePooling1D(), Dense(3)], "mse", normal(2, 3, 2), NUMBERS[:2]),
    Net("model inside", lambda: [Sequential([Dense(4, activation="tanh"), Tied()]), Dense(3)], "mse", X, NUMBERS),
    Net("batch of one", lambda: [Dense(5, activation="tanh"), Dense(3)], "mse", X[:1], NUMBERS[:1]),
]
nets = pytest.mark.parametrize("net", NETS, ids=str)
numbers = pytest.mark.parametrize("net", [net for net in NETS if net.x.dtype.kind == "f"], ids=str)
seeded = pytest.mark.parametrize("seeds", [(), (2,), (2, 3)], ids=str)


def flat(arrays):
    return np.concatenate([np.ravel(array) for array in arrays])


def model_outputs(model, x):
    return lambda *values: model.linearize(x, *values)[0]


def dense_by(model, net, wrt):
    """The dense Jacobian of the model's outputs by all trainable parameters, or those of one layer."""
    layer = None if wrt == "parameters" else model.get_layer(wrt)
    wanted = {id(own) for own in (model if layer is None else layer).trainable_weights}
    function, chosen = model_outputs(model, net.x), [i for i, own in enumerate(model.parameters) if id(own) in wanted]
    found = [complex_step(function, model.values, index) for index in chosen]
    shape = function(*model.values).shape
    return np.concatenate([matrix.reshape(*shape, -1) for matrix in found], axis=-1)


def same_map(found, dense, out_shape, in_shape):
    assert isinstance(found, NetworkJacobian)
    assert found.shape == (*out_shape, *in_shape) == dense.shape
    assert relative_error(found.todense(), dense) <= EXACT
    for seeds in [(), (2,), (2, 3)]:
        cotangent, tangent = normal(*seeds, *out_shape), normal(*seeds, *in_shape)
        assert relative_error(found.vjp(cotangent), contract(cotangent, dense, out_shape)) <= EXACT
        assert relative_error(found.jvp(tangent), push(dense, tangent, in_shape)) <= EXACT
    cotangent, tangent = normal(*out_shape), normal(*in_shape)
    left, right = (cotangent * found.jvp(tangent)).sum(), (found.vjp(cotangent) * tangent).sum()
    assert relative_error(left, right) <= EXACT


@numbers
def test_jacobian_by_inputs(net):
    model = net.compiled()
    dense = complex_step(lambda x: model.linearize(x, *model.values)[0], [net.x])
    found, out_shape = model.jacobian(net.x), dense.shape[: dense.ndim - net.x.ndim]
    same_map(found, dense, out_shape, net.x.shape)
    rows = np.arange(len(net.x))
    own = np.moveaxis(dense, len(out_shape), 1)[rows, rows]
    assert relative_error(found.per_example(), own) <= EXACT
    cotangent = normal(*out_shape)
    assert relative_error(found.per_example(cotangent), contract(cotangent, dense, out_shape)) <= EXACT


@nets
def test_jacobian_by_parameters_and_by_one_layer(net):
    model = net.compiled()
    for wrt in ("parameters", *(layer.name for layer in model.layers if layer.trainable_weights)):
        dense = dense_by(model, net, wrt)
        found = model.jacobian(net.x, wrt=wrt)
        same_map(found, dense, dense.shape[:-1], dense.shape[-1:])
        assert relative_error(found.per_example(), dense) <= EXACT
        cotangent = normal(*dense.shape[:-1])
        axes = tuple(range(1, cotangent.ndim))
        expected = (cotangent[..., None] * dense).sum(axis=axes)
        assert relative_error(found.per_example(cotangent), expected) <= EXACT
        assert found.vector.size == dense.shape[-1]
        by_name = found.vector.by_name(found.vjp(cotangent))
        assert [name for name in model.derivatives.parameter_names() if name in by_name] == list(by_name)


def test_rows_that_mix():
    """In training mode of a batch normalization every output depends on all rows; per example, it still adds up."""

    class Centered(Layer):
        def call(self, inputs):
            return inputs - ops.mean(inputs, axis=0, keepdims=True) ** 2

    model = Sequential([Input((4,)), Dense(3, activation="tanh"), Centered(), Dense(2)], seed=0, dtype="float64")
    x = normal(5, 4)
    dense = complex_step(lambda x: model.linearize(x, *model.values)[0], [x])
    found = model.jacobian(x)
    assert found.mixes_rows
    same_map(found, dense, (5, 2), (5, 4))
    rows = np.arange(5)
    assert relative_error(found.per_example(), np.moveaxis(dense, 2, 1)[rows, rows]) <= EXACT
    by_parameters = model.jacobian(x, wrt="parameters")
    cotangent = normal(5, 2)
    per_row = by_parameters.per_example(cotangent)
    for row in range(5):
        alone = np.where(np.arange(5)[:, None] == row, cotangent, 0)
        assert relative_error(per_row[row], by_parameters.vjp(alone)) <= EXACT


@nets
@seeded
def test_vjp_and_jvp_of_the_model(net, seeds):
    model, whole = net.compiled(), net.x.dtype.kind != "f"
    by_parameters = dense_by(model, net, "parameters")
    out_shape, count = by_parameters.shape[:-1], by_parameters.shape[-1]
    by_inputs = None if whole else complex_step(lambda x: model.linearize(x, *model.values)[0], [net.x])
    cotangent = normal(*seeds, *out_shape)
    own, vector = model.vjp(net.x, cotangent)
    assert relative_error(vector, contract(cotangent, by_parameters, out_shape)) <= EXACT
    assert own is None if whole else relative_error(own, contract(cotangent, by_inputs, out_shape)) <= EXACT
    dparameters = normal(*seeds, count)
    expected = push(by_parameters, dparameters, (count,))
    assert relative_error(model.jvp(net.x, dparameters=dparameters), expected) <= EXACT
    if whole:
        with pytest.raises(ConfigError, match="tangent must be None"):
            model.jvp(net.x, net.x)
    else:
        tangent = normal(*seeds, *net.x.shape)
        pushed = push(by_inputs, tangent, net.x.shape)
        assert relative_error(model.jvp(net.x, tangent), pushed) <= EXACT
        assert relative_error(model.jvp(net.x, tangent, dparameters), pushed + expected) <= EXACT
    assert not model.jvp(net.x).any()


def loss_of(model, net):
    steps = model.trainer.ready_steps()
    y = steps.loss.prepare_targets(net.y, model.output_shape, "float64")

    def value(*values):
        return steps.loss.linearize(y, steps.chain.linearize(net.x, *values)[0], net.weights)[0]

    return value


@nets
def test_gradient_equals_a_complex_step_through_the_loss(net):
    model = net.compiled()
    value, trained = loss_of(model, net), {id(own) for own in model.trainable_weights}
    chosen = [index for index, own in enumerate(model.parameters) if id(own) in trained]
    expected = flat([complex_step(value, model.values, index) for index in chosen])
    assert relative_error(model.gradient(net.x, net.y, net.weights), expected) <= EXACT


@nets
def test_per_example_gradients_are_those_of_one_row_at_a_time(net):
    model = net.compiled()
    found = model.per_example_gradients(net.x, net.y, net.weights)
    assert found.shape == (len(net.x), sum(own.size for own in model.trainable_weights))
    for row in range(len(net.x)):
        one = slice(row, row + 1)
        alone = model.gradient(net.x[one], net.y[one], None if net.weights is None else net.weights[one])
        assert relative_error(found[row], alone) <= EXACT
    total = model.gradient(net.x, net.y, net.weights)
    assert relative_error(found.sum(0) if net.name.startswith("sum") else found.mean(0), total) <= EXACT
    by_name = model.per_example_gradients(net.x, net.y, net.weights, flat=False)
    assert [array.shape[1:] for array in by_name.values()] == [own.shape for own in model.trainable_weights]
    assert relative_error(np.concatenate([a.reshape(len(found), -1) for a in by_name.values()], axis=1), found) == 0


def test_per_example_gradients_of_a_loss_that_compares_examples():
    """Each is the gradient of that example's loss, through the outputs of the others too."""

    class Spread(Loss):
        def call(self, y_true, y_pred):
            return ops.mean((y_pred - ops.mean(y_pred, axis=0, keepdims=True)) ** 2, axis=-1)

    model = Sequential([Input((4,)), Dense(3, activation="tanh"), Dense(2)], seed=0, dtype="float64")
    model.compile("sgd", Spread())

    def losses(*values):
        return Spread().per_row(None, model.linearize(X, *values)[0])[0]

    expected = [complex_step(losses, model.values, index).reshape(6, -1) for index in range(4)]
    found = model.per_example_gradients(X, NUMBERS[:, :2])
    assert relative_error(found, np.concatenate(expected, axis=1)) <= EXACT
    assert relative_error(found.mean(0), model.gradient(X, NUMBERS[:, :2])) <= EXACT


def hessian(model, net, step=1e-3):
    """The dense Hessian of the loss, by a stencil through its gradient."""
    parameters, columns = model.trainable_weights, []
    for parameter in parameters:
        for place in np.ndindex(parameter.shape):
            start, column = parameter.value[place], 0
            for count, weight in {-2: 1, -1: -8, 1: 8, 2: -1}.items():
                parameter.value[place] = start + count * step
                column = column + weight * model.gradient(net.x, net.y, net.weights) / (12 * step)
            parameter.value[place] = start
            columns.append(column)
    return np.stack(columns, axis=-1)


@nets
def test_hvp_equals_the_dense_hessian(net):
    model = net.compiled()
    dense, count = hessian(model, net), sum(own.size for own in model.trainable_weights)
    found = np.stack([model.hvp(net.x, net.y, column, net.weights) for column in np.eye(count)], axis=-1)
    assert relative_error(found, dense) <= NEAR
    assert relative_error(found, found.T) <= EXACT


@nets
def test_ggn_vp_equals_the_dense_product(net):
    model = net.compiled()
    jacobian, steps = net.by_parameters(model), model.trainer.ready_steps()
    outputs = steps.chain.linearize(net.x, *model.values)[0]
    middle = steps.loss.output_hessian(net.y, outputs, net.weights).todense()
    matrix, bend = jacobian.reshape(-1, jacobian.shape[-1]), middle.reshape(outputs.size, outputs.size)
    v = normal(matrix.shape[1])
    assert relative_error(model.ggn_vp(net.x, net.y, v, net.weights), matrix.T @ (bend @ (matrix @ v))) <= EXACT


def test_vectors_come_back_in_the_form_that_was_passed():
    net = NETS[0]
    model = net.compiled()
    shapes = [own.shape for own in model.trainable_weights]
    arrays = [normal(*shape) for shape in shapes]
    named = dict(zip(["dense.kernel", "dense.bias", "dense_1.kernel", "dense_1.bias"], arrays, strict=True))
    pushed = model.jvp(net.x, dparameters=flat(arrays))
    for given in (arrays, tuple(arrays), named, dict(reversed(named.items()))):
        np.testing.assert_array_equal(model.jvp(net.x, dparameters=given), pushed)
    for product in (model.hvp, model.ggn_vp):
        vector = product(net.x, net.y, flat(arrays))
        assert vector.shape == (sum(array.size for array in arrays),)
        as_list = product(net.x, net.y, arrays)
        assert [array.shape for array in as_list] == shapes
        np.testing.assert_array_equal(flat(as_list), vector)
        as_dict = product(net.x, net.y, dict(reversed(named.items())))
        assert list(as_dict) == list(named)
        np.testing.assert_array_equal(flat(as_dict.values()), vector)
        np.testing.assert_array_equal(
            product(net.x, net.y, np.ones(vector.shape, int)), product(net.x, net.y, np.ones(vector.shape))
        )


def test_frozen_layers_are_not_among_the_parameters():
    net = NETS[0]
    model = net.compiled()
    model.layers[0].trainable = False
    model.compile("sgd", "mse")
    assert model.jacobian(net.x, wrt="parameters").in_shape == (18,)
    assert model.gradient(net.x, net.y).shape == (18,)
    assert model.per_example_gradients(net.x, net.y).shape == (6, 18)
    assert model.hvp(net.x, net.y, np.ones(18)).shape == (18,)
    assert model.jacobian(net.x, wrt="dense").in_shape == (25,)


def test_derivatives_are_those_of_inference_and_change_nothing():
    net = next(net for net in NETS if net.name == "normalized")
    model = net.compiled()
    before = model.get_weights()
    model.jacobian(net.x, "parameters"), model.hvp(net.x, net.y, np.ones(model.gradient(net.x, net.y).size))
    model.ggn_vp(net.x, net.y, np.ones(model.gradient(net.x, net.y).size)), model.per_example_gradients(net.x, net.y)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert relative_error(model.gradient(net.x, net.y), model.gradient(net.x, net.y)) == 0


ACTIVATIONS = ["relu", "leaky_relu", "elu", "selu", "softsign", "hard_sigmoid", "sigmoid", "softplus", "silu", "tanh"]
ACTIVATIONS += ["mish"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_hvp_where_a_layer_sits_exactly_at_zero(activation):
    """A row of zeros meets zero biases: what is analytic there counts, what jumps counts as constant, either way."""
    model = Sequential([Input((3,)), Dense(4, activation=activation), Dense(1)], seed=1, dtype="float64")
    model.compile("sgd", "mse")
    x, y = np.array([[0.0, 0, 0], [1.0, -2.0, 0.5]]), np.array([1.0, -1.0])
    count = model.gradient(x, y).size
    dense = np.stack([model.hvp(x, y, column) for column in np.eye(count)], axis=-1)
    assert relative_error(dense, dense.T) <= EXACT
    v = normal(count)
    assert relative_error(model.hvp(x, y, v), dense @ v) <= EXACT
    assert relative_error(model.hvp(x, y, -v), -(dense @ v)) <= EXACT


def test_hvp_of_logits_that_are_exactly_zero():
    """The second derivative of a logistic regression at zero weights is x x' / 4."""
    for loss, shape in (({"BinaryCrossentropy": {"from_logits": True}}, 1), (CROSS, 2)):
        model = Sequential([Input((4,)), Dense(shape, kernel_initializer="zeros")], seed=0, dtype="float64")
        model.compile("sgd", loss)
        labels = np.array([0, 1, 0, 1, 1, 0])
        design = np.concatenate([X, np.ones((6, 1))], axis=1)
        block = design.T @ design / 6 / 4
        expected = block if shape == 1 else np.einsum("ij,uv->iujv", block, [[1, -1], [-1, 1]]).reshape(10, 10)
        found = np.stack([model.hvp(X, labels, column) for column in np.eye(len(expected))], axis=-1)
        assert relative_error(found, expected) <= EXACT


def test_hvp_takes_what_is_stopped_for_a_constant():
    """The derivative of the gradient leaves out what the gradient leaves out."""

    class Halted(Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(input_shape[-1:], name="kernel", initializer="uniform")

        def call(self, inputs):
            return inputs * self.kernel * ops.stop_gradient(ops.exp(self.kernel))

    model = Sequential([Input((3,)), Halted()], seed=0, dtype="float64")
    model.compile("sgd", "mse")
    x, y, v = normal(5, 3), normal(5, 3), normal(3)
    stopped = x * np.exp(model.values[0])
    assert relative_error(model.hvp(x, y, v), (2 / 15) * (stopped * stopped).sum(0) * v) <= EXACT


def test_float32_models_give_float32():
    set_floatx("float32")
    model = Sequential([Input((4,)), Dense(5, activation="relu"), Dense(3)], seed=0)
    model.compile("sgd", CROSS)
    x = X.astype("float32")
    v = np.ones(model.gradient(x, LABELS).size, np.float32)
    for found in (
        model.gradient(x, LABELS),
        model.per_example_gradients(x, LABELS),
        model.hvp(x, LABELS, v),
        model.ggn_vp(x, LABELS, v),
        model.jvp(x, x, v),
        *model.vjp(x, np.ones((6, 3))[:, :, ...].astype("float32")),
        model.jacobian(x).todense(),
        model.jacobian(x, "parameters").per_example(),
    ):
        assert found.dtype == np.float32
    exact = Sequential([Input((4,)), Dense(5, activation="relu"), Dense(3)], seed=0, dtype="float64")
    exact.compile("sgd", CROSS)
    exact.set_weights(model.get_weights())
    assert relative_error(model.hvp(x, LABELS, v), exact.hvp(x.astype("float64"), LABELS, v)) <= 1e-5


def test_repr_is_a_tree_with_shapes_and_bytes():
    net = next(net for net in NETS if net.name == "model inside")
    shown = repr(net.compiled().jacobian(net.x, wrt="parameters"))
    lines = shown.splitlines()
    assert lines[0].startswith("Jacobian of (6, 3) by (")
    assert "kept" in lines[0] and "if dense" in lines[0]
    for part in ("KernelOfRows (4, 4) -> (6, 4)", "Broadcast (3,) -> (6, 3)", "MatMul()", "Tanh()", "dense"):
        assert part in shown
    assert lines[-1].startswith("   └─ ")


def test_repr_of_attention_inside_a_layer_ends():
    """What shows the same Jacobians again, by another of their inputs, is left out."""
    model = Sequential([Input((3, 2)), Attends()], seed=0)
    shown = str(model.jacobian(normal(2, 3, 2)))
    assert shown.count("query: Partial (2, 3, 2, 2) -> (2, 3, 2, 2)") == 1, shown


WRONG = [
    (lambda m: m.jacobian(X, wrt="dens"), ConfigError, "'dens'.*did you mean 'dense'"),
    (lambda m: m.jacobian(X, wrt="dropout"), ConfigError, "'dropout' .*no parameters"),
    (lambda m: m.jacobian(normal(6, 5)), ShapeError, r"\(None, 4\).*\(6, 5\)"),
    (lambda m: m.vjp(X, normal(6, 2)), ShapeError, r"the model: vjp needs a cotangent.*\(\.\.\., 6, 3\).*\(6, 2\)"),
    (lambda m: m.vjp(X, normal(3)), ShapeError, r"the model: vjp.*\(\.\.\., 6, 3\).*\(3,\)"),
    (lambda m: m.jvp(X, normal(6, 5)), ShapeError, r"the model: jvp.*\(\.\.\., 6, 4\).*\(6, 5\)"),
    (lambda m: m.jvp(X, None, normal(7)), ShapeError, r"jvp needs a vector of shape \(43,\).*\(7,\)"),
    (lambda m: m.jvp(X, None, [normal(4, 5)]), ShapeError, r"jvp needs arrays of the shapes \[\(4, 5\), \(5,\)"),
    (
        lambda m: m.jvp(X, None, {"dense.kernel": normal(4, 5)}),
        ShapeError,
        "jvp needs an array for each of dense.kernel, d",
    ),
    (lambda m: m.hvp(X, LABELS, normal(42)), ShapeError, r"hvp needs a vector of shape \(43,\).*\(42,\)"),
    (lambda m: m.hvp(X, LABELS, normal(2, 43)), ShapeError, r"hvp needs a vector of shape \(43,\).*\(2, 43\)"),
    (lambda m: m.ggn_vp(X, LABELS, normal(2, 43)), ShapeError, r"ggn_vp needs a vector of shape \(43,\).*\(2, 43\)"),
    (lambda m: m.per_example_gradients(X, LABELS[:3]), DataError, "6|3"),
    (lambda m: m.gradient(X, LABELS + 3), DataError, "class"),
    (lambda m: m.jacobian(X).vjp(normal(6, 2)), ShapeError, r"vjp of the Jacobian of \(6, 3\) by \(6, 4\).*\(6, 2\)"),
    (lambda m: m.jacobian(X).jvp(normal(4)), ShapeError, r"jvp of the Jacobian.*\(\.\.\., 6, 4\), got \(4,\)"),
    (lambda m: m.jacobian(X).per_example(normal(2, 6, 3)), ShapeError, r"per_example.*shape \(6, 3\), got \(2, 6, 3\)"),
    (lambda m: m.jacobian(X, "parameters").jvp(normal(42)), ShapeError, r"jvp.*\(\.\.\., 43\), got \(42,\)"),
]


@pytest.mark.parametrize(("ask", "error", "message"), WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_what_does_not_fit_is_one_error_that_says_what_is_needed(ask, error, message):
    model = Sequential([Input((4,)), Dense(5), Dropout(0.1), Dense(3)], seed=0, dtype="float64")
    model.compile("sgd", CROSS)
    with pytest.raises(error, match=message):
        ask(model)


def test_indices_and_missing_losses():
    net = next(net for net in NETS if net.name == "indices")
    with pytest.raises(ConfigError, match="indices or strings, which have no derivative"):
        net.compiled().jacobian(net.x)
    model = Sequential([Input((4,)), Dense(3)], seed=0)
    for ask in (model.per_example_gradients, model.gradient):
        with pytest.raises(NotReadyError, match=r"call compile\(optimizer=..., loss=...\) before"):
            ask(X, NUMBERS)


class Forgetful(Layer):
    """One parameter, no map for it."""

    def build(self, input_shape):
        self.gain = self.add_weight(input_shape[-1:], "ones", name="gain")

    def linearize(self, inputs, gain):
        return inputs * gain, Jacobians(ops.Square().linearize(inputs)[1][0])


def test_too_few_maps_are_one_error_that_names_the_layer():
    model = Sequential([Dense(3), Forgetful(name="mine")], seed=0)
    with pytest.raises(
        ShapeError, match=r"layer 'mine' \(Forgetful\): linearize must return.*each of its 1 parameters"
    ):
        model.jacobian(X)


@pytest.fixture
def large():
    set_floatx("float32")
    model = Sequential([Input((784,)), Dense(512, activation="relu"), Dense(512, activation="relu"), Dense(10)], seed=0)
    return model, generator.normal(size=(128, 784)).astype(np.float32)


def test_jacobian_of_a_large_net_takes_little_memory(large):
    model, x = large
    activations = 4 * 128 * (2 * 512 + 2 * 512 + 10)  # of both hidden layers, before and after relu, and the outputs
    model.jacobian(x, wrt="parameters")
    tracemalloc.start()
    jacobian = model.jacobian(x, wrt="parameters")
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    jacobian.vjp(np.ones((128, 10), np.float32))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept - activations < 5 * 2**20
    assert peak - kept < 4 * 2**20 * 3  # a product takes the vector of results, and cotangents
    assert jacobian.dense_nbytes == 4 * 128 * 10 * 669_706 > 3 * 2**30
    assert math.prod(jacobian.shape) == 128 * 10 * 669_706


def test_dense_limit(large):
    model, x = large
    jacobian = model.jacobian(x, wrt="parameters")
    with pytest.raises(
        DataError, match=r"\(128, 10\) by \(669706,\) takes 3.19 GiB, the limit is 1 GiB.*set_dense_limit"
    ):
        jacobian.todense()
    with pytest.raises(DataError, match=r"per-example form.*3.19 GiB.*set_dense_limit"):
        jacobian.per_example()
    small, before = model.jacobian(x[:1], wrt="dense_2"), dense_limit()
    try:
        set_dense_limit(small.dense_nbytes - 1)
        with pytest.raises(DataError, match="200 KiB, the limit is 200 KiB"):
            small.todense()
        set_dense_limit(small.dense_nbytes)
        assert small.todense().shape == (1, 10, 5130)
    finally:
        set_dense_limit(before)
    for wrong in (-1, 1.5, True, "1 GiB"):
        with pytest.raises(ConfigError, match="integer number of bytes"):
            set_dense_limit(wrong)
