"""Layers and losses that write `call` alone: derivatives, layers kept inside, saving, threads, and what they refuse."""

import copy
import threading
from typing import Any

import numpy as np
import pytest
from draws import stream
from numeric import EXACT, complex_step, relative_error

from nnlite import Input, Model, Sequential, load_model, ops
from nnlite.check import check_layer
from nnlite.errors import ConfigError, DataError, NNLiteError, ShapeError
from nnlite.jacobians import GraphJacobians
from nnlite.layers import BatchNormalization, Dense, Dropout, Layer, LayerNormalization, ReLU
from nnlite.losses import Loss, MeanSquaredError
from nnlite.random import RandomSource
from nnlite.training.train_step import Steps

generator = np.random.default_rng(47)


pytestmark = pytest.mark.usefixtures("double_precision")


normal = stream(generator)


class Simple(Layer):
    """A Dense layer as a user of Keras writes it."""

    units: int

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")
        self.bias = self.add_weight((self.units,), "zeros", name="bias")

    def call(self, inputs):
        return ops.relu(ops.matmul(inputs, self.kernel) + self.bias)


class AutoEncoder(Layer):
    """A layer kept as an attribute whose kernel is used again, transposed: a tied weight."""

    units: int = 2

    def __post_init__(self):
        super().__post_init__()
        self.encoder = Dense(self.units, activation="tanh")

    def build(self, input_shape):
        self.gain = self.add_weight((1,), "ones", name="gain")

    def call(self, inputs):
        return self.encoder(inputs) @ self.encoder.kernel.T * self.gain


class Block(Layer):
    """Layers in a list, one of them with moving averages, one that draws, around them a residual path."""

    rate: float = 0.0

    def __post_init__(self):
        super().__post_init__()
        self.steps = [Dense(3, activation="sigmoid"), BatchNormalization(momentum=0.5), Dropout(self.rate), Dense(4)]
        self.others = {"norm": LayerNormalization()}

    def call(self, inputs, training=False):
        hidden = inputs
        for layer in self.steps:
            hidden = layer(hidden)
        return self.others["norm"](inputs + hidden) if not training else inputs + hidden


class Nested(Layer):
    """A layer of layers with `call`, a model among them, and one used twice."""

    def __post_init__(self):
        super().__post_init__()
        self.block = Block()
        self.model = Sequential([Dense(4, activation="tanh"), BatchNormalization()])
        self.twice = Dense(4, activation="silu")

    def call(self, inputs):
        return self.twice(self.twice(self.model(self.block(inputs))))


class Renewed(Dense):
    """A `call` of its own takes the place of what Dense computes."""

    def call(self, inputs):
        return ops.exp(inputs @ self.kernel)


MAKES = [
    lambda: Simple(3),
    AutoEncoder,
    Block,
    lambda: Block(0.5),
    Nested,
    lambda: Renewed(3, activation="relu"),
]
each = pytest.mark.parametrize("make", MAKES, ids=[repr(make()) for make in MAKES])


def built(make):
    layer = make()
    layer._ensure_built((None, 4), RandomSource(3))
    for parameter in layer.parameters:
        drawn = generator.uniform(0.5, 1.5, parameter.shape)
        parameter.assign(drawn if "variance" in parameter.name else drawn * generator.choice([-1, 1], parameter.shape))
    return layer


def context(training):
    return {"training": training, "random": RandomSource(7), "mask": None}


@each
def test_it_keeps_the_contract_of_layers(make):
    layer, x = built(make), normal(5, 4)
    report = check_layer(layer, inputs=x, entrywise=True)
    assert {row.verdict for row in report.rows} == {"ok"}, report
    for training in (False, True):
        jacobians = layer.linearize(x, *layer.values, **context(training))[1]
        assert isinstance(jacobians, GraphJacobians)
        assert jacobians.mixes_rows == (training and any("moving" in own.name for own in layer.parameters))


