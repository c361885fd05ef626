"""Every loss: its value against formulas and PyTorch, its Jacobian against numerical ones, and what it refuses."""

import itertools
from typing import NamedTuple

import numpy as np
import pytest
from numeric import EXACT, relative_error
from plain import logistic
from registered import registered

from nnlite.check import check_loss
from nnlite.errors import ConfigError
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
    FunctionLoss,
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
from nnlite.ops.plain.numbers import Number
from nnlite.registry import register_function

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


def focal(to_chance=lambda p: p, smoothing=0.0, balance=None, gamma=2.0):
    def rows(t, p):
        t, p = t * (1 - smoothing) + smoothing / 2, to_chance(p)
        weight = 1 if balance is None else t * balance + (1 - t) * (1 - balance)
        entropy = -(t * np.log(p) + (1 - t) * np.log(1 - p))
        return (weight * (t * (1 - p) + (1 - t) * p) ** gamma * entropy).mean(-1)

    return rows


def categorical_focal(to_scores=lambda p: p, smoothing=0.0, alpha=0.25, gamma=2.0):
    def rows(t, p):
        t, p = t * (1 - smoothing) + smoothing / t.shape[-1], normalized(to_scores(p))
        return (np.asarray(alpha) * (1 - p) ** gamma * -t * np.log(p)).sum(-1)

    return rows


def generalized(q):
    return lambda t, p: (1 - np.take_along_axis(p, t[..., None], -1)[..., 0] ** q) / q


def overlap(axis, alpha=0.5, beta=0.5):
    def rows(t, p):
        shared, missed, added = ((a * b).sum(axis) for a, b in ((t, p), (t, 1 - p), (1 - t, p)))
        return 1 - shared / (shared + alpha * missed + beta * added + 1e-7)

    return rows


def dice(axis):
    return lambda t, p: 1 - 2 * (t * p).sum(axis) / (t.sum(axis) + p.sum(axis) + 1e-7)


def circle(gamma, margin=0.4, remove_diagonal=True):
    def rows(t, p):
        losses = []
        for i, row in enumerate(p):
            near, far = 0.0, 0.0
            for j, other in enumerate(p):
                d = max(1 - row @ other, 0)
                if t[i] != t[j]:
                    far += np.exp(gamma * max(1 + margin - d, 0) * (1 - margin - d))
                elif i != j or not remove_diagonal:
                    near += np.exp(-gamma * (margin + d) * (margin - d))
            losses.append(np.log1p(near * far))
        return np.array(losses)

    return rows


def pinball(levels):
    def rows(t, p):
        error = np.repeat(t, len(levels), -1) - p
        q = np.tile(levels, t.shape[-1])
        return np.maximum(q * error, (q - 1) * error).mean(-1)

    return rows


def gaussian(constant):
    def rows(t, p):
        means, logs = np.split(p, 2, axis=-1)
        return ((logs + (t - means) ** 2 / np.exp(logs)) / 2 + constant).mean(-1)

    return rows


def gamma_deviance(to_mean=lambda p: p):
    return lambda t, p: 2 * (np.log(to_mean(p) / t) + t / to_mean(p) - 1).mean(-1)


def tweedie(power, to_mean=lambda p: p):
    def rows(t, p):
        m, below, above = to_mean(p), 1 - power, 2 - power
        return 2 * (t**above / (below * above) - t * m**below / below + m**above / above).mean(-1)

    return rows


