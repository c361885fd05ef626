"""A trained model that takes raw rows."""

import functools
from collections.abc import Mapping
from html import escape
from os import PathLike, fspath
from typing import Any

import numpy as np

from nnlite.data import InputEncoder, Quantities, Raw, TargetEncoder, Texts
from nnlite.data.encoders.unknown import UnknownCategories
from nnlite.errors import ConfigError, DataError
from nnlite.inference.predictor import Predictor
from nnlite.models.base import BaseModel
from nnlite.models.interpretation import link_of, linked
from nnlite.registry.pickling import stamped, unstamped
from nnlite.trained.answers import Probabilities, classes_of, columns_of, need_classes, predictions_of
from nnlite.trained.evaluation import check_labels, figures_of, kind_of
from nnlite.trained.explaining.attributions import explained
from nnlite.trained.explaining.explanation import RowExplanation
from nnlite.trained.rows import (
    AnyLength,
    RowReader,
    holds_rows,
    in_learned_units,
    is_row,
    labelled,
    place_of,
    targets_of,
)
from nnlite.trained.schema import InputSchema
from nnlite.trained.single_rows import SingleRows
from nnlite.trained.unknown import OnUnknown, told_unknown
from nnlite.training.epoch import Verbose

__all__ = ["TrainedModel"]


