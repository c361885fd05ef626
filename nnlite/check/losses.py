"""`check_loss`: a loss checked against its contract."""

import copy
from typing import Any, cast

import numpy as np

from nnlite.arrays.types import ArrayLike, BatchShape, Shape
from nnlite.check.jacobians import check_jacobians
from nnlite.check.memory import check_arguments, check_arrays, check_pure, strided
from nnlite.check.numeric import EXACT, Effort, difference
from nnlite.check.report import Findings, Report
from nnlite.check.samples import filled
from nnlite.check.subject import Subject
from nnlite.check.use import check_dense
from nnlite.errors import DataError, ShapeError
from nnlite.jacobians import Jacobians
from nnlite.losses import Loss
from nnlite.ops.plain.numbers import Number

__all__ = ["check_loss"]


def check_loss(
    loss: Loss,
    output_shape: BatchShape | None = None,
    y_true: Any = None,
    y_pred: ArrayLike | None = None,
    name: str | None = None,
    *,
    entrywise: bool = False,
) -> Report:
    """Check a loss: value, Jacobian and Hessian with respect to `y_pred`, weights, dtype, memory, config.

    Args:
        loss: an instance of any class, including your own; it is not changed.
        output_shape: shape of `y_pred`, `(batch, ..., units)`; targets and predictions that suit the loss are drawn.
        y_true, y_pred: targets and predictions to use instead.
        name: its name in the report; by default its class.
        entrywise: check derivatives entry by entry, however many predictions there are.

    >>> from nnlite.losses import MeanSquaredError
    >>> check_loss(MeanSquaredError(), (None, 2)).ok
    True
    """
    report, random = Report(), np.random.default_rng(5)
    name = name or type(loss).__name__
    with Findings(report, name).trying("linearize"):
        if y_pred is None:
            y_true, y_pred = suitable(loss, filled(cast(tuple, output_shape)), random)
        y_pred = np.asarray(y_pred, np.float64)
        twin, by_row = copy.copy(loss), copy.copy(loss)
        by_row.reduction = "none"
        for variant, drawn in ((twin, False), (twin, True), (by_row, True)):
            for count in (len(y_pred), 1):
                weights = random.uniform(0.5, 2, count) if drawn else None
                circumstances = f"reduction {variant.reduction!r}, {'weighted, ' if drawn else ''}batch of {count}"
                findings = Findings(report, name, circumstances)
                effort = Effort.ENTRYWISE if entrywise else Effort.QUICK if count == 1 else Effort.USUAL
                arrays = y_true[:count], y_pred[:count], weights
                _check_mode(findings, variant, arrays, random, effort)
                with findings.trying("called"):
                    _check_calls(findings, variant, arrays, random)
                with findings.trying("float32"):
                    _check_single_precision(findings, variant, *arrays)
        effort = Effort.ENTRYWISE if entrywise else Effort.USUAL
        _check_mode(Findings(report, name, "masked"), twin, (y_true, y_pred, None), random, effort, masked=True)
        findings = Findings(report, name)
        with findings.trying("logits"):
            _check_link(findings, loss, y_true, random.normal(size=y_pred.shape))
        with findings.trying("config"):
            check_arguments(findings, loss)
            same = type(Loss.get(loss.to_spec())) is type(loss)
            findings.held("config", same, f"the name {type(loss).__name__!r} belongs to another class")
    return report


