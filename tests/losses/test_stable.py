"""Losses of extreme predictions in float32: values against formulas in float64, gradients at large margins."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from registered import registered

from nnlite.losses import (
    CTC,
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    CategoricalHinge,
    Circle,
    CosineSimilarity,
    Dice,
    Gamma,
    GaussianNLL,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    Loss,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    NegativeLogLikelihood,
    Poisson,
    Quantile,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    Tversky,
    Tweedie,
)

generator = np.random.default_rng(41)
ROWS, UNITS = 1000, 4
TINY = np.finfo(np.float32).tiny


def logits(units):
    """Numbers of either sign, from 1e-3 to 1e30 in size, half of them such as networks give."""
    wide = 10 ** generator.uniform(-3, 30, (ROWS, units))
    usual = generator.uniform(0, 40, (ROWS, units))
    size = np.where(generator.random((ROWS, units)) < 0.5, wide, usual)
    return (size * generator.choice([-1, 1], (ROWS, units))).astype(np.float32)


def softplus(z):
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def binary_entropy(t, z):
    return t * softplus(-z) + (1 - t) * softplus(z)


def entropy(t, z):
    shifted = z - z.max(-1, keepdims=True)
    place = z.argmax(-1)[:, None]
    exponentials = np.exp(shifted)
    np.put_along_axis(exponentials, place, 0, -1)
    return -(t * (shifted - np.log1p(exponentials.sum(-1, keepdims=True)))), shifted


def binary_focal(t, z):
    miss = t / (1 + np.exp(np.minimum(z, 700))) + (1 - t) / (1 + np.exp(np.minimum(-z, 700)))
    return miss**2 * binary_entropy(t, z)


def categorical_focal(t, z):
    losses, _ = entropy(np.ones_like(z), z)
    return 0.25 * (t * np.expm1(-losses) ** 2 * losses).sum(-1)


ONE_HOT = np.eye(UNITS)[generator.integers(0, UNITS, ROWS)]
BINARY = generator.integers(0, 2, (ROWS, 1)).astype(float)
EXACT_LOSSES = [
    (BinaryCrossentropy(from_logits=True), BINARY, lambda t, z: binary_entropy(t, z)[:, 0]),
    (BinaryFocalCrossentropy(from_logits=True), BINARY, lambda t, z: binary_focal(t, z)[:, 0]),
    (CategoricalCrossentropy(from_logits=True), ONE_HOT, lambda t, z: entropy(t, z)[0].sum(-1)),
    (SparseCategoricalCrossentropy(from_logits=True), ONE_HOT.argmax(-1), None),
    (CategoricalFocalCrossentropy(from_logits=True), ONE_HOT, categorical_focal),
    (Hinge(), 2 * BINARY - 1, lambda t, z: np.maximum(1 - t * z, 0)[:, 0]),
    (CategoricalHinge(), ONE_HOT, lambda t, z: np.maximum(1 + ((1 - t) * z).max(-1) - (t * z).sum(-1), 0)),
    (LogCosh(), np.zeros((ROWS, 1)), lambda t, z: (np.abs(z) + np.log1p(np.exp(-2 * np.abs(z))) - np.log(2))[:, 0]),
    (MeanAbsoluteError(), np.zeros((ROWS, 1)), lambda t, z: np.abs(z)[:, 0]),
    (Huber(), np.zeros((ROWS, 1)), lambda t, z: np.where(np.abs(z) <= 1, z * z / 2, np.abs(z) - 0.5)[:, 0]),
    (Quantile(0.9), np.zeros((ROWS, 1)), lambda t, z: np.maximum(-0.9 * z, 0.1 * z)[:, 0]),
]


@pytest.mark.parametrize(("loss", "y_true", "formula"), EXACT_LOSSES, ids=lambda value: repr(value)[:30])
def test_float32_logits_up_to_1e30(loss, y_true, formula):
    z = logits(1 if y_true.shape[-1] == 1 else UNITS)
    wide = z.astype(np.float64)
    expected = entropy(ONE_HOT, wide)[0].sum(-1) if formula is None else formula(y_true, wide)
    # A loss of exp(-m) is no better known than m is: the difference of two float32 logits is rounded.
    bound = 3e-7 * expected * np.maximum(1, -np.log(expected + TINY)) + TINY
    by_row = type(loss).get({type(loss).__name__: {**loss.get_config(), "reduction": "none"}})
    assert (np.abs(by_row(y_true, z).astype(np.float64) - expected) <= bound).all()
    for row in range(0, ROWS, 7):  # through `total`, as training does
        found = loss.forward(y_true[row : row + 1], z[row : row + 1])
        assert abs(found - expected[row]) <= bound[row]
        assert np.isfinite(loss.backward()).all()
    assert loss(y_true, z) == pytest.approx(expected.mean(), rel=3e-7)


@pytest.mark.parametrize("margin", [50, 1e4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
class TestGradientsAtLargeMargins:
    """Right in each entry, those near 0 too."""

    def gradient(self, loss, y_true, y_pred, dtype):
        assert np.isfinite(loss.forward(y_true, np.asarray(y_pred, dtype)))
        found = loss.backward()
        assert found.dtype == dtype and np.isfinite(found).all()
        return found

    @pytest.mark.parametrize("gamma", [None, 0.0, 1.0, 2.0])
    def test_binary(self, gamma, dtype, margin):
        loss = (
            BinaryCrossentropy(from_logits=True, reduction="sum")
            if gamma is None
            else BinaryFocalCrossentropy(gamma=gamma, from_logits=True, reduction="sum")
        )
        rest = np.exp(-float(margin))
        order = gamma or 0
        sure = rest ** (1 + order) * (1 + order)  # to first order in rest
        found = self.gradient(loss, [1, 0, 1, 0], [[margin], [-margin], [-margin], [margin]], dtype)
        wrong = 1 + (order * rest * margin)
        np.testing.assert_allclose(found.ravel(), [-sure, sure, -wrong, wrong], rtol=1e-5, atol=TINY)

    @pytest.mark.parametrize("loss", ["sparse", "categorical", "focal"])
    def test_classes(self, loss, dtype, margin):
        rest = np.exp(-float(margin))
        rows = {
            "sparse": SparseCategoricalCrossentropy(from_logits=True, reduction="sum"),
            "categorical": CategoricalCrossentropy(from_logits=True, reduction="sum"),
            "focal": CategoricalFocalCrossentropy(1.0, 2.0, True, reduction="sum"),
        }[loss]
        targets = [0, 1] if loss == "sparse" else [[1, 0], [0, 1]]
        sure = rest if loss != "focal" else 3 * rest**3
        wrong = 1 if loss != "focal" else 1 + 2 * rest * margin
        for kept in (slice(0, 2), slice(0, 1), slice(1, 2)):
            y_pred = np.array([[margin, 0.0], [margin, 0.0]])[kept]
            found = self.gradient(rows, targets[kept], y_pred, dtype)
            expected = np.array([[-sure, sure], [wrong, -wrong]])[kept]
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=TINY)

    @pytest.mark.parametrize(
        ("loss", "slopes"),
        [
            (MeanSquaredError(), lambda m: (-2 * m, 2 * m)),
            (MeanAbsoluteError(), lambda m: (-1, 1)),
            (Huber(), lambda m: (-1, 1)),
            (LogCosh(), lambda m: (-1, 1)),
            (NegativeLogLikelihood(), lambda m: (-1, -1)),
            (Quantile(0.9), lambda m: (-0.9, 0.1)),
            (MeanAbsolutePercentageError(), lambda m: (-100, 100)),
        ],
        ids=repr,
    )
    def test_numbers(self, loss, slopes, dtype, margin):
        found = self.gradient(loss, [[1.0], [1.0]], [[1 - margin], [1 + margin]], dtype)
        np.testing.assert_allclose(2 * found.ravel(), slopes(margin), rtol=1e-6)

    def test_margins_of_hinges(self, dtype, margin):
        y_true, y_pred = [[1.0], [-1.0], [1.0]], [[margin], [margin], [-margin]]
        for loss, slope in ((Hinge(), 1), (SquaredHinge(), 2 * (1 + margin))):
            found = self.gradient(loss, y_true, y_pred, dtype)
            np.testing.assert_allclose(3 * found.ravel(), [0, slope, -slope], rtol=1e-6)
        found = self.gradient(CategoricalHinge(), [[1, 0], [0, 1]], [[margin, 0], [margin, 0]], dtype)
        np.testing.assert_array_equal(found, [[0, 0], [0.5, -0.5]])

    def test_amounts(self, dtype, margin):
        found = self.gradient(MeanSquaredLogarithmicError(), [[0.0]], [[margin]], dtype)
        np.testing.assert_allclose(found, [[2 * np.log1p(margin) / (1 + margin)]], rtol=1e-5)
        found = self.gradient(Poisson(), [[1.0]], [[margin]], dtype)
        np.testing.assert_allclose(found, [[1 - 1 / margin]], rtol=1e-5)
        found = self.gradient(Gamma(), [[1.0]], [[margin]], dtype)
        np.testing.assert_allclose(found, [[2 * (1 / margin - 1 / margin**2)]], rtol=1e-5)
        found = self.gradient(Tweedie(), [[1.0]], [[margin]], dtype)
        np.testing.assert_allclose(found, [[2 * (margin**-0.5 - margin**-1.5)]], rtol=1e-5)
        found = self.gradient(GaussianNLL(), [[0.0]], [[margin, 0.0]], dtype)
        np.testing.assert_allclose(found, [[margin, (1 - margin**2) / 2]], rtol=1e-6)
        found = self.gradient(GaussianNLL(), [[0.0]], [[1.0, margin]], dtype)
        np.testing.assert_allclose(found, [[np.exp(-float(margin)), 0.5]], rtol=1e-5, atol=TINY)

    def test_probabilities_at_their_bounds(self, dtype, margin):
        sure = np.array([[0.0, 1.0], [1.0, 0.0]])
        for loss, y_true in (
            (CategoricalGeneralizedCrossEntropy(), [0, 0]),
            (CategoricalFocalCrossentropy(), [[1, 0], [1, 0]]),
            (BinaryFocalCrossentropy(), [[1, 0], [1, 0]]),
            (KLDivergence(), [[1, 0], [1, 0]]),
            (Dice(), [[1, 0], [1, 0]]),
            (Tversky(), [[1, 0], [1, 0]]),
        ):
            self.gradient(loss, y_true, sure, dtype)

    def test_rows(self, dtype, margin):
        found = self.gradient(CosineSimilarity(), [[1.0, 0.0]], [[margin, margin]], dtype)
        np.testing.assert_allclose(found, [[-0.5 / margin / 2**0.5, 0.5 / margin / 2**0.5]], rtol=1e-5)
        # two embeddings of one class far apart, for a gamma of that size: the slope is gamma * (2 * d) by distance
        circle = Circle(gamma=margin, reduction="sum")
        embeddings = [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]
        found = self.gradient(circle, [0, 0, 1], embeddings, dtype)
        assert np.abs(found).max() > margin


@pytest.mark.parametrize("margin", [50.0, 1e4, 1e30])
def test_alignments_of_sure_steps(margin):
    sure = np.zeros((1, 3, 3), np.float32)
    sure[0, [0, 1, 2], [1, 0, 2]] = margin
    for labels, value, slopes in (([1, 2], 0, 0), ([2, 1], 2, 1)):
        loss = CTC()
        found = loss.forward([labels], sure)
        gradient = loss.backward()
        assert np.isfinite(gradient).all()
        np.testing.assert_allclose(found, value * margin, rtol=3e-7, atol=1e-6)
        assert np.abs(gradient).max() == pytest.approx(slopes, abs=1e-6)


def test_every_loss_is_looked_at_here():
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in registered(Loss) if f"{name}(" not in text and name != "FunctionLoss"] == []


def test_nothing_warns_at_extremes():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        z = np.array([[1e30], [-1e30]], np.float32)
        for loss in (BinaryCrossentropy(from_logits=True), BinaryFocalCrossentropy(from_logits=True), Hinge()):
            loss.forward([[1], [0]], z)
