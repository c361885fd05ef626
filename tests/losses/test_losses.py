"""Every loss: its value against formulas and PyTorch, its Jacobian against numerical ones, and what it refuses."""

from typing import NamedTuple

import numpy as np
import pytest
from numeric import EXACT, relative_error
from plain import logistic
from registered import registered

from nnlite.check import check_loss
from nnlite.errors import ConfigError
from nnlite.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    Loss,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)

generator = np.random.default_rng(31)
TABLE, SEQUENCE, ONE = (4, 3), (3, 2, 4), (1, 2)


class Case(NamedTuple):
    """A loss, targets, predictions and the formula of one loss per row."""

    loss: Loss
    y_true: np.ndarray
    y_pred: np.ndarray
    formula: object

    def __str__(self):
        return f"{self.loss!r}-{'x'.join(map(str, self.y_pred.shape))}"

    def with_reduction(self, reduction):
        ((name, config),) = self.loss.to_spec().items()
        return Loss.get({name: {**config, "reduction": reduction}})


def numbers(shape):
    return generator.normal(size=shape) * 2


def chances(shape):
    return generator.uniform(0.2, 0.8, shape)


def classes(shape):
    return generator.integers(0, shape[-1], shape[:-1])


def one_hot(shape):
    return np.eye(shape[-1])[classes(shape)]


def distributions(shape):
    weights = generator.uniform(0.5, 1, shape)
    return weights / weights.sum(-1, keepdims=True)


def signs(shape):
    return generator.choice([-1.0, 1.0], shape)


def direction(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def categorical_hinge(t, p):
    return np.maximum(0, 1 + np.max((1 - t) * p, axis=-1) - (t * p).sum(-1))


def normalized(p):
    return p / p.sum(-1, keepdims=True)


def huber(delta):
    def rows(t, p):
        size = np.abs(t - p)
        return np.where(size <= delta, size**2 / 2, delta * size - delta**2 / 2).mean(-1)

    return rows


def binary(to_chance=lambda p: p, smoothing=0.0):
    def rows(t, p):
        t, p = t * (1 - smoothing) + smoothing / 2, to_chance(p)
        return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(-1)

    return rows


def categorical(to_scores=lambda p: p, smoothing=0.0):
    def rows(t, p):
        t = t * (1 - smoothing) + smoothing / t.shape[-1]
        return -(t * np.log(normalized(to_scores(p)))).sum(-1)

    return rows


def sparse(to_scores=lambda p: p):
    return lambda t, p: categorical(to_scores)(np.eye(p.shape[-1])[t.astype(int)], p)


FAMILIES = [
    (MeanSquaredError(), numbers, numbers, lambda t, p: ((t - p) ** 2).mean(-1)),
    (MeanAbsoluteError(), numbers, numbers, lambda t, p: np.abs(t - p).mean(-1)),
    (Huber(), numbers, numbers, huber(1.0)),
    (Huber(delta=2.5), numbers, numbers, huber(2.5)),
    (BinaryCrossentropy(), one_hot, chances, binary()),
    (BinaryCrossentropy(), chances, chances, binary()),
    (BinaryCrossentropy(label_smoothing=0.2), one_hot, chances, binary(smoothing=0.2)),
    (BinaryCrossentropy(from_logits=True), chances, numbers, binary(logistic)),
    (BinaryCrossentropy(from_logits=True, label_smoothing=0.2), one_hot, numbers, binary(logistic, 0.2)),
    (CategoricalCrossentropy(), one_hot, chances, categorical()),
    (CategoricalCrossentropy(), distributions, distributions, categorical()),
    (CategoricalCrossentropy(label_smoothing=0.2), one_hot, chances, categorical(smoothing=0.2)),
    (CategoricalCrossentropy(from_logits=True), one_hot, numbers, categorical(np.exp)),
    (CategoricalCrossentropy(from_logits=True), chances, numbers, categorical(np.exp)),
    (CategoricalCrossentropy(from_logits=True, label_smoothing=0.2), one_hot, numbers, categorical(np.exp, 0.2)),
    (SparseCategoricalCrossentropy(), classes, chances, sparse()),
    (SparseCategoricalCrossentropy(from_logits=True), classes, numbers, sparse(np.exp)),
    (MeanAbsolutePercentageError(), numbers, numbers, lambda t, p: 100 * np.abs((t - p) / t).mean(-1)),
    (MeanSquaredLogarithmicError(), chances, chances, lambda t, p: ((np.log(1 + t) - np.log(1 + p)) ** 2).mean(-1)),
    (LogCosh(), numbers, numbers, lambda t, p: np.log(np.cosh(p - t)).mean(-1)),
    (Poisson(), chances, chances, lambda t, p: (p - t * np.log(p + 1e-7)).mean(-1)),
    (Hinge(), signs, numbers, lambda t, p: np.maximum(1 - t * p, 0).mean(-1)),
    (SquaredHinge(), signs, numbers, lambda t, p: (np.maximum(1 - t * p, 0) ** 2).mean(-1)),
    (CategoricalHinge(), one_hot, numbers, categorical_hinge),
    (KLDivergence(), distributions, distributions, lambda t, p: (t * np.log(t / p)).sum(-1)),
    (CosineSimilarity(), numbers, numbers, lambda t, p: -(direction(t) * direction(p)).sum(-1)),
]
CASES = [
    Case(loss, targets(shape), predictions(shape), formula)
    for loss, targets, predictions, formula in FAMILIES
    for shape in (TABLE, SEQUENCE, ONE)
]
NUMBERS = ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight"]
REDUCTIONS = [*NUMBERS, "none", None]
cases = pytest.mark.parametrize("case", CASES, ids=str)
reductions = pytest.mark.parametrize("reduction", REDUCTIONS)
weighting = pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])


