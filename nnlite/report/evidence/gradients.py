"""Sizes of the gradients of the loss, parameter by parameter."""

from dataclasses import dataclass

import numpy as np

from nnlite.report.evidence.subject import Subject

__all__ = ["GradientNorms", "gradient_norms"]

MOST_ROWS, LEAST_ROWS = 256, 8
MOST_NUMBERS = 2e7  # in the gradients of all rows together


@dataclass(frozen=True)
class GradientNorms:
    """Norms of one parameter and of its gradient.

    Args:
        name: `"dense.kernel"`.
        shape: of the parameter.
        weight: Frobenius norm of the parameter.
        batch: norm of the gradient of the mean loss.
        rows: norm of the gradient of each row's own loss, shape (rows,); empty for a model too large for it.
    """

    name: str
    shape: tuple[int, ...]
    weight: float
    batch: float
    rows: np.ndarray


def gradient_norms(subject: Subject) -> list[GradientNorms]:
    """One entry per trainable parameter, in the model's order, on at most 256 rows of the training part."""
    model = subject.model
    x, y = subject.arrays("training")
    count = sum(parameter.size for parameter in model.trainable_weights)
    most = min(MOST_ROWS, int(MOST_NUMBERS / max(count, 1)))
    rows = subject.sample("training", max(most, LEAST_ROWS))
    x, y = x[rows], y[rows]
    trained = {id(parameter) for parameter in model.trainable_weights}
    names = zip(model.derivatives.parameter_names(), model.parameters, strict=True)
    parameters = {name: parameter for name, parameter in names if id(parameter) in trained}
    if most < LEAST_ROWS:
        parts = np.split(model.gradient(x, y), np.cumsum([array.size for array in parameters.values()])[:-1])
        gradients = {name: part[None] for name, part in zip(parameters, parts, strict=True)}
    else:
        gradients = model.per_example_gradients(x, y, flat=False)
    norms = []
    for name, parameter in parameters.items():
        by_row = gradients[name].reshape(len(gradients[name]), -1).astype(np.float64)
        each = np.linalg.norm(by_row, axis=1) if most >= LEAST_ROWS else np.zeros(0)
        weight = float(np.linalg.norm(parameter.value.astype(np.float64)))
        norms.append(GradientNorms(name, parameter.shape, weight, float(np.linalg.norm(by_row.mean(axis=0))), each))
    return norms
