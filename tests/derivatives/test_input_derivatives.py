"""InputDerivatives: trained derivatives with respect to inputs, against differences, the Jacobian and PyTorch."""

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, load_model
from nnlite.cli import main
from nnlite.errors import ConfigError, NNLiteError, ShapeError
from nnlite.layers import (
    BatchNormalization,
    Dense,
    Dot,
    Dropout,
    InputDerivatives,
    Layer,
    Normalization,
    TimeDistributed,
)
from nnlite.training.full_batch.objective import WholeLoss

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(7, 3))


def made(order=2, columns=None, activation="tanh", units=2, inner=()):
    layers = [*inner, Dense(6, activation), Dense(5, activation), Dense(units)]
    layer = InputDerivatives(layers, columns=columns, order=order, dtype="float64")
    model = Sequential([Input((3,)), layer], seed=0, dtype="float64")
    for weight in model.trainable_weights:
        weight.assign(RANDOM.normal(size=weight.shape))
    return model, Sequential([Input((3,)), *layer.layers], dtype="float64")


@pytest.mark.parametrize("columns", [None, [2, 0]])
def test_the_terms_are_those_of_the_network(columns):
    model, u = made(columns=columns)
    terms = model.predict(X, verbose=0).reshape(7, -1, 2)
    chosen = [0, 1, 2] if columns is None else columns
    np.testing.assert_allclose(terms[:, 0], u.predict(X, verbose=0), rtol=1e-13)
    slopes = np.stack([u.jacobian(X).per_example(np.eye(2)[[place] * 7]) for place in (0, 1)], axis=-1)
    np.testing.assert_allclose(terms[:, 1 : 1 + len(chosen)], slopes[:, chosen], rtol=1e-12, atol=1e-14)
    for place, column in enumerate(chosen):
        step = 1e-5 * np.eye(3)[column]
        ahead, behind = (
            np.stack([u.jacobian(X + s).per_example(np.eye(2)[[k] * 7])[:, column] for k in (0, 1)], axis=-1)
            for s in (step, -step)
        )
        np.testing.assert_allclose(terms[:, 1 + len(chosen) + place], (ahead - behind) / 2e-5, rtol=1e-6, atol=1e-6)


def loss_of(model, x, y, weights):
    model.set_weights(weights)
    return float(model.evaluate(x, y, verbose=0))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "gelu"])
def test_gradients_of_parameters_against_differences(order, activation):
    model, _ = made(order, activation=activation)
    model.compile("sgd", "mse")
    y, weights = RANDOM.normal(size=model.predict(X, verbose=0).shape), model.get_weights()
    gradient, place = model.gradient(X, y), 0
    for number, weight in enumerate(weights):
        for index in np.ndindex(weight.shape):
            around = []
            for step in (1e-6, -1e-6):
                moved = [value.copy() for value in weights]
                moved[number][index] += step
                around.append(loss_of(model, X, y, moved))
            assert gradient[place] == pytest.approx((around[0] - around[1]) / 2e-6, rel=1e-6, abs=1e-6)
            place += 1


@pytest.mark.parametrize("order", [1, 2])
def test_gradients_against_double_backward_of_torch(order):
    torch = pytest.importorskip("torch")
    model, _ = made(order, units=1)
    model.compile("sgd", "mse")
    y = RANDOM.normal(size=model.predict(X, verbose=0).shape)
    layers, weights = [], model.get_weights()
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        layers.append(torch.nn.Linear(*kernel.shape, dtype=torch.float64))
        layers[-1].weight.data, layers[-1].bias.data = torch.tensor(kernel.T), torch.tensor(bias)
    x = torch.tensor(X, requires_grad=True)
    hidden = torch.tanh(layers[1](torch.tanh(layers[0](x))))
    value = layers[2](hidden)
    (first,) = torch.autograd.grad(value.sum(), x, create_graph=True)
    terms = [value, first]
    if order == 2:
        terms += [torch.autograd.grad(first[:, k].sum(), x, create_graph=True)[0][:, k : k + 1] for k in range(3)]
    loss = ((torch.cat(terms, dim=1) - torch.tensor(y)) ** 2).mean()
    loss.backward()
    grads = [part.numpy().ravel() for own in layers for part in (own.weight.grad.T, own.bias.grad)]
    expected = np.concatenate(grads)
    np.testing.assert_allclose(model.gradient(X, y), expected, rtol=1e-9 if order == 1 else 1e-8, atol=1e-10)


