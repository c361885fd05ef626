"""The generalized Gauss-Newton matrix in all its structures, against products, loops and PyTorch."""

import itertools

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, ops
from nnlite.config import dense_limit, set_dense_limit
from nnlite.derivatives.curvature.lanczos import largest_eigenvalues
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.layers import LSTM, Add, BatchNormalization, Conv2D, Dense, Dropout, Flatten

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(12, 4))
CLASSES = RANDOM.integers(0, 3, 12)
STRUCTURES = ["dense", "block", "diagonal", "kfac", "matrix_free"]


def classifier(*more, bias=True):
    layers = [Dense(5, "tanh", use_bias=bias), *more, Dense(3, "softmax")]
    model = Sequential([Input((4,)), *layers], seed=0, dtype="float64")
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def images():
    model = Sequential(
        [Input((6, 6, 1)), Conv2D(2, 3, activation="tanh"), Flatten(), Dense(2)], seed=0, dtype="float64"
    )
    model.compile("sgd", "mse")
    return model, RANDOM.normal(size=(5, 6, 6, 1)), RANDOM.normal(size=(5, 2))


def series():
    model = Sequential([Input((4, 2)), LSTM(3, return_sequences=True), Dense(2)], seed=0, dtype="float64")
    model.compile("sgd", "mse")
    return model, RANDOM.normal(size=(5, 4, 2)), RANDOM.normal(size=(5, 4, 2))


def graph():
    inputs = Input((4,))
    hidden = Dense(3, "gelu", dtype="float64")(inputs)
    model = Model(
        inputs,
        Dense(2, dtype="float64")(Add(dtype="float64")([hidden, Dense(3, dtype="float64")(hidden)])),
        seed=0,
        dtype="float64",
    )
    model.compile("sgd", {"MeanSquaredError": {"reduction": "sum"}})
    return model, X, RANDOM.normal(size=(12, 2))


class WithWeight(Model):
    """Has a weight of its own beside that of its layer."""

    def __init__(self):
        super().__init__(seed=0, dtype="float64")
        self.hidden = Dense(3, "gelu", dtype="float64")
        self.factor = self.add_weight(shape=(3, 2), initializer="glorot_uniform", name="factor")

    def call(self, inputs):
        return ops.matmul(self.hidden(inputs), self.factor)


def written():
    model = WithWeight()
    model(X)
    model.compile("sgd", "mse")
    return model, X, RANDOM.normal(size=(12, 2))


CASES = {
    "classes": (classifier(), X, CLASSES),
    "no bias": (classifier(bias=False), X, CLASSES),
    "noise and moments": (classifier(Dropout(0.5), BatchNormalization()), X, CLASSES),
    "images": images(),
    "series": series(),
    "graph": graph(),
    "weights of the model": written(),
}
each = pytest.mark.parametrize("name", CASES)


def exact(model, x, y, weights=None):
    size = model.derivatives.gradient(x, y).size
    return np.stack([model.ggn_vp(x, y, row, weights) for row in np.eye(size)])


def groups(model):
    """The places of the parameters of the model itself, which come first, and of each layer."""
    sizes = [sum(parameter.size for parameter in layer.trainable_weights) for layer in model.layers]
    starts = np.cumsum([sum(parameter.size for parameter in model.trainable_weights) - sum(sizes), *sizes])
    slices = [slice(0, starts[0]), *(slice(start, stop) for start, stop in itertools.pairwise(starts))]
    return [places for places in slices if places.start < places.stop]


@each
def test_dense_block_and_diagonal_are_parts_of_the_matrix(name):
    model, x, y = CASES[name]
    whole = exact(model, x, y)
    np.testing.assert_allclose(model.ggn(x, y).todense(), whole, atol=1e-12)
    np.testing.assert_allclose(model.ggn(x, y, structure="matrix_free").todense(), whole, atol=1e-12)
    np.testing.assert_allclose(model.ggn(x, y, structure="diagonal").diagonal(), whole.diagonal(), atol=1e-13)
    blocks = np.zeros_like(whole)
    for places in groups(model):
        blocks[places, places] = whole[places, places]
    np.testing.assert_allclose(model.ggn(x, y, structure="block").todense(), blocks, atol=1e-12)


def test_weights_of_rows_count():
    model, x, y = CASES["classes"]
    weights = RANDOM.uniform(0, 2, len(x))
    np.testing.assert_allclose(model.ggn(x, y, weights).todense(), exact(model, x, y, weights), atol=1e-12)