@each
def test_training_saving_and_loading(make, tmp_path):
    model = Sequential([Input((4,)), make(), Dense(2)], seed=1)
    x, y = normal(30, 4), normal(30, 2)
    model.compile({"Adam": {"learning_rate": 0.01}}, "mse")
    losses = model.fit(x, y, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.97 * losses[0]
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    assert loaded.get_config() == model.get_config()
    assert [weight.name for weight in loaded.weights] == [weight.name for weight in model.weights]
    loaded.fit(x, y, epochs=2, verbose=0)
    model.fit(x, y, epochs=2, verbose=0)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    twin = copy.deepcopy(model)
    np.testing.assert_array_equal(twin.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_gradients_as_the_built_in_layer(dtype):
    x, y = normal(64, 20).astype(dtype), normal(64, 5).astype(dtype)
    models = []
    for layer in (Simple(16), Dense(16, activation="relu")):
        model = Sequential([Input((20,)), layer, Dense(5)], seed=2, dtype=dtype)
        model.compile("sgd", "mse")
        models.append(model)
    models[0].set_weights(models[1].get_weights())
    steps = [Steps(model.trainer, join=False) for model in models]  # joined layers sum in another order
    for _ in range(3):
        losses = [own.train(x, y)[0] for own in steps]
        assert losses[0] == pytest.approx(losses[1], rel=1e-15)
        for own, theirs in zip(*(model.trainable_weights for model in models), strict=True):
            assert own.gradient.dtype == dtype
            assert np.abs(own.gradient - theirs.gradient).max() <= 1e-15 * np.abs(theirs.gradient).max()


def test_moving_averages_of_inner_layers_move():
    for layer in (built(Block), built(Nested)):
        state = [parameter for parameter in layer.parameters if not parameter.trainable]
        assert len(state) in (2, 4)
        before = [parameter.value.copy() for parameter in state]
        x = normal(6, 4)
        layer.forward(x)
        for parameter, value in zip(state, before, strict=True):
            np.testing.assert_array_equal(parameter.value, value)
        layer.forward(x, training=True)
        assert all((parameter.value != value).all() for parameter, value in zip(state, before, strict=True))
    normalization = (block := built(Block)).steps[1]
    before = normalization.moving_mean.value.copy()
    block.forward(x, training=True)
    hidden = block.steps[0](x)
    np.testing.assert_allclose(normalization.moving_mean.value, 0.5 * before + 0.5 * hidden.mean(axis=0), rtol=1e-12)


def test_dropout_inside_draws_in_training_alone():
    layer, x = built(lambda: Block(0.5)), normal(6, 4)
    np.testing.assert_array_equal(layer(x), layer(x))
    assert not np.array_equal(layer(x, training=True), layer(x, training=True))
    first, again = (layer.linearize(x, *layer.values, **context(True))[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_a_kernel_that_is_tied_gets_the_sum_of_both_paths():
    layer, x = built(AutoEncoder), normal(5, 4)
    layer.forward(x)
    upstream = normal(5, 4)
    by_kernel = layer.backward(upstream)[1 + [own.name for own in layer.parameters].index("kernel")]
    kernel, bias, gain = layer.encoder.kernel.value, layer.encoder.bias.value, layer.gain.value
    hidden = np.tanh(x @ kernel + bias)
    as_decoder = (upstream * gain).T @ hidden
    as_encoder = x.T @ (((upstream * gain) @ kernel) * (1 - hidden**2))
    assert relative_error(by_kernel, as_decoder + as_encoder) <= EXACT
    assert np.abs(as_decoder).max() > 0.1 < np.abs(as_encoder).max()


def test_frozen_inner_layers_stay():
    layer = Nested()
    layer.twice.trainable = False
    layer.block.steps[0].trainable = False
    model = Sequential([Input((4,)), layer, Dense(1)], seed=0)
    model.compile("sgd", "mse")
    frozen = [*layer.twice.parameters, *layer.block.steps[0].parameters]
    free = [*layer.block.steps[3].parameters, *layer.model.layers[0].parameters]
    assert {id(own) for own in frozen}.isdisjoint(map(id, layer.trainable_weights))
    before = [own.value.copy() for own in (*frozen, *free)]
    model.fit(normal(20, 4), normal(20), verbose=0)
    same = [np.array_equal(own.value, value) for own, value in zip((*frozen, *free), before, strict=True)]
    assert same == [True] * len(frozen) + [False] * len(free)


def test_frozen_layer_freezes_what_it_keeps():
    layer = Block()
    layer.trainable = False
    model = Sequential([Input((4,)), layer, Dense(1)], seed=0)
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(normal(20, 4), normal(20), verbose=0)
    assert layer.trainable_weights == []
    same = [np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True)]
    assert same.count(False) == 2  # the last layer's kernel and bias: moving averages stand still as well


def test_names_of_inner_layers_and_parameters():
    model = Sequential([Input((4,)), Nested(), Dense(1)], seed=0)
    names = model.derivatives.parameter_names()
    assert len(names) == len(set(names)) == len(model.parameters)
    assert "nested.dense.kernel" in names
    assert any(name.startswith("nested.block.batch_normalization.") for name in names)
    assert any(name.startswith("nested.sequential.dense.") for name in names)


def test_threads_share_a_layer():
    layer = built(Nested)
    inputs = [normal(40, 4) for _ in range(8)]
    expected = [layer(x) for x in inputs]
    wrong = []

    def work(number):
        for _ in range(20):
            if not np.array_equal(layer(inputs[number]), expected[number]):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_call_and_linearize_stand_side_by_side():
    layer = built(lambda: Renewed(3, activation="relu"))
    assert layer.without_activation() == (layer, None)
    np.testing.assert_allclose(layer(np.ones((1, 4))), np.exp(layer.kernel.value.sum(0, keepdims=True)))

    class Back(Renewed):
        def linearize(self, inputs, *parameters):
            return Dense.linearize(self, inputs, *parameters)

    assert built(lambda: Back(3)).linearize(np.ones((2, 4)), np.ones((4, 3)), np.zeros(3))[0].max() == 4


class FloatLayer(Layer):
    def call(self, inputs):
        return inputs * float(inputs[0, 0])


class MethodLayer(Layer):
    def call(self, inputs):
        return inputs.astype("float32")


class NumPyLayer(Layer):
    def call(self, inputs):
        return np.unwrap(inputs)


class ShapeLayer(Layer):
    def call(self, inputs):
        return inputs + np.zeros((2, 7))


class BorrowedParameter(Layer):
    def build(self, input_shape):
        other = Dense(2)
        other._ensure_built(input_shape)
        self.borrowed = other.kernel

    def call(self, inputs):
        return inputs @ self.borrowed


class ForeignLayer(Layer):
    other = Dense(2)  # of the class, so shared by all layers and saved with none

    def call(self, inputs):
        return type(self).other(inputs)


class IfLayer(Layer):
    def call(self, inputs):
        return inputs if inputs else -inputs


class Inner(Layer):
    def __post_init__(self):
        super().__post_init__()
        self.inner = FloatLayer()

    def call(self, inputs):
        return self.inner(inputs)


WRONG_LAYERS = [
    (FloatLayer, ConfigError, "plain array or number"),
    (MethodLayer, ConfigError, "no 'astype'"),
    (NumPyLayer, ConfigError, r"np\.unwrap has no derivative"),
    (ShapeLayer, ShapeError, "operands could not be broadcast"),
    (ForeignLayer, ConfigError, "layer Dense has weights: keep it as an attribute"),
    (IfLayer, ConfigError, "cannot be used as a condition"),
    (Inner, ConfigError, "layer 'float_layer'.*plain array or number"),
]


def test_a_parameter_as_an_attribute_is_one_of_the_layer(tmp_path):
    model = Sequential([Input((3,)), BorrowedParameter(name="mine")], seed=0)
    assert [weight.shape for weight in model.trainable_weights] == [(3, 2)]
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    model.save(tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors", custom_objects={"BorrowedParameter": BorrowedParameter})
    np.testing.assert_array_equal(loaded.predict(np.eye(3), verbose=0), model.predict(np.eye(3), verbose=0))


@pytest.mark.parametrize(("cls", "error", "message"), WRONG_LAYERS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_call_without_derivative_is_one_error_that_names_the_layer(cls, error, message):
    model = Sequential([Dense(3), cls(name="mine")], seed=0)
    for _ in range(2):
        with pytest.raises(error) as caught:
            model.build((None, 3))
        text = str(caught.value)
        assert f"layer 'mine' ({cls.__name__})" in text
        assert text.count("call must return what functions of nnlite.ops and operators make of its inputs") == 1
        assert "shape (batch, ...)" in text
        caught.match(message)
        assert isinstance(caught.value, NNLiteError)


class CallLoss(Loss):
    """Mean squared error of logarithms."""

    offset: float = 2.0

    def call(self, y_true, y_pred):
        return ops.mean(ops.square(ops.log(self.offset + y_pred * y_pred) - y_true), axis=-1)


class CallOverride(MeanSquaredError):
    """A `call` of its own takes the place of what it is derived from, the Hessian included."""

    def call(self, y_true, y_pred):
        return ops.sum((y_pred - y_true) ** 4, axis=-1)


class RowOverride(MeanSquaredError):
    """Losses of its own, without a Hessian."""

    def per_row(self, y_true, y_pred):
        losses, rows = super().per_row(y_true, y_pred)
        return losses * 3, type(rows)(rows.gradients * 3)


LOSSES = [
    (CallLoss(), lambda t, p: ((np.log(2 + p * p) - t) ** 2).mean(-1)),
    (CallLoss(offset=3.0, reduction="sum"), lambda t, p: ((np.log(3 + p * p) - t) ** 2).mean(-1)),
    (CallLoss(reduction="mean_with_sample_weight"), lambda t, p: ((np.log(2 + p * p) - t) ** 2).mean(-1)),
    (CallOverride(), lambda t, p: ((p - t) ** 4).sum(-1)),
    (RowOverride(), lambda t, p: 3 * ((p - t) ** 2).mean(-1)),
]


@pytest.mark.parametrize(("loss", "formula"), LOSSES, ids=lambda value: repr(value) if isinstance(value, Loss) else "")
@pytest.mark.parametrize("shape", [(5, 3), (2, 4, 3), (1, 1)], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_losses_with_call_alone(loss, formula, shape, weighted):
    y_true, y_pred = normal(*shape), normal(*shape)
    weights = np.linspace(0.5, 2, shape[0]) if weighted else None
    spread = np.ones(shape[:-1]) * (1 if weights is None else weights.reshape(-1, *[1] * (len(shape) - 2)))
    divisor = {"sum": 1, "mean_with_sample_weight": spread.sum()}.get(loss.reduction, spread.size)

    def value(point):
        return np.sum(formula(y_true, point) * spread) / divisor

    assert loss.forward(y_true, y_pred, weights) == pytest.approx(value(y_pred), rel=1e-13)
    assert relative_error(loss.backward(), complex_step(value, [y_pred])) <= EXACT

    def gradient(point):
        return loss.linearize(y_true, point, weights)[1].gradients

    hessian = loss.output_hessian(y_true, y_pred, weights)
    assert relative_error(hessian.todense(), complex_step(gradient, [y_pred])) <= EXACT


def test_a_loss_with_call_alone_trains_and_is_saved(tmp_path):
    model = Sequential([Input((4,)), Dense(8, activation="tanh"), Dense(1)], seed=0)
    model.compile("adam", CallLoss(offset=2.5))
    x = normal(50, 4)
    losses = model.fit(x, np.abs(x[:, :1]), epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.safetensors")
    assert load_model(tmp_path / "model.safetensors").loss.get_config() == model.loss.get_config()


class PlainLoss(Loss):
    def call(self, y_true, y_pred):
        return np.zeros(len(y_pred))


class NumberLoss(Loss):
    def call(self, y_true, y_pred):
        return ops.mean((y_true - y_pred) ** 2)


class NumPyLoss(Loss):
    def call(self, y_true, y_pred):
        return np.unwrap(y_pred, axis=-1)


class FloatLoss(Loss):
    def call(self, y_true, y_pred):
        return ops.mean(y_pred, axis=-1) * float(y_pred[0, 0])


class ShapeLoss(Loss):
    def call(self, y_true, y_pred):
        return ops.mean(y_pred + np.zeros((5, 7)), axis=-1)


WRONG_LOSSES = [
    (PlainLoss, ShapeError, "got ndarray: it has no derivative"),
    (NumPyLoss, ConfigError, r"np\.unwrap has no derivative"),
    (FloatLoss, ConfigError, "plain array or number"),
    (ShapeLoss, ShapeError, "operands could not be broadcast"),
]


@pytest.mark.parametrize(("cls", "error", "message"), WRONG_LOSSES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_loss_without_derivative_is_one_error_that_names_it(cls, error, message):
    with pytest.raises(error, match=message) as caught:
        cls().forward(normal(5, 3), normal(5, 3))
    text = str(caught.value)
    assert text.startswith(f"{cls.__name__}: ")
    assert text.count("call must return what functions of nnlite.ops and operators make of y_pred") == 1
    assert "one loss per row, shape (5, ...)" in text


def test_a_loss_or_layer_with_nothing_says_what_to_write():
    class Empty(Loss):
        pass

    class Bare(Layer):
        pass

    with pytest.raises(NotImplementedError, match="Empty must define call or per_row"):
        Empty()(np.ones((2, 1)), np.ones((2, 1)))
    with pytest.raises(NotImplementedError, match=r"Bare must define call\(inputs\) or linearize"):
        Bare()(np.ones((2, 1)))


def test_errors_in_data_keep_their_kind():
    class Rows(Layer):
        def call(self, inputs):
            return ops.take(inputs, [9], axis=1)

    with pytest.raises(DataError, match=r"Rows.*index 9.*0 to 3"):
        Rows()(np.ones((2, 4)))


def test_activation_layers_and_functions_may_be_attributes():
    class Shaped(Layer):
        def __post_init__(self):
            super().__post_init__()
            self.activation, self.layer = ops.GELU(), ReLU()

        def call(self, inputs):
            return self.activation(inputs) + self.layer(inputs)

    layer, x = Shaped(), normal(3, 4)
    layer._ensure_built((None, 4))
    np.testing.assert_allclose(layer(x), ops.gelu(x, approximate=False) + np.maximum(x, 0), rtol=1e-14)
    dense = layer.linearize(x)[1][0].todense()
    assert relative_error(dense, complex_step(lambda x: layer.linearize(x)[0], [x])) <= EXACT


class NotingCalls(Layer):
    """Notes each call, in several ways."""

    def __init__(self):
        super().__init__()
        self.inner, self.seen, self.by_name, self.lists = Dense(2), [], {}, {"lengths": []}

    def call(self, inputs):
        outputs = self.inner(inputs)
        self.seen.append(inputs.shape)
        self.by_name["last"] = outputs
        self.lists["lengths"].append(len(inputs))
        return outputs


def test_lists_and_dicts_that_call_changes_are_kept():
    layer: Any = NotingCalls()
    seen, x = layer.seen, normal(3, 4)
    outputs = [layer(x), layer(x[:2])]
    assert layer.seen is seen and seen == [(3, 4), (2, 4)]  # the trials on zeros, by which it is built, are not noted
    np.testing.assert_array_equal(layer.by_name["last"], outputs[1])
    assert layer.lists == {"lengths": [3, 2]}
    assert isinstance(layer.inner, Dense)


class WithContext(Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.main, self.side = Dense(2, use_bias=False), Dense(2, use_bias=False)

    def call(self, inputs, context=None):
        outputs = self.main(inputs)
        return outputs if context is None else outputs + self.side(context)


class CallsBoth(Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.inner = WithContext()

    def call(self, inputs):
        return self.inner(inputs) + self.inner(inputs, context=3 * inputs)


@pytest.mark.parametrize("alone_first", [True, False])
def test_an_argument_of_call_may_be_left_out_or_added_later(alone_first):
    layer, first, second = WithContext(), normal(3, 4), normal(3, 5)
    calls = [(first,), (first, second)]
    for call in calls if alone_first else calls[::-1]:
        layer(*call)
    assert [weight.shape for weight in layer.weights] == [(4, 2), (5, 2)]
    alone, both = first @ layer.main.kernel.value, second @ layer.side.kernel.value
    for _ in range(2):
        np.testing.assert_allclose(layer(first), alone, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(layer(first, second), alone + both, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(layer(first, context=second), alone + both, rtol=1e-5, atol=1e-6)
    with pytest.raises(ShapeError):
        layer(second, first)


def test_a_layer_inside_is_used_with_and_without_an_argument():
    outer, data = CallsBoth(), normal(3, 4)
    outputs = outer(data)
    main, side = (weight.value for weight in outer.inner.weights)
    np.testing.assert_allclose(outputs, 2 * data @ main + 3 * data @ side, rtol=1e-5, atol=1e-6)


class ScaledSum(Layer):
    def call(self, inputs, other=None, factor=1.0):
        return (inputs if other is None else inputs + other) * factor


@pytest.mark.parametrize("options", [{"activity_regularizer": "l2"}, {"dtype": "mixed_float16"}], ids=str)
def test_what_is_put_around_a_layer_runs_each_call_by_its_own_arguments(options):
    layer, ones = ScaledSum(**options), np.ones((2, 3), np.float32)
    for arguments, expected in [((ones,), 1), ((ones, ones), 2), ((ones, None, 3.0), 3), ((ones, ones, 3.0), 6)]:
        np.testing.assert_array_equal(layer(*arguments), np.full((2, 3), expected))
        if "activity_regularizer" in options:
            np.testing.assert_allclose(layer.losses, [0.01 * 3 * expected**2], rtol=1e-6)  # per example


class Summed(Layer):
    """Takes any number of inputs."""

    def call(self, first, *others, factor=1.0):
        return factor * sum(others, first)


def test_any_number_of_inputs():
    layer, parts = Summed(), [normal(3, 2) for _ in range(3)]
    np.testing.assert_allclose(layer(*parts, factor=2.0), 2 * sum(parts), rtol=1e-6)
    np.testing.assert_allclose(layer(*parts[:2]), parts[0] + parts[1], rtol=1e-6)
    np.testing.assert_allclose(layer(parts[0]), parts[0], rtol=1e-6)
    with pytest.raises(TypeError, match=r"unknown; Allowed: \*others, first, mask, training"):
        layer(*parts, unknown=1)
    np.testing.assert_allclose(Summed()(parts[0]), parts[0], rtol=1e-6)
    entries = [Input((2,)) for _ in range(3)]
    model = Model(entries, Dense(1)(Summed()(*entries)), seed=0)
    again = Model.from_config(model.get_config(), custom_objects={"Summed": Summed})
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(parts), model(parts))


class Constant(Layer):
    """What does not depend on the inputs, and what does."""

    def call(self, inputs):
        return ops.zeros_like(inputs), ops.argmax(inputs, axis=-1), inputs * 2.0, ops.any(inputs > 9)


def test_outputs_that_depend_on_no_input_have_no_derivative():
    layer, x = Constant(), normal(3, 2)
    zeros, places, twice, any_large = layer(x)
    assert not np.any(zeros) and not any_large and np.array_equal(places, np.argmax(x, -1))
    np.testing.assert_allclose(twice, 2 * x, rtol=1e-6)
    layer.forward(x)
    gradient = layer.backward((np.ones((3, 2)), np.ones(3), np.ones((3, 2)), None))
    np.testing.assert_array_equal(gradient, np.full((3, 2), 2.0))