class TrainedModel:
    """A model with the encoders in its file: raw rows in, labels or amounts out; made by `nnlite.load`.

    Rows are a DataFrame, a dict of columns, a list of dicts, a list of rows, an array, the path of a file, or one row
    as a dict `{column: cell}`. Columns are found by name; others, such as the target, are ignored. Rows without
    names have their cells in the order of `schema`. Nothing is printed. The weights are those at the time of creation.

    A category that the training data did not hold is encoded as the encoder says, and reported once per call: see
    `on_unknown` of `predict`.

    Args:
        model: a built model; its `encoder` and `target` say what inputs and outputs mean.

    Attributes:
        model: the model itself.
        encoder: turns rows into inputs.
        target: turns outputs into answers; None if the model's file has none: the outputs are then the answers.
        schema: the columns of a row, with their kinds and categories.
        classes: the labels in the order of `predict_proba`; None for amounts.
        target_names: what is predicted, one name or several.

    >>> import nnlite
    >>> from nnlite.data import Columns, Numeric, Quantities
    >>> model = nnlite.Sequential([nnlite.Input((1,)), nnlite.layers.Dense(1)], seed=0)
    >>> model.set_weights([np.array([[2.0]]), np.array([0.5])])
    >>> model.encoder = Columns([Numeric("rooms", 3.0, 3.0, 1.0)])
    >>> model.target = Quantities(["price"], [100.0], [10.0])
    >>> trained = TrainedModel(model)
    >>> trained.predict({"rooms": 4})
    array([125.], dtype=float32)
    >>> trained
    TrainedModel(rooms -> price)
    """

    def __init__(self, model: BaseModel) -> None:
        model._need_built()
        self.model = model
        interpretation = model._interpretation
        shape = () if model.takes_several else tuple(model.input_shape[1:])
        self.encoder: InputEncoder = interpretation.encoder or _plain_encoder(model)
        self.target: TargetEncoder | None = interpretation.target
        self.typical = interpretation.typical
        self.schema = InputSchema.of(self.encoder, interpretation.typical, shape)
        self.target_names: list[str] = [] if self.target is None else list(self.target.columns)
        self.classes = classes_of(self.target)
        self._link = link_of(model)
        self._reader = RowReader(self.encoder, self.schema, interpretation.source, self.target_names)

    def predict(self, rows: Any, *, on_unknown: OnUnknown = "warn", verbose: Verbose = 0) -> np.ndarray:
        """One answer per row: its label, or the amount in the target's own unit.

        Args:
            rows: see the class; one row as a dict is an array of one answer.
            on_unknown: treatment of categories that the training data did not hold: `"warn"` gives one
                `UnknownCategoryWarning` that names and counts them, `"error"` raises a `DataError` of the same text,
                `"ignore"` says nothing.
            verbose: 1 shows progress.

        Returns:
            Shape (rows,); (rows, targets) for several amounts, and (rows, labels), 0 and 1, where a row may have
            several labels; the model's outputs where its file has no target.

        Raises:
            DataError: columns that are missing or hold another kind of cells, all of them in one error.
        """
        if type(rows) is dict and (outputs := self._of_one_row(rows)) is not None:
            return predictions_of(self.target, outputs, self.classes)
        return predictions_of(self.target, self._outputs(rows, on_unknown, verbose), self.classes)

    def predict_proba(self, rows: Any, *, on_unknown: OnUnknown = "warn", verbose: Verbose = 0) -> Probabilities:
        """The probability of each class, in the order of `classes`, which is also an attribute of the array.

        Args:
            rows, on_unknown, verbose: as for `predict`.

        Returns:
            Shape (rows, classes).

        Raises:
            ConfigError: a model of amounts.
            DataError: as for `predict`.
        """
        target = need_classes(self.target)
        outputs = self._of_one_row(rows) if type(rows) is dict else None
        if outputs is None:
            outputs = self._outputs(rows, on_unknown, verbose)
        classes: Any = self.classes
        return Probabilities.of(target.probabilities(outputs), classes)

    def predict_interval(
        self, rows: Any, level: float = 0.9, *, on_unknown: OnUnknown = "warn", verbose: Verbose = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bounds of intervals that hold the target with probability `level` or more.

        They are `predict` -+ a quantile of the absolute residuals of the validation rows; see `ConformalIntervals`
        for what is promised, and when.

        Args:
            rows, on_unknown, verbose: as for `predict`.
            level: above 0 and below 1; n validation rows allow n / (n + 1) at most.

        Raises:
            ConfigError: a model of classes, or a level out of range.
            DataError: a model that was trained without a validation part, or with one too small for the level.
        """
        half = self.half_widths(level)
        predictions = self.predict(rows, on_unknown=on_unknown, verbose=verbose).astype(np.float64)
        half = half[0] if predictions.ndim == 1 else half
        return predictions - half, predictions + half

    def half_widths(self, level: float) -> np.ndarray:
        """Half the width of the intervals of each target; errors as of `predict_interval`. Shape: (targets,)."""
        if not isinstance(self.target, Quantities):
            raise ConfigError(
                "prediction intervals are those of amounts, and the model tells classes; their probabilities say how "
                "certain it is: predict_proba, which `nnlite predict` writes by default"
            )
        intervals = self.model._interpretation.intervals
        if intervals is None:
            raise DataError(
                "the model has no validation residuals, which intervals need: train with a validation part, "
                "such as split: {validation: 0.2}"
            )
        return intervals.half_widths(level)

    def evaluate(
        self,
        rows: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        on_unknown: OnUnknown = "warn",
        verbose: Verbose = 0,
    ) -> dict[str, float | None]:
        """Metrics on labelled rows, under the names of `metrics.json`; amounts are in the target's own unit.

        Args:
            rows: as for `predict`, with the target's columns among them unless `y` is given.
            y: the targets of the rows.
            sample_weight: of each row, >= 0.
            on_unknown, verbose: as for `predict`.

        Returns:
            `loss`, the scores of the task, and the compiled metrics; without the first and the last for a model that
            is not compiled. None stands for a figure that is not defined.

        Raises:
            DataError: as for `predict`; no target, or labels that the model does not know.
        """
        kind = kind_of(self.target)
        target: Any = self.target
        inputs, truth = self._labelled(rows, y, kind)
        truth = in_learned_units(inputs, truth, target, place_of(rows)) if y is None else truth
        weights = None if sample_weight is None else np.asarray(sample_weight, np.float64)
        x = self._encoded(inputs, on_unknown, place_of(rows))
        outputs = self._answering(self.model.predict(x, verbose=verbose))
        names = self._reader.row_names(place_of(rows)) if place_of(rows) and y is None else None
        check_labels(target, truth, inputs, place_of(rows), names)
        return figures_of(self.model, target, x, truth, outputs, weights, verbose=verbose)

    def explain(self, row: Any, output: Any = None) -> RowExplanation:
        """Contribution of each column of one row to its prediction, compared with a typical row.

        Integrated gradients along the straight line from the typical row of the training data (means of numbers, most
        frequent categories) to this one, summed up for each raw column. The contributions add up to the difference of
        the two predictions. A column of codes, along which there is no line, gets the difference that it makes.

        Args:
            row: one row, as a dict, a list, a table or an array of one row.
            output: the label whose probability, or the name of the target whose amount is explained; the predicted
                label, or the first target, when None.

        Raises:
            ConfigError: no such output, or a model of texts or of several inputs.
            DataError: as for `predict`; another number of rows than one.

        Source: Sundararajan, Taly & Yan, "Axiomatic attribution for deep networks", ICML 2017.
        """
        inputs = self._reader.read(row if not isinstance(row, (list, tuple)) or holds_rows(row) else [row])
        x = self._encoded(inputs, "ignore")
        if len(x) != 1:
            raise DataError(f"one row is explained at a time, these are {len(x)}; pass rows[:1]")
        (explanation,) = explained(self, x, inputs, output)
        return explanation

    def table(self, rows: Any, proba: bool = True, *, on_unknown: OnUnknown = "warn") -> dict[str, Any]:
        """Named columns with one prediction per row, as `nnlite predict` writes them.

        Args:
            rows, on_unknown: as for `predict`.
            proba: whether the probability of each class is among them, as `probability_<label>`.
        """
        return columns_of(self.target, self._outputs(rows, on_unknown, 0), proba)

    def _outputs(self, rows: Any, on_unknown: OnUnknown, verbose: Verbose) -> Any:
        """The model's outputs for raw rows, probabilities where they would be logits."""
        if self.model.takes_several:
            return self.model.predict(rows, verbose=verbose)
        x = self._encoded(self._reader.read(rows), on_unknown, place_of(rows))
        return self._answering(self.model.predict(x, verbose=verbose))

    def _answering(self, outputs: Any) -> Any:
        return linked(outputs, self._link)

    def _encoded(self, inputs: Any, on_unknown: OnUnknown, location: str = "") -> np.ndarray:
        with told_unknown(on_unknown) as unknown:
            return self._encoded_counting(inputs, unknown, location)

    def _encoded_counting(self, inputs: Any, unknown: UnknownCategories, location: str) -> np.ndarray:
        with self._reader.explaining(inputs, location), unknown.counting():
            return self.encoder.encode(inputs)

    def _labelled(self, rows: Any, y: Any, kind: str) -> tuple[Any, np.ndarray]:
        if y is not None:
            return self._reader.read(rows), np.asarray(y)
        if isinstance(rows, (str, PathLike)):
            return labelled(self._reader, fspath(rows), kind)
        if isinstance(rows, Mapping) and is_row(rows):
            rows = [rows]
        inputs = self._reader.read(rows)
        if isinstance(inputs, np.ndarray):
            raise DataError("arrays have no column of targets: evaluate(inputs, targets)")
        return inputs, targets_of(inputs, self.target_names, kind)

    @functools.cached_property
    def _single_rows(self) -> SingleRows | None:
        return SingleRows.of(self.encoder)

    @functools.cached_property
    def _predictor(self) -> Predictor:
        """Predictor of single rows: a compiled model, with the link after its last layer."""
        return self.model.compile_predict(1)

    def _of_one_row(self, row: dict[str, Any]) -> Any:
        """The outputs for one row by the plan for it; None if the long way has to say what it means."""
        plan = self._single_rows
        encoded = None if plan is None else plan.encode(row)
        return None if encoded is None else self._answering(self._predictor(encoded))

    def __getstate__(self) -> dict[str, Any]:
        return stamped({"model": self.model})

    def __setstate__(self, state: dict[str, Any]) -> None:
        TrainedModel.__init__(self, unstamped(state, type(self))["model"])

    def __repr__(self) -> str:
        names = self.schema.names
        columns = ", ".join(names[:6]) + (f", ... {len(names)} in all" if len(names) > 6 else "") or repr(self.schema)
        return f"TrainedModel({columns} -> {', '.join(self.target_names) or 'outputs'})"

    def _repr_html_(self) -> str:
        return f"<p><b>{escape(', '.join(self.target_names) or 'outputs')}</b> from</p>{self.schema._repr_html_()}"


def _plain_encoder(model: BaseModel) -> InputEncoder:
    """The encoder of a model whose file has none: arrays, unchanged."""
    if model.input_kind == "strings":
        return Texts()
    shape = () if model.takes_several else tuple(model.input_shape[1:])
    return AnyLength() if None in shape else Raw(shape)