@each
@pytest.mark.parametrize("structure", STRUCTURES)
def test_products_solutions_and_traces_are_those_of_the_dense_form(name, structure):
    model, x, y = CASES[name]
    curvature = model.ggn(x, y, structure=structure)
    dense, vector = curvature.todense(), RANDOM.normal(size=(2, curvature.size))
    np.testing.assert_allclose(dense, dense.T, atol=1e-13)
    np.testing.assert_allclose(curvature.vp(vector), vector @ dense, atol=1e-11)
    np.testing.assert_allclose(curvature.diagonal(), dense.diagonal(), atol=1e-13)
    assert curvature.trace() == pytest.approx(np.trace(dense), rel=1e-10)
    damped = dense + 0.1 * np.eye(curvature.size)
    np.testing.assert_allclose(curvature.solve(vector, 0.1), np.linalg.solve(damped, vector.T).T, rtol=1e-7, atol=1e-9)
    values = np.linalg.eigvalsh(dense)[::-1]
    assert curvature.top_eigenvalues()[0] == pytest.approx(values[0], rel=1e-9)
    assert str(curvature.size) in repr(curvature)


def test_vectors_come_back_in_the_form_they_went_in():
    model, x, y = CASES["classes"]
    curvature = model.ggn(x, y, structure="kfac")
    flat = RANDOM.normal(size=curvature.size)
    named = curvature.vector.by_name(flat)
    assert list(named) == model.derivatives.parameter_names() == list(curvature.vp(named))
    found = curvature.vp(list(named.values()))
    np.testing.assert_allclose(np.concatenate([part.ravel() for part in found]), curvature.vp(flat))
    with pytest.raises(ShapeError, match="solve needs a vector of shape"):
        curvature.solve(flat[1:])


def test_kronecker_factors_are_what_a_loop_makes_of_them():
    model, x, y = CASES["classes"]
    first, last = model.layers[0].get_weights(), model.layers[1].get_weights()
    left, right = [np.zeros((5, 5)), np.zeros((6, 6))], [np.zeros((5, 5)), np.zeros((3, 3))]
    for row in x:
        hidden = np.tanh(row @ first[0] + first[1])
        logits = hidden @ last[0] + last[1]
        chances = np.exp(logits) / np.exp(logits).sum()
        bend = (np.diag(chances) - np.outer(chances, chances)) / len(x)
        slope = (last[0] * (1 - hidden**2)[:, None]).T
        for place, (inputs, by) in enumerate([(row, slope), (hidden, np.eye(3))]):
            inputs = np.append(inputs, 1.0)
            left[place] += np.outer(inputs, inputs) / len(x)
            right[place] += by.T @ bend @ by
    dense = model.ggn(x, y, structure="kfac").todense()
    np.testing.assert_allclose(dense[:25, :25], np.kron(left[0], right[0]), atol=1e-14)
    np.testing.assert_allclose(dense[25:, 25:], np.kron(left[1], right[1]), atol=1e-14)
    assert not dense[:25, 25:].any()


def test_kfac_of_one_row_is_the_exact_block():
    model, x, y = CASES["classes"]
    one = model.ggn(x[:1], y[:1], structure="kfac").todense()
    np.testing.assert_allclose(one, model.ggn(x[:1], y[:1], structure="block").todense(), atol=1e-14)


def test_lanczos_finds_the_largest_as_often_as_they_are_there():
    values = np.concatenate([np.linspace(0, 1, 40), [3.0, 5.0, 9.0]])
    turn = np.linalg.qr(RANDOM.normal(size=(43, 43)))[0]
    matrix = turn @ np.diag(values) @ turn.T
    np.testing.assert_allclose(largest_eigenvalues(lambda v: matrix @ v, 43, 4), [9, 5, 3, 1], rtol=1e-9)
    np.testing.assert_allclose(largest_eigenvalues(lambda v: 2 * v, 5, 3), [2.0] * 3)
    np.testing.assert_array_equal(largest_eigenvalues(lambda v: 0 * v, 5, 3), np.zeros(3))
    for values in ([4.0, 4.0, 3.0, 3.0, 3.0, *np.zeros(20)], [4.0, 2.0, 2.0, *np.full(15, 1e-13)], np.ones(6)):
        turn = np.linalg.qr(RANDOM.normal(size=(len(values), len(values))))[0]
        matrix = turn @ np.diag(values) @ turn.T
        for count in (1, 3, 5, len(values)):
            found = largest_eigenvalues(lambda v, matrix=matrix: matrix @ v, len(values), count)
            np.testing.assert_allclose(found, sorted(values, reverse=True)[:count], rtol=1e-9, atol=1e-9)


