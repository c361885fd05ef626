"""Rows that matter most to a trained model, or that are likely mislabeled."""

from typing import Any, NamedTuple

import numpy as np

from nnlite.errors import ConfigError, did_you_mean
from nnlite.experiment.runs import Run

__all__ = ["RowFigures", "row_figures"]

DENSE = 3000  # parameters up to which the whole curvature is taken
DAMPING = 1e-3  # of the mean of its diagonal


class RowFigures(NamedTuple):
    """Influence figures of the rows of a part, one entry each, the largest self-influence first.

    Attributes:
        row: the number in the part's source, from 0.
        self_influence: see the method of a model.
        leverage: see there; None of a model whose curvature is taken as a diagonal, which does not bound it.
        target, predicted: label or amount, as given and as the model has it.
        wrong: whether these are different labels; None for amounts.
    """

    row: np.ndarray
    self_influence: np.ndarray
    leverage: np.ndarray | None
    target: np.ndarray
    predicted: np.ndarray
    wrong: np.ndarray | None

    def columns(self) -> dict[str, np.ndarray]:
        """Name -> values, without those that are unknown."""
        return {name: values for name, values in self._asdict().items() if values is not None}


def row_figures(run: Run, part: str = "training") -> RowFigures:
    """The rows of a part, ordered by their influence on their own prediction.

    Curvature is that of the loss of the part's own rows. It is taken as a whole for models of up to 3,000 trained
    parameters, else its diagonal, and damped by a thousandth of the mean of that.

    Raises:
        ConfigError: no such part; a target of several columns.
    """
    model, data = run.model, run.experiment.prepare(run.preprocessing)[1]
    if part not in data.parts:
        raise ConfigError(f"the data has no {part} part; {did_you_mean(part, data.parts)}")
    target = data.target(part)
    if target.ndim > 1 and target.shape[1] > 1:
        raise ConfigError("rows are listed for one target column, this run has several")
    target = target.reshape(len(target))
    arrays: Any = data.arrays(part)
    derivatives: Any = model.derivatives
    damping = DAMPING * derivatives.ggn(*arrays, structure="diagonal").diagonal().mean()
    size = sum(weight.size for weight in model.trainable_weights)
    options = {"structure": "dense" if size <= DENSE else "diagonal", "damping": float(damping)}
    influence = derivatives.self_influence(*arrays, **options)
    leverage = derivatives.leverage(*arrays, **options) if size <= DENSE else None
    assert model.target is not None  # a run knows its target
    predicted = np.asarray(next(iter(model.target.decode(model.predict(arrays[0], verbose=0)).values())))
    wrong = None if target.dtype.kind == "f" else predicted.astype(str) != target.astype(str)
    order = np.argsort(-influence, kind="stable")
    columns = (data.numbers(part), influence, leverage, target, predicted, wrong)
    return RowFigures(*(None if values is None else values[order] for values in columns))  # type: ignore[arg-type]