def halves(shape):
    return numbers((*shape[:-1], shape[-1] // 2))


def some_zero(shape):
    return chances(shape) * generator.integers(0, 2, shape)


def spellings(shape):
    return np.array([[1, 1], [1, 0], [0, 0]])[: shape[0]]


def spelled(path):
    shown = [own for own, before in zip(path, (None, *path), strict=False) if own != before]
    return [own for own in shown if own != 0]


def alignments(t, p):
    log_p = p - np.log(np.exp(p).sum(-1, keepdims=True))
    chances = np.zeros(len(p))
    for path in itertools.product(range(p.shape[2]), repeat=p.shape[1]):
        own = np.exp(log_p[:, np.arange(p.shape[1]), path].sum(-1))
        chances += own * [spelled(path) == [label for label in row if label] for row in t.tolist()]
    return -np.log(chances)


def labels(shape):
    return np.arange(shape[0]) % 2


def directions(shape):
    return 0.9 * direction(generator.normal(size=shape) + 0.5)  # no pair lies where the distance is cut off


@register_function
def quartic(y_true, y_pred):
    return ((y_pred - y_true) ** 4).mean(axis=-1)


@register_function
def root_mean_square(y_true, y_pred):
    return ((y_pred - y_true) ** 2).mean() ** 0.5


PAIRS, TWO_AXES = (4, 2), (2, 3, 2)
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
    (BinaryFocalCrossentropy(), one_hot, chances, focal()),
    (BinaryFocalCrossentropy(gamma=0.5, label_smoothing=0.2), one_hot, chances, focal(smoothing=0.2, gamma=0.5)),
    (BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.3), one_hot, chances, focal(balance=0.3)),
    (BinaryFocalCrossentropy(from_logits=True), one_hot, numbers, focal(logistic)),
    (BinaryFocalCrossentropy(True, 0.3, 1.0, True), chances, numbers, focal(logistic, 0, 0.3, 1.0)),
    (BinaryFocalCrossentropy(gamma=0.0, from_logits=True), chances, numbers, focal(logistic, gamma=0.0)),
    (CategoricalFocalCrossentropy(), one_hot, chances, categorical_focal()),
    (CategoricalFocalCrossentropy(from_logits=True), one_hot, numbers, categorical_focal(np.exp)),
    (CategoricalFocalCrossentropy(0.4, 1.0, True, 0.2), chances, numbers, categorical_focal(np.exp, 0.2, 0.4, 1.0)),
    (CategoricalFocalCrossentropy(gamma=0.0), chances, chances, categorical_focal(gamma=0.0)),
    (CategoricalGeneralizedCrossEntropy(), classes, chances, generalized(0.5)),
    (CategoricalGeneralizedCrossEntropy(q=0.8), classes, chances, generalized(0.8)),
    (Dice(), chances, chances, dice(None)),
    (Dice(axis=-1), one_hot, chances, dice(-1)),
    (Tversky(alpha=0.3, beta=0.9), chances, chances, overlap(None, 0.3, 0.9)),
    (Tversky(axis=1), chances, chances, overlap(1)),
    (Quantile(), numbers, numbers, pinball([0.5])),
    (Quantile(0.9), numbers, numbers, pinball([0.9])),
    (Gamma(), chances, chances, gamma_deviance()),
    (Gamma(log_input=True), chances, numbers, gamma_deviance(np.exp)),
    (Tweedie(), some_zero, chances, tweedie(1.5)),
    (Tweedie(log_input=True, power=1.2), some_zero, numbers, tweedie(1.2, np.exp)),
    (NegativeLogLikelihood(), numbers, numbers, lambda t, p: -p.mean(-1)),
    (FunctionLoss(quartic), numbers, numbers, quartic),
    (FunctionLoss(root_mean_square), numbers, numbers, root_mean_square),
]
SHAPED = [
    (GaussianNLL(), halves, numbers, gaussian(0), (PAIRS, SEQUENCE, ONE)),
    (GaussianNLL(full=True), halves, numbers, gaussian(np.log(2 * np.pi) / 2), (PAIRS,)),
    (Quantile([0.1, 0.75]), halves, numbers, pinball([0.1, 0.75]), (PAIRS, SEQUENCE, ONE)),
    (Circle(gamma=3.0), labels, directions, circle(3.0), ((5, 3),)),
    (Circle(2.0, 0.25, False), labels, directions, circle(2.0, 0.25, False), ((5, 3),)),
    (CTC(), spellings, numbers, alignments, ((3, 4, 3), (2, 3, 2))),
    (CategoricalFocalCrossentropy([0.1, 2, 0.5]), one_hot, chances, categorical_focal(alpha=[0.1, 2, 0.5]), (TABLE,)),
    (Dice(axis=(1, 2)), chances, chances, dice((1, 2)), (TWO_AXES,)),
    (Tversky(axis=(-1, 1)), chances, chances, overlap((1, 2)), (TWO_AXES,)),
]
CASES = [
    Case(loss, targets(shape), predictions(shape), formula)
    for loss, targets, predictions, formula, shapes in [*((*row, (TABLE, SEQUENCE, ONE)) for row in FAMILIES), *SHAPED]
    for shape in shapes
]
NUMBERS = ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight"]
REDUCTIONS = [*NUMBERS, "none", None]
cases = pytest.mark.parametrize("case", CASES, ids=str)
reductions = pytest.mark.parametrize("reduction", REDUCTIONS)
weighting = pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])


def sample_weight(case, weighted):
    return np.linspace(0.25, 2, len(case.y_pred)) if weighted else None


def reduced(rows, reduction, weights):
    if not rows.ndim:  # one loss for the batch
        rows = np.full(1 if weights is None else len(weights), rows)
        if reduction in ("none", None) and weights is None:
            return rows[0]
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
        assert (type(found) in (float, Number)) == (reduction in NUMBERS)
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


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.y_pred.shape == TABLE and type(case.loss).__name__ in torch_twins], ids=str
)
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


BY_STEPS = (CosineSimilarity, CategoricalFocalCrossentropy, GaussianNLL, Dice, Tversky, Circle, CTC, FunctionLoss)


@pytest.mark.parametrize("case", [case for case in CASES if not isinstance(case.loss, BY_STEPS)], ids=str)
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