def test_eigenvalues_of_several_numbers_are_those_of_the_matrix():
    model = Sequential([Input((3,)), Dense(4, "tanh"), Dense(2)], seed=0, dtype="float64")
    model.compile("sgd", "mse")  # whose last layer has the same block for both numbers
    x, y = RANDOM.normal(size=(20, 3)), RANDOM.normal(size=(20, 2))
    for structure in ("dense", "block", "diagonal", "kfac", "matrix_free"):
        curvature = model.ggn(x, y, structure=structure)
        expected = np.linalg.eigvalsh(curvature.todense())[::-1][:5]
        np.testing.assert_allclose(curvature.top_eigenvalues(5), expected, rtol=1e-9)


def test_lanczos_ends_with_all_of_a_small_matrix():
    matrix = np.diag(np.arange(43.0))
    assert len(largest_eigenvalues(lambda v: matrix @ v, 43, 50)) == 43


def test_what_is_singular_or_too_large_is_said():
    model, x, y = CASES["classes"]
    for structure in ("dense", "block", "kfac", "matrix_free"):
        with pytest.raises(DataError, match="damping=0"):
            model.ggn(x, y, structure=structure).solve(np.ones(43))
    with pytest.raises(ConfigError, match="damping must be >= 0"):
        model.ggn(x, y).solve(np.ones(43), -1)
    with pytest.raises(ConfigError, match="structure"):
        model.ggn(x, y, structure="sparse")
    limit = dense_limit()
    try:
        set_dense_limit(1000)
        with pytest.raises(DataError, match=r'the matrix of 43 by 43 parameters takes .*structure="kfac"'):
            model.ggn(x, y)
        assert model.ggn(x, y, structure="kfac").vp(np.ones(43)).shape == (43,)
    finally:
        set_dense_limit(limit)


def test_products_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    model, x, y = CASES["classes"]
    weights = [torch.tensor(array.copy()) for array in model.get_weights()]
    sizes = [array.numel() for array in weights]
    shapes = [array.shape for array in weights]
    rows, targets = torch.tensor(x), torch.tensor(y)

    def outputs(flat):
        kernel, bias, last, offset = (p.reshape(s) for p, s in zip(flat.split(sizes), shapes, strict=True))
        return torch.tanh(rows @ kernel + bias) @ last + offset

    def loss(logits):
        return torch.nn.functional.cross_entropy(logits, targets)

    flat = torch.cat([array.ravel() for array in weights])
    bend = torch.func.hessian(loss)(outputs(flat))
    curvature, free = model.ggn(x, y), model.ggn(x, y, structure="matrix_free")
    for seed in range(3):
        vector = np.random.default_rng(seed).normal(size=curvature.size)
        _, pushed = torch.func.jvp(outputs, (flat,), (torch.tensor(vector),))
        bent = torch.einsum("numv,mv->nu", bend, pushed)
        expected = torch.func.vjp(outputs, flat)[1](bent)[0].numpy()
        np.testing.assert_allclose(curvature.vp(vector), expected, atol=1e-10, rtol=0)
        np.testing.assert_allclose(free.vp(vector), expected, atol=1e-10, rtol=0)


def test_kfac_products_are_those_of_factors_by_pytorch():
    torch = pytest.importorskip("torch")
    model, x, y = CASES["classes"]
    kernel, bias, last, offset = (torch.tensor(array.copy()) for array in model.get_weights())
    one = torch.ones(1, dtype=torch.float64)

    def after_first(before):
        return torch.tanh(before) @ last + offset

    left, right = [0.0, 0.0], [0.0, 0.0]
    for row in torch.tensor(x):
        before = row @ kernel + bias
        logits = after_first(before)
        bend = torch.func.hessian(lambda own: torch.logsumexp(own, 0))(logits) / len(x)
        slope = torch.func.jacrev(after_first)(before)
        for place, (inputs, by) in enumerate([(row, slope), (torch.tanh(before), torch.eye(3, dtype=torch.float64))]):
            inputs = torch.cat([inputs, one])
            left[place] = left[place] + torch.outer(inputs, inputs) / len(x)
            right[place] = right[place] + by.T @ bend @ by
    curvature = model.ggn(x, y, structure="kfac")
    vector = RANDOM.normal(size=43)
    parts = torch.tensor(vector[:25]).reshape(5, 5), torch.tensor(vector[25:]).reshape(6, 3)
    expected = torch.cat([(a @ v @ b).ravel() for a, v, b in zip(left, parts, right, strict=True)]).numpy()
    np.testing.assert_allclose(curvature.vp(vector), expected, atol=1e-10, rtol=0)