def test_products_agree_with_one_another():
    model, _ = made()
    jacobian = model.jacobian(X, wrt="parameters")
    dense, g = jacobian.todense(), RANDOM.normal(size=(7, 14))
    np.testing.assert_allclose(jacobian.per_example(g).sum(axis=0), jacobian.vjp(g), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(np.tensordot(g, dense, 2), jacobian.vjp(g), rtol=1e-9, atol=1e-9)
    v = RANDOM.normal(size=dense.shape[-1])
    np.testing.assert_allclose(model.jvp(X, dparameters=v), dense @ v, rtol=1e-9, atol=1e-9)
    by_inputs, tangent = model.jacobian(X).todense(), RANDOM.normal(size=X.shape)
    np.testing.assert_allclose(model.jvp(X, tangent), np.tensordot(by_inputs, tangent, 2), rtol=1e-9, atol=1e-8)
    ahead, behind = (model.predict(X + step * tangent, verbose=0) for step in (1e-5, -1e-5))
    np.testing.assert_allclose(model.jvp(X, tangent), (ahead - behind) / 2e-5, rtol=1e-5, atol=1e-5)


def test_slopes_help_where_values_are_few():
    """Sobolev training: five points of a wave with their slopes, against the five values."""
    x, new = np.linspace(-2, 2, 5)[:, None], np.linspace(-2, 2, 200)[:, None]
    errors = []
    for order in (0, 1):
        body = [Dense(8, "tanh"), Dense(1)]
        layers = [InputDerivatives(body)] if order else body
        model = Sequential([Input((1,)), *layers], seed=0, dtype="float64")
        model.compile("LevenbergMarquardt", "mse")
        model.fit(x, np.concatenate([np.sin(2 * x), 2 * np.cos(2 * x)][: 1 + order], axis=1), epochs=300, verbose=0)
        errors.append(np.abs(Sequential(body).predict(new, verbose=0) - np.sin(2 * new)).max())
    assert errors[1] < 0.1 and errors[0] > 0.2


def test_a_differential_equation_is_solved():
    """u'' = -pi^2 sin(pi x), u(-1) = u(1) = 0, by Levenberg-Marquardt."""
    inside = np.linspace(-1, 1, 40)[:, None]
    x = np.concatenate([inside, [[-1.0], [1.0]]])
    coefficients = np.concatenate([np.tile([[0, 0, 1.0]], (40, 1)), np.tile([[30.0, 0, 0]], (2, 1))])
    y = np.concatenate([-(np.pi**2) * np.sin(np.pi * inside), np.zeros((2, 1))])
    place, weights = Input((1,), dtype="float64"), Input((3,), dtype="float64")
    terms = InputDerivatives([Dense(10, "tanh"), Dense(10, "tanh"), Dense(1)], order=2, dtype="float64")
    model = Model([place, weights], Dot(axes=1, dtype="float64")([terms(place), weights]), seed=1)
    model.compile("LevenbergMarquardt", "mse")
    model.fit([x, coefficients], y, epochs=150, verbose=0)
    new = np.linspace(-1, 1, 300)[:, None]
    error = Sequential(terms.layers).predict(new, verbose=0) - np.sin(np.pi * new)
    assert np.linalg.norm(error) / np.linalg.norm(np.sin(np.pi * new)) < 1e-3


def test_yaml_and_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.linspace(-2, 2, 60)
    lines = [f"{a:.6f},{np.sin(a):.6f},{np.cos(a):.6f}" for a in x]
    (tmp_path / "wave.csv").write_text("\n".join(["x,u,slope", *lines]) + "\n")
    (tmp_path / "config.yaml").write_text(
        "seed: 0\ndata:\n  source: {Csv: {path: wave.csv, target: [u, slope]}}\n  split: {validation: 0.2}\n"
        "model:\n  - InputDerivatives: {layers: [{Dense: {units: 8, activation: tanh}}, {Dense: {units: 1}}]}\n"
        "compile: {optimizer: LBFGS, loss: mse}\nfit: {epochs: 20}\n"
    )
    assert main(["train", "config.yaml", "--quiet", "--out", "run"]) == 0
    model = load_model("run/model.safetensors")
    assert isinstance(model.layers[0], InputDerivatives) and model.layers[0].order == 1
    assert model.predict(x[:, None], verbose=0).shape == (60, 2)


def test_layers_that_learn_from_data_and_float32():
    scaling = Normalization()
    scaling.adapt(X)
    model, u = made(1, inner=[scaling])
    assert np.allclose(model.predict(X, verbose=0)[:, :2], u.predict(X, verbose=0))
    single = Sequential([Input((3,)), InputDerivatives([Dense(4, "tanh"), Dense(1)], order=2)], seed=0)
    assert single.predict(X, verbose=0).dtype == np.float32
    single.compile("adam", "mse")
    losses = single.fit(X, np.zeros((7, 7)), epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("layers", "options", "message"),
    [
        ([Dense(8, "relu"), Dense(1)], {"order": 2}, "need analytic functions"),
        ([Dense(8, "elu"), Dense(1)], {"order": 2}, "need analytic functions"),
        ([Dense(4), Dropout(0.5)], {}, "draws at random"),
        ([Dense(1)], {"columns": [3]}, "columns from 0 to 2"),
        ([Dense(1)], {"columns": [0, 0]}, "each once"),
        ([Dense(1)], {"order": 3}, "order"),
    ],
)
def test_bad_layers(layers, options, message):
    with pytest.raises(NNLiteError, match=message):
        Sequential([Input((3,)), InputDerivatives(layers, **options)])


def test_what_has_no_such_derivatives():
    with pytest.raises(ShapeError, match="needs rows of numbers"):
        Sequential([Input((2, 3)), InputDerivatives([TimeDistributed(Dense(1))])])
    with pytest.raises(ConfigError, match="its layers mix rows"):
        model = Sequential([Input((3,)), InputDerivatives([Dense(2), BatchNormalization()])])
        model.compile("sgd", "mse")
        model.fit(X, np.zeros((7, 8)), verbose=0)
    layer = InputDerivatives([Dense(2, "tanh")], dtype="float64")
    layer(X)
    with pytest.raises(ConfigError, match="so that no complex numbers can go through it"):
        layer.linearize(X + 0j, *layer.values)


def slopes_and_hessian(order, rows, targets, values):
    """Gradient and Hessian of the loss by torch's own second and third derivatives."""
    torch = pytest.importorskip("torch")
    shapes = [np.shape(value) for value in values]
    sizes = [int(np.prod(shape)) for shape in shapes]

    def loss(flat):
        kernel, bias, last, shift = (p.reshape(s) for p, s in zip(flat.split(sizes), shapes, strict=True))
        x = torch.tensor(rows, requires_grad=True)
        u = torch.tanh(x @ kernel + bias) @ last + shift
        terms, seconds = [u], []
        (slopes,) = torch.autograd.grad(u.sum(), x, create_graph=True)
        for column in range(rows.shape[1]):
            terms.append(slopes[:, column : column + 1])
            second = torch.autograd.grad(slopes[:, column].sum(), x, create_graph=True)[0]
            seconds.append(second[:, column : column + 1])
        terms += seconds if order == 2 else []
        return ((torch.cat(terms, 1) - torch.tensor(targets)) ** 2).mean()

    flat = torch.tensor(np.concatenate([np.ravel(value) for value in values]), requires_grad=True)
    slopes = torch.autograd.grad(loss(flat), flat)[0]
    return slopes.numpy(), torch.autograd.functional.hessian(loss, flat).numpy()


@pytest.mark.parametrize("dtype, accuracy", [("float64", 1e-9), ("float32", 1e-5)])
@pytest.mark.parametrize("order", [1, 2])
def test_products_with_the_hessian(order, dtype, accuracy):
    model = Sequential([Input((2,)), InputDerivatives([Dense(5, "tanh"), Dense(1)], order=order)], seed=0, dtype=dtype)
    model.compile("NewtonCG", "mse")
    rows = X[:, :2].astype(np.float32).astype(np.float64)
    targets = np.random.default_rng(3).normal(size=(7, 1 + 2 * order)).astype(np.float32).astype(np.float64)
    values = [np.asarray(value, np.float64) for value in model.values]
    slopes, hessian = slopes_and_hessian(order, rows, targets, values)
    v = np.random.default_rng(4).normal(size=len(slopes))
    near = accuracy * np.abs(hessian @ v).max()
    np.testing.assert_allclose(model.hvp(rows, targets, v), hessian @ v, rtol=0, atol=near)
    np.testing.assert_allclose(model.hvp(rows, targets, 1e-3 * v), 1e-3 * hessian @ v, rtol=0, atol=1e-3 * near)
    assert not model.hvp(rows, targets, 0 * v).any()
    whole = WholeLoss(model.trainer.new_steps(), (rows, targets, None), training=False)
    exact = 1e-9 * np.abs(hessian @ v).max()  # in float64, whatever the model's weights are kept in
    np.testing.assert_allclose(whole.hessian_product(whole.point, v), hessian @ v, rtol=0, atol=exact)
    losses = model.fit(rows, targets, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]


def test_a_hessian_where_slopes_have_kinks():
    model = Sequential([Input((3,)), InputDerivatives([Dense(8, "relu"), Dense(1)])], seed=0, dtype="float64")
    model.compile("sgd", "mse")
    v, y = np.ones(model.count_params()), np.zeros((7, 4))
    found = model.hvp(X, y, v)
    step = 1e-6
    start = model.get_weights()
    gradients = []
    for sign in (1, -1):
        model.set_weights([array + sign * step for array in start])
        gradients.append(model.gradient(X, y))
    np.testing.assert_allclose(found, (gradients[0] - gradients[1]) / (2 * step), rtol=1e-6, atol=1e-8)


def test_second_derivatives_by_some_columns_are_those_of_all():
    layers = [Dense(6, "tanh"), Dense(2)]
    every = InputDerivatives(layers, columns=[2, 0], order=2, dtype="float64")
    some = InputDerivatives(layers, columns=[2, 0], order=2, second_columns=[0], dtype="float64")
    first, second = every(X), some(X)
    assert some.compute_output_shape((None, 3)) == (None, 8)
    np.testing.assert_allclose(second, np.delete(first, slice(6, 8), axis=1), rtol=0, atol=1e-12)
    again = InputDerivatives.from_config(some.get_config())
    assert again.second_columns == [0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"second_columns": [0]}, "second_columns goes with order=2"),
        ({"order": 2, "columns": [1], "second_columns": [1, 0]}, r"second_columns \[0\] are not among its columns"),
        ({"order": 2, "second_columns": [3]}, r"needs columns from 0 to 2, each once, got \[3\]"),
    ],
)
def test_second_columns_that_cannot_be(options, message):
    with pytest.raises(ConfigError, match=message):
        InputDerivatives([Dense(1, "tanh")], dtype="float64", **options)(X)


class Squared(Layer):
    """Writes `call`, and draws nothing."""

    def call(self, inputs):
        return inputs * inputs


class Noisy(Layer):
    def __init__(self):
        super().__init__()
        self.drop = Dropout(0.5)

    def call(self, inputs):
        return self.drop(inputs)


def test_levenberg_marquardt_takes_ops_and_layers_that_draw_nothing():
    place = Input((3,), dtype="float64")
    hidden = Dense(4, "tanh", dtype="float64")(place)
    model = Model(place, Dense(1, dtype="float64")(Squared(dtype="float64")(hidden)[:, :3] * 2.0), seed=0)
    model.compile("LevenbergMarquardt", "mse")
    losses = model.fit(X, X[:, :1] ** 2, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.1 * losses[0]
    noisy = Sequential([Input((3,)), Noisy(), Dense(1)])
    noisy.compile("LevenbergMarquardt", "mse")
    with pytest.raises(ConfigError, match=r"needs a loss without chance, and .*noisy"):
        noisy.fit(X, X[:, :1], verbose=0)