def sample_weight(case, weighted):
    return np.linspace(0.25, 2, len(case.y_pred)) if weighted else None


def reduced(rows, reduction, weights):
    weights = np.ones(len(rows)) if weights is None else weights
    weights = np.broadcast_to(weights.reshape(-1, *[1] * (rows.ndim - 1)), rows.shape)
    if reduction in ("none", None):
        return rows * weights
    divisor = {"sum": 1, "mean_with_sample_weight": weights.sum()}.get(reduction, rows.size)
    return (rows * weights).sum() / divisor


def test_every_loss_has_a_row():
    members = set(registered(Loss))
    assert {type(case.loss).__name__ for case in CASES} == members


@cases
@reductions
@weighting
def test_value_equals_the_formula(case, reduction, weighted):
    loss, weights = case.with_reduction(reduction), sample_weight(case, weighted)
    expected = reduced(case.formula(case.y_true, case.y_pred), reduction, weights)
    for found in (loss(case.y_true, case.y_pred, weights), loss.forward(case.y_true, case.y_pred, weights)):
        assert relative_error(found, expected) <= EXACT
        assert (type(found) is float) == (reduction in NUMBERS)
    assert relative_error(loss(case.y_true, case.y_pred.astype(np.float32), weights), expected) <= 1e-5


@cases
@pytest.mark.parametrize("reduction", NUMBERS)
def test_loss(case, reduction):
    report = check_loss(case.with_reduction(reduction), y_true=case.y_true, y_pred=case.y_pred, entrywise=True)
    assert {row.verdict for row in report.rows} == {"ok"}, report
    derivatives = {f"{name}, {how}" for name in ("y_pred", "Hessian") for how in ("complex step", "stencil")}
    assert derivatives | {"reduction", "called", "todense", "config", "float32"} <= {row.check for row in report.rows}


def signs(targets):
    """Targets 0 and 1 as -1 and 1, as the hinge losses read them."""
    return 2 * targets - 1 if ((targets == 0) | (targets == 1)).all() else targets


