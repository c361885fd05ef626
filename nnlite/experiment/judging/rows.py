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
        file: the file of a row that has one of its own, such as an image; else None.
        self_influence: as by the model's method of that name.
        leverage: likewise; None if only the diagonal of the curvature is used, which does not bound it.
        target, predicted: label or amount, as given and as predicted; for several target columns
            `(rows, columns)`.
        wrong: whether these are different labels, in any column; None for amounts.
        names: of the target columns; empty where there is one.
    """

    row: np.ndarray
    file: np.ndarray | None
    self_influence: np.ndarray
    leverage: np.ndarray | None
    target: np.ndarray
    predicted: np.ndarray
    wrong: np.ndarray | None
    names: tuple[str, ...] = ()

    def columns(self) -> dict[str, np.ndarray]:
        """Name -> values, without those that are unknown; of several target columns `target_<name>` for each."""
        columns = {}
        for name, values in self._replace(names=None)._asdict().items():  # type: ignore[arg-type]
            if values is not None and values.ndim > 1:
                columns |= {f"{name}_{one}": column for one, column in zip(self.names, values.T, strict=True)}
            elif values is not None:
                columns[name] = values
        return columns


def row_figures(run: Run, part: str = "training") -> RowFigures:
    """The rows of a part, ordered by their influence on their own prediction.

    Curvature is that of the loss of the part's own rows. It is taken as a whole for models of up to 3,000 trained
    parameters, else its diagonal, and damped by a thousandth of the mean of that.

    Raises:
        ConfigError: no such part.
    """
    model, data = run.model, run.experiment.prepare(run.preprocessing)[1]
    if part not in data.parts:
        raise ConfigError(f"the data has no {part} part; {did_you_mean(part, data.parts)}")
    arrays: Any = data.arrays(part)
    derivatives: Any = model.derivatives
    damping = DAMPING * derivatives.ggn(*arrays, structure="diagonal").diagonal().mean()
    size = sum(weight.size for weight in model.trainable_weights)
    options = {"structure": "dense" if size <= DENSE else "diagonal", "damping": float(damping)}
    influence = derivatives.self_influence(*arrays, **options)
    leverage = derivatives.leverage(*arrays, **options) if size <= DENSE else None
    target, predicted, names = _targets(model, data.target(part), model.predict(arrays[0], verbose=0))
    wrong = None if target.dtype.kind == "f" else predicted.astype(str) != target.astype(str)
    if wrong is not None and wrong.ndim > 1:
        wrong = wrong.any(axis=1)
    order = np.argsort(-influence, kind="stable")
    columns = (data.numbers(part), data.row_names(part), influence, leverage, target, predicted, wrong)
    return RowFigures(*(None if values is None else values[order] for values in columns), names)  # type: ignore[arg-type]


def _targets(model: Any, target: np.ndarray, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Targets as given and as predicted, and the names of their columns where there are several."""
    decoded = model.target.decode(outputs)  # the columns of the target come first
    count = target.shape[1] if target.ndim > 1 else 1
    if count == 1:
        return target.reshape(len(target)), np.asarray(next(iter(decoded.values()))), ()
    name, first = next(iter(decoded.items()))
    if np.ndim(first) == 2:  # several labels of one kind in a row
        return target, np.asarray(first), tuple([f"{name}_{number}" for number in range(count)])
    names = tuple(decoded)[:count]
    return target, np.stack([np.asarray(decoded[name]) for name in names], axis=1), names
