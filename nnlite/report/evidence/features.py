"""Effects of each input: exact sensitivities, permutation importance, partial dependence."""

import functools
from dataclasses import dataclass

import numpy as np

from nnlite.data import Classes, Columns, Ordinal, Quantities
from nnlite.data.encoders.columns import GapIndicator
from nnlite.report.evidence.images import image_shape
from nnlite.report.evidence.subject import Subject

__all__ = ["Dependence", "Features"]

PERMUTED_ROWS, REPEATS, MOST_PERMUTED = 1000, 5, 30
DEPENDENCE_ROWS, POINTS = 500, 20
MOST_LEVELS = 12
MOST_CURVES = 3


@dataclass(frozen=True)
class Dependence:
    """Dependence of predictions on one feature, all others unchanged.

    Args:
        name: of the feature.
        values: what it takes on, in the unit of the raw data: numbers, or categories as strings.
        curves: what is predicted -> the mean over the rows at each value.
        low, high: the 10th and 90th percentile over the rows of the one curve; None if there are several.
    """

    name: str
    values: list[float] | list[str]
    curves: dict[str, np.ndarray]
    low: np.ndarray | None
    high: np.ndarray | None


class Features:
    """The columns of the raw table, with their columns of the model's input.

    Args:
        subject: a run whose inputs are rows of numbers, `(rows, width)`.

    Attributes:
        places: name of a feature -> the columns that it became.
        x, y: the sample of rows that all is measured on.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        part = subject.part
        rows = subject.sample(part)
        x, y = subject.arrays(part)
        self.x, self.y = x[rows], y[rows]
        self.source_rows = subject.rows(part)[rows] if subject.table is not None else rows
        self.places = self._places()

    @classmethod
    def of(cls, subject: Subject) -> "Features | str":
        """The features of a run, or the reason why there are none."""
        if subject.model.input_kind == "strings":
            return "the inputs are strings, which have no derivative"
        if len(subject.model.input_shape) != 2 or image_shape(subject):
            return "the inputs are not a table"
        return cls(subject)

    def _places(self) -> dict[str, list[int]]:
        inputs, width = self.subject.run.preprocessing.inputs, self.x.shape[1]
        if isinstance(inputs, Columns):
            return {name: places for name, places in inputs.places().items() if places}
        names = (self.subject.dataset and self.subject.dataset.input_names) or [f"x{index}" for index in range(width)]
        return {name: [index] for index, name in enumerate(names)}

    def is_number(self, name: str) -> bool:
        """Whether the feature is one column of numbers, along which there is a derivative."""
        inputs = self.subject.run.preprocessing.inputs
        codes = (
            {column.name for column in inputs.columns if isinstance(column, Ordinal)}
            if isinstance(inputs, Columns)
            else ()
        )
        return len(self.places[name]) == 1 and name not in codes and self.x.dtype.kind == "f"

    @functools.cached_property
    def sensitivities(self) -> dict[str, float]:
        """Feature -> mean absolute change of the outputs in response to it, over rows and outputs.

        A number: the absolute derivative, exact, times the standard deviation of the number, so that features of
        different units can be compared. Another feature: the absolute change when a row takes the value of a random
        other row.
        """
        slopes = self.subject.mean_slopes(self.x) if any(map(self.is_number, self.places)) else None
        random, sensitivities = np.random.default_rng(self.subject.run.experiment.seed), {}
        present = self.subject.predict(self.x)
        for name, places in self.places.items():
            if self.is_number(name) and slopes is not None:
                sensitivities[name] = float(slopes[places[0]] * self.x[:, places[0]].std(dtype=np.float64))
            else:
                changed = self._with(self.x, places, self.x[random.permutation(len(self.x))][:, places])
                sensitivities[name] = float(np.abs(self.subject.predict(changed) - present).mean())
        return dict(sorted(sensitivities.items(), key=lambda pair: -pair[1]))

    @functools.cached_property
    def importance(self) -> dict[str, np.ndarray]:
        """Feature -> increase of the loss when its values are shuffled, largest mean first.

        Five times each, on at most 1,000 rows; the 30 features of the largest sensitivities. Shape: (5,).

        Reference: Breiman 2001, in the form of Fisher et al. 2019, arXiv:1801.01489.
        """
        x, y = self.x[:PERMUTED_ROWS], self.y[:PERMUTED_ROWS]
        loss = self.subject.row_losses(x, y).mean()
        random, importances = np.random.default_rng(self.subject.run.experiment.seed), {}
        for name in list(self.sensitivities)[:MOST_PERMUTED]:
            places, rises = self.places[name], np.empty(REPEATS)
            for repeat in range(REPEATS):
                changed = self._with(x, places, x[random.permutation(len(x))][:, places])
                rises[repeat] = self.subject.row_losses(changed, y).mean() - loss
            importances[name] = rises
        return dict(sorted(importances.items(), key=lambda pair: -pair[1].mean()))

    def dependence(self, name: str) -> Dependence:
        """The partial dependence of the predictions on one feature (Friedman 2001), on at most 500 rows.

        A number takes on 20 quantiles of its values, from 1% to 99%, a date 12 that are spread like its own, in
        their order, a category its levels, up to 12 of the most frequent ones. A row takes on a value by the columns
        that a row with this value has in the model's input.
        """
        values, rows = self._grid(self._raw(name))
        x, places = self.x[:DEPENDENCE_ROWS], self.places[name]
        outputs = np.stack([self._predicted(self._with(x, places, self.x[row, places])) for row in rows])
        names = self._output_names(outputs.shape[2])
        curves = {label: outputs[:, :, column].mean(axis=1) for label, column in names.items()}
        low = high = None
        if len(curves) == 1:
            low, high = np.percentile(outputs[:, :, next(iter(names.values()))], [10, 90], axis=1)
        return Dependence(name, values, curves, low, high)

    @staticmethod
    def _with(x: np.ndarray, places: list[int], block: np.ndarray) -> np.ndarray:
        changed = x.copy()
        changed[:, places] = block
        return changed

    def _predicted(self, x: np.ndarray) -> np.ndarray:
        outputs, target = self.subject.linked(self.subject.predict(x)), self.subject.target
        return target.units(outputs) if isinstance(target, Quantities) else target.probabilities(outputs)

    def _output_names(self, count: int) -> dict[str, int]:
        """Name of what is drawn -> its index: of two classes the second, else up to three outputs."""
        if isinstance(self.subject.target, Quantities):
            return {name: column for column, name in enumerate(self.subject.target.names[:MOST_CURVES])}
        labels = self.subject.labels
        outputs = [1] if count == 2 and isinstance(self.subject.target, Classes) else range(min(count, MOST_CURVES))
        return {f"probability of {labels[column]}": column for column in outputs}

    def _raw(self, name: str) -> np.ndarray:
        """The values of a feature in the sample: numbers or dates if its encoder reads such, else texts."""
        table = self.subject.table
        if table is None or self.subject.encoded_columns is None:
            return self.x[:, self.places[name][0]].astype(np.float64)
        inputs = self.subject.run.preprocessing.inputs
        encoders = [one for one in inputs.columns if one.name == name] if isinstance(inputs, Columns) else []
        valued = (one for one in encoders if one.reads in ("number", "date") and not isinstance(one, GapIndicator))
        encoder = next(valued, None)
        if encoder is not None:
            column = encoder.read(table)
            unknown = np.datetime64("NaT") if encoder.reads == "date" else np.nan
            return np.where(column.missing, unknown, column.values)[self.source_rows]
        texts = table.column(name, "category").values[self.source_rows]
        return np.array(["" if text is None else text for text in texts])

    def _grid(self, raw: np.ndarray) -> tuple[list, list[int]]:
        """The values that are tried, and for each the index of a row that has it."""
        if raw.dtype.kind == "M":
            return _dates(raw)
        if raw.dtype.kind == "f" and len(np.unique(raw[np.isfinite(raw)])) > MOST_LEVELS:
            order = np.argsort(raw, kind="stable")[: int(np.isfinite(raw).sum())]
            rows = order[np.unique((np.linspace(0.01, 0.99, POINTS) * (len(order) - 1)).astype(int))]
            return raw[rows].tolist(), rows.tolist()
        numbers = raw[np.isfinite(raw)] if raw.dtype.kind == "f" else raw
        levels, counts = np.unique(numbers, return_counts=True)
        levels = np.sort(levels[np.argsort(-counts, kind="stable")[:MOST_LEVELS]])
        rows = [int(np.flatnonzero(raw == level)[0]) for level in levels]
        return [level or "(missing)" if isinstance(level, str) else level for level in levels.tolist()], rows


def _dates(raw: np.ndarray) -> tuple[list, list[int]]:
    """Up to 12 of some dates in their order, without the time of day where all are midnight, and a row of each."""
    dated = np.flatnonzero(~np.isnat(raw))
    order = dated[np.argsort(raw[dated], kind="stable")]
    marks = order[np.linspace(0, len(order) - 1, MOST_LEVELS).astype(int)] if len(order) else order
    _, first = np.unique(raw[marks], return_index=True)
    rows = marks[first]
    whole = (raw[rows] == raw[rows].astype("datetime64[D]")).all()
    return np.datetime_as_string(raw[rows], unit="D" if whole else "m").tolist(), rows.tolist()