def suitable(loss: Loss, shape: Shape, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Targets and predictions of `shape` at which the loss is finite: numbers, or probabilities if it needs them."""
    chances = random.uniform(0.2, 0.8, shape)
    classes = random.integers(0, shape[-1], shape[:-1])
    targets = {
        "regression": random.normal(size=shape),
        "binary": random.integers(0, 2, shape).astype(float),
        "categorical": np.eye(shape[-1])[classes],
        "sparse": classes,
    }
    numbers = random.normal(size=shape)
    from_chances = loss.link is not None and not loss.from_logits
    target = targets.get(loss.target_kind, targets["regression"])
    usual = [(target, chances if from_chances else numbers), (target, chances), (chances[::-1], chances)]
    first = classes.reshape(len(classes), -1)[:, :1]
    narrow = [(target[..., : shape[-1] // 2], numbers), (first[:, 0] % 2, chances), (first, numbers)]
    for y_true, y_pred in [*usual, *narrow]:
        try:
            with np.errstate(all="ignore"):
                finite = np.isfinite(loss(y_true, y_pred)).all()
        except (DataError, ShapeError):
            continue
        if finite:
            return y_true, y_pred
    return target, numbers


def _check_mode(findings, loss, arrays, random, effort, masked=False) -> None:
    y_true, y_pred, weights = loss._fitted(*arrays)
    mask = None

    def linearize(point):
        value, jacobian = loss.linearize(y_true, point, weights, mask)
        return np.asarray(value), Jacobians(jacobian)

    def gradient(point):
        value, jacobian = loss.linearize(y_true, point, weights, mask)
        curvature = None if point.dtype.kind == "c" else loss.curvature(y_true, point, weights, mask)
        return jacobian.vjp(np.ones(np.shape(value))), Jacobians(curvature)

    with findings.trying("linearize"):
        if masked:
            rows = loss.per_row(y_true, y_pred)[0]
            mask = np.arange(rows.size).reshape(rows.shape) % 3 != 1
        subject = Subject(linearize, [y_pred], ["y_pred"], [True])
        findings.held("linearize", True, "")
        with findings.trying("reduction"):
            _check_reduction(findings, loss, subject, y_true, weights, mask)
        with findings.trying("same twice"):
            check_pure(findings, loss, subject)
        _check_map(findings, subject, random, effort)
        if effort is not Effort.QUICK:
            check_arrays(findings, subject, random)
    if loss.reduction not in ("none", None):
        with findings.trying("Hessian"):
            _check_map(findings, Subject(gradient, [y_pred], ["Hessian"], [True]), random, effort)


def _check_map(findings, subject, random, effort) -> None:
    check_jacobians(findings, subject, random, effort)
    with findings.trying("todense"):
        check_dense(findings, subject)


def _check_calls(findings, loss, arrays, random) -> None:
    """Calling a loss, and `forward`, `backward` and `jvp`, give what `linearize` and its map give."""
    loss = copy.copy(loss)
    value, jacobian = loss.linearize(*loss._fitted(*arrays))
    spread = [None if array is None else strided(np.asarray(array)) for array in arrays]
    for what, result in (("the call", loss(*spread)), ("forward", loss.forward(*spread))):
        error = difference(np.asarray(result), np.asarray(value))
        findings.measured("called", error, EXACT, f"{what} gives another loss than linearize")
        single = loss.reduction not in ("none", None)
        findings.held(
            "called", not single or type(result) in (float, Number), f"{what} gives no float, but {type(result)}"
        )
    cotangent, tangent = random.normal(size=np.shape(value)), random.normal(size=arrays[1].shape)
    for factor, result in (
        (np.ones_like(cotangent), loss.backward()),
        (np.full_like(cotangent, -2.5), loss.backward(-2.5)),
        (cotangent, loss.backward(cotangent)),
    ):
        sentence = "backward of the loss is not that of its Jacobian"
        findings.measured("called", difference(result, jacobian.vjp(factor)), EXACT, sentence)
    error = difference(np.asarray(loss.jvp(tangent)), np.asarray(jacobian.jvp(tangent)))
    findings.measured("called", error, EXACT, "jvp of the loss is not that of its Jacobian")


def _check_link(findings, loss, y_true, logits) -> None:
    """A loss of logits, which takes the place of a final activation in training, is the loss after it."""
    activation = loss.link and loss.link()
    from_logits = loss.from_outputs_of(activation) if activation else None
    if from_logits is not None:
        values = [compared(y_true, y_pred) for compared, y_pred in ((from_logits, logits), (loss, activation(logits)))]
        sentence = f"from_logits=True is not the loss after {type(activation).__name__}, its link"
        findings.measured("logits", difference(*map(np.asarray, values)), 1e-6, sentence)


def _check_reduction(findings, loss, subject, y_true, weights, mask) -> None:
    """The value is what the docstring of `Loss` says of the losses of the rows."""
    rows, _ = loss.per_row(y_true, subject.arrays[0])
    shape = subject.arrays[0].shape
    fits = not rows.ndim or (rows.shape[:1] == shape[:1] and rows.ndim < len(shape))
    findings.held("reduction", fits, f"one loss per row has the shape {rows.shape}, y_pred has {shape}")
    if not rows.ndim and weights is not None:  # one loss for the batch: that of each row
        rows = np.broadcast_to(rows, weights.shape)
    shares = np.ones(rows.shape) if mask is None else mask.astype(float)
    if not loss.counts_zeros:
        shares = shares * (rows > 0)
    count = shares.sum() or 1
    if weights is not None:
        shares = shares * weights.reshape(-1, *(1,) * (rows.ndim - 1))
    expected = rows * shares
    if loss.reduction not in ("none", None):
        divisor = {"sum": 1, "mean_with_sample_weight": shares.sum() or 1}.get(loss.reduction, count)
        expected = expected.sum() / divisor
    value, wanted = np.ravel(subject.output)[0], np.ravel(expected)[0]
    sentence = f"the loss is {value:.10g}, the losses of the rows make {wanted:.10g}"
    findings.measured("reduction", difference(subject.output, expected), EXACT, sentence)


def _check_single_precision(findings, loss, y_true, y_pred, weights) -> None:
    """float32 stays float32 in all that comes back."""
    loss = copy.copy(loss)
    value = loss.forward(y_true, y_pred.astype(np.float32), weights)
    results = {
        "the value": value,
        "backward(1)": loss.backward(1),
        "backward(0.5)": loss.backward(0.5),
        "jvp": loss.jvp(np.ones(y_pred.shape, np.float32)),
    }
    for what, array in results.items():
        kind = array.dtype if isinstance(array, (np.ndarray, np.generic)) else np.dtype(np.float32)
        findings.held("float32", kind == np.float32, f"{what} is {kind} for float32 predictions")