torch_twins = {
    "MeanSquaredError": lambda F, loss, t, p: F.mse_loss(p, t),
    "MeanAbsoluteError": lambda F, loss, t, p: F.l1_loss(p, t),
    "Huber": lambda F, loss, t, p: F.huber_loss(p, t, delta=loss.delta),
    "BinaryCrossentropy": lambda F, loss, t, p: (
        F.binary_cross_entropy_with_logits if loss.from_logits else F.binary_cross_entropy
    )(p, t * (1 - loss.label_smoothing) + loss.label_smoothing / 2),
    "CategoricalCrossentropy": lambda F, loss, t, p: F.cross_entropy(
        p if loss.from_logits else (p / p.sum(-1, keepdim=True)).log(), t, label_smoothing=loss.label_smoothing
    ),
    "MeanAbsolutePercentageError": lambda F, loss, t, p: 100 * ((t - p) / t.abs().clamp(min=1e-7)).abs().mean(),
    "MeanSquaredLogarithmicError": lambda F, loss, t, p: F.mse_loss(
        p.clamp(min=1e-7).log1p(), t.clamp(min=1e-7).log1p()
    ),
    "LogCosh": lambda F, loss, t, p: (p - t).cosh().log().mean(),
    "Poisson": lambda F, loss, t, p: F.poisson_nll_loss(p, t, log_input=False, eps=1e-7),
    "Hinge": lambda F, loss, t, p: F.relu(1 - signs(t) * p).mean(),
    "SquaredHinge": lambda F, loss, t, p: F.relu(1 - signs(t) * p).square().mean(),
    "CategoricalHinge": lambda F, loss, t, p: F.relu(1 + ((1 - t) * p).amax(-1) - (t * p).sum(-1)).mean(),
    "KLDivergence": lambda F, loss, t, p: F.kl_div(p.clamp(1e-7, 1).log(), t.clamp(1e-7, 1), reduction="batchmean"),
    "CosineSimilarity": lambda F, loss, t, p: -F.cosine_similarity(p, t, dim=-1).mean(),
    "SparseCategoricalCrossentropy": lambda F, loss, t, p: F.cross_entropy(p if loss.from_logits else p.log(), t),
}


@pytest.mark.parametrize("case", [case for case in CASES if case.y_pred.shape == TABLE], ids=str)
def test_value_and_gradient_equal_those_of_pytorch(case):
    torch = pytest.importorskip("torch")
    y_pred = torch.tensor(case.y_pred, requires_grad=True)
    twin = torch_twins[type(case.loss).__name__]
    expected = twin(torch.nn.functional, case.loss, torch.tensor(case.y_true), y_pred)
    if type(case.loss) is CategoricalCrossentropy and not np.allclose(case.y_true.sum(-1), 1):
        assert not case.loss.label_smoothing  # PyTorch multiplies by the sum of the targets just so
    expected.backward()
    assert relative_error(case.loss.forward(case.y_true, case.y_pred), expected.item()) <= EXACT
    assert relative_error(case.loss.backward(), y_pred.grad.numpy()) <= EXACT


@pytest.mark.parametrize("case", [case for case in CASES if not isinstance(case.loss, CosineSimilarity)], ids=str)
def test_output_hessian_has_a_block_for_each_row_and_stays_structured(case):
    hessian = case.loss.output_hessian(case.y_true, case.y_pred)
    assert not hessian.mixes_rows
    assert hessian.nbytes <= 4 * case.y_pred.nbytes + 8 * case.y_pred.size
    single = case.loss.output_hessian(case.y_true, case.y_pred.astype(np.float32))
    assert single.dtype == single.jvp(np.ones(case.y_pred.shape, np.float32)).dtype == np.float32


@pytest.mark.parametrize("reduction", ["none", None])
def test_a_hessian_needs_a_single_number(reduction):
    with pytest.raises(ConfigError, match="single number"):
        MeanSquaredError(reduction=reduction).output_hessian(np.ones((2, 1)), np.ones((2, 1)))
