"""Raw columns as inputs, labels and amounts as outputs, expressed as operators."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.data import Classes, Columns, InputEncoder, Quantities, TableEncoder, TargetEncoder
from nnlite.data.encoders.amounts import Cyclic, Logarithm
from nnlite.data.encoders.columns import (
    Boolean,
    ColumnEncoder,
    GapIndicator,
    Levels,
    Numeric,
    OneHot,
    Ordinal,
    TwoValued,
)
from nnlite.data.encoders.dates import Dates
from nnlite.data.encoders.hashing import HashedLevels, HashedText
from nnlite.data.encoders.levels import Ranks, TargetMeans
from nnlite.errors import ConfigError
from nnlite.inference.exports.graph import TEXTS, Graph, Value
from nnlite.inference.exports.lowering.tables import one_hot

__all__ = ["answers", "class_outputs", "column_kinds", "encoded_columns", "encoded_values", "in_units"]

THURSDAY = 3  # the weekday of 1 January 1970, counted from Monday
KINDS = {"number": "float64", "boolean": "float64", "date": "float64", "category": "string", "text": "string"}


def column_kinds(encoder: InputEncoder) -> dict[str, str]:
    """Name -> kind of each column that the encoder reads: `"category"` if any of its encoders reads it as one."""
    kinds: dict[str, str] = {}
    for column in _column_encoders(encoder):
        kind = column.reads
        if kind == "category" and isinstance(column, GapIndicator):
            kind = kinds.get(column.name, "category")
        kinds[column.name] = kind if kinds.get(column.name, "number") != "category" else "category"
    return kinds


def _column_encoders(encoder: InputEncoder) -> list[ColumnEncoder]:
    if not isinstance(encoder, Columns | TableEncoder):
        raise ConfigError(f"inputs that {type(encoder).__name__} encodes are not columns")
    return list(encoder.columns)


def encoded_columns(graph: Graph, encoder: InputEncoder, dtype: str) -> Value:
    """New inputs for the raw columns, and the matrix that the model takes.

    A column of numbers, booleans (0 and 1) or dates (days since 1 January 1970) is a float64 input of shape
    `(batch, 1)`, NaN where there is a gap; one of categories is a string, `""` where there is a gap. The matrix is of
    type `dtype`.

    Raises:
        ConfigError: a column is encoded in a way that has no form in operators.
    """
    values = {name: graph.input(name, KINDS[kind], (None, 1)) for name, kind in column_kinds(encoder).items()}
    return encoded_values(encoder, values, dtype)


def encoded_values(encoder: InputEncoder, values: dict[str, Value], dtype: str) -> Value:
    """The matrix of type `dtype` that the model takes, from the raw columns by name, each of its type in `KINDS`.

    Raises:
        ConfigError: a column is encoded in a way that has no form in operators.
    """
    kinds, encoded = column_kinds(encoder), []
    for column in _column_encoders(encoder):
        if type(column) not in ENCODINGS:
            raise ConfigError(
                f"column {column.name!r}: its encoding {type(column).__name__} has no form in this format; nearest: a "
                f"category with one_hot or ordinal"
            )
        is_text_gap = isinstance(column, GapIndicator) and KINDS[kinds[column.name]] == "string"
        encode = _text_gap if is_text_gap else ENCODINGS[type(column)]
        encoded.append(encode(column, values[column.name]).cast(dtype))
    return encoded[0].graph.concat(encoded, axis=1)


def _filled(column: Any, x: Value) -> Value:
    return x.graph.where(x.apply("IsNaN"), x.graph.exact(column.fill), x)


def _standard(column: Any, x: Value) -> Value:
    return (x - x.graph.exact(column.mean)) / x.graph.exact(column.scale)


def _logarithm(column: Any, x: Value) -> Value:
    exact, filled = x.graph.exact, _filled(column, x)
    bent = (filled.apply("Abs") / exact(column.unit) + exact(1)).apply("Log")
    return _standard(column, filled.apply("Sign") * bent)


def _cyclic(column: Any, x: Value) -> Value:
    return _sine_and_cosine(_filled(column, x) / x.graph.exact(column.period))


def _sine_and_cosine(turns: Value) -> Value:
    """Of turns; whole ones are subtracted first, because sine and cosine are computed in float32."""
    graph = turns.graph
    angle = ((turns - turns.apply("Floor")) * graph.exact(2 * math.pi)).cast("float32")
    return graph.concat([angle.apply("Sin"), angle.apply("Cos")], axis=1)


def _text_gap(column: Any, x: Value) -> Value:
    return _codes(x, [""])


def _boolean(column: Any, x: Value) -> Value:
    exact, graph = x.graph.exact, x.graph
    signs = graph.where(x.apply("Equal", exact(1)), exact(1.0), exact(-1.0))
    return graph.where(x.apply("IsNaN"), exact(0.0), signs)


def _codes(x: Value, categories: list[str]) -> Value:
    """The number of each category from 1 on; 0 for one that does not exist. Shape: (batch, 1), int64."""
    return x.graph.add(
        "LabelEncoder",
        x,
        domain="ai.onnx.ml",
        keys_strings=categories,
        values_int64s=list(range(1, len(categories) + 1)),
        default_int64=0,
    )


def _levels(column: Levels, x: Value) -> Value:
    codes = _codes(x, list(column.categories))
    if column.fill is None or column.fill not in column.categories or "" in column.categories:
        return codes
    gap = _codes(x, [""])
    return codes + gap * np.int64(column.categories.index(column.fill) + 1)


def _table(column: Levels, x: Value, rows: np.ndarray) -> Value:
    """The row of a table for each category, the first one for an unknown one."""
    codes = _levels(column, x).apply("Squeeze", x.graph.integers(1))
    return x.graph.add("Gather", x.graph.exact(rows), codes, axis=0)


def _one_hot(column: Any, x: Value) -> Value:
    codes = _levels(column, x).apply("Squeeze", x.graph.integers(1))
    return one_hot(codes - np.int64(1), len(column.categories)) * column.value


def _ranks(column: Any, x: Value) -> Value:
    ranks = np.concatenate([[column.unknown], np.arange(len(column.categories))])
    return _table(column, x, ((ranks - column.mean) / column.scale)[:, None])


def _target_means(column: Any, x: Value) -> Value:
    means = np.column_stack([column.overall, np.array(column.means).reshape(len(column.overall), -1)]).T
    return _table(column, x, (means - column.mean) / column.scale)


def _dates(column: Any, x: Value) -> Value:
    graph, exact = x.graph, x.graph.exact
    missing = x.apply("IsNaN")
    days = graph.where(missing, exact(0.0), x)
    encoded = [_standard(column, _filled(column, x)).cast("float32")] if column.days else []
    for cycle in column.cycles:
        waves = _sine_and_cosine(_turns(cycle, days))
        encoded.append(graph.where(missing, 0.0, waves))
    return graph.concat(encoded, axis=1)


def _turns(cycle: str, days: Value) -> Value:
    exact, whole = days.graph.exact, days.apply("Floor")
    if cycle == "hour":
        return days - whole
    if cycle == "weekday":
        return (whole + exact(THURSDAY)) / exact(7)
    return _month(whole) / exact(12)


def _month(days: Value) -> Value:
    """The month, 0 for January, by the calendar's arithmetic on days since 1 March of the year 0.

    Reference: Richards 2013, "Calendars", Explanatory Supplement to the Astronomical Almanac, 15.11.
    """
    graph, exact = days.graph, days.graph.exact

    def quotient(value: Value, divisor: float) -> Value:
        return ((value + exact(0.5)) / exact(divisor)).apply("Floor")

    shifted = days + exact(719468)
    of_era = shifted - quotient(shifted, 146097) * exact(146097)
    leaps = quotient(of_era, 1460) - quotient(of_era, 36524) + quotient(of_era, 146096)
    year = quotient(of_era - leaps, 365)
    of_year = of_era - (year * exact(365) + quotient(year, 4) - quotient(year, 100))
    from_march = quotient(of_year * exact(5) + exact(2), 153)
    return graph.where(from_march < exact(9.5), from_march + exact(2), from_march - exact(10))


def _hashed(column: Any, x: Value, **options: int) -> Value:
    kind = type(column).__name__
    owner = f"column {column.name!r}: its encoding {kind}"
    return x.graph.add(kind, x, domain=TEXTS, owner=owner, width=column.width, **options)


ENCODINGS: dict[type[ColumnEncoder], Callable[[Any, Value], Value]] = {
    Numeric: lambda column, x: _standard(column, _filled(column, x)),
    Logarithm: _logarithm,
    Cyclic: _cyclic,
    GapIndicator: lambda column, x: x.apply("IsNaN"),
    Boolean: _boolean,
    TwoValued: lambda column, x: _table(column, x, np.array([[0.0], [-1.0], [1.0]])),
    OneHot: _one_hot,
    Ordinal: _levels,
    Ranks: _ranks,
    TargetMeans: _target_means,
    HashedLevels: _hashed,
    HashedText: lambda column, x: _hashed(column, x, ngrams=column.ngrams),
    Dates: _dates,
}


def answers(
    graph: Graph, outputs: Value, target: TargetEncoder | None, shape: tuple[int | None, ...], dtype: str = "float32"
) -> None:
    """The outputs of the graph: labels and probabilities of classes, amounts in their own unit, or raw outputs.

    Args:
        outputs: probabilities, standardized amounts, or anything if there is no target.
        shape: theirs.
        dtype: their type where there is no target.
    """
    if target is None:
        graph.output("output", outputs, "int64" if dtype == "int64" else "float32", shape)
    elif isinstance(target, Quantities):
        graph.output("prediction", in_units(outputs, target), "float32", shape)
    elif isinstance(target, Classes):
        label, probabilities = class_outputs(outputs, target)
        graph.output("label", label, "int64" if _are_whole(target.labels) else "string", (None,))
        graph.output("probabilities", probabilities, "float32", (None, len(target.labels)))
    else:
        several: Any = target
        thresholds = np.full(len(several.labels), 0.5) if several.thresholds is None else several.thresholds
        above = outputs > np.nextafter(np.asarray(thresholds, np.float32), np.float32(-1))
        labels = above if several.thresholds is not None else outputs > 0.5
        graph.output("labels", labels.cast("int64"), "int64", shape)
        graph.output("probabilities", outputs, "float32", shape)


def in_units(outputs: Value, target: Quantities) -> Value:
    """Amounts in their own unit, from standardized ones."""
    values = outputs * np.array(target.scale) + np.array(target.mean)
    if target.transform is None:
        return values
    return values.apply("Exp") if target.transform == "log" else values.apply("Exp") - 1


def _are_whole(labels: list) -> bool:
    return all(isinstance(label, int) and not isinstance(label, bool) for label in labels)


def class_outputs(outputs: Value, target: Classes) -> tuple[Value, Value]:
    """The label of each row, integers if all labels are, else strings, and the probabilities of all classes."""
    graph = outputs.graph
    probabilities = graph.concat([1 - outputs, outputs], axis=1) if target.kind == "binary" else outputs
    if target.threshold is None:
        codes = probabilities.apply("ArgMax", axis=1, keepdims=0)
    else:
        second = probabilities.take([1], axis=1).apply("Squeeze", graph.integers(1))
        codes = (second.cast("float64") >= graph.exact(target.threshold)).cast("int64")
    whole = _are_whole(target.labels)
    names = np.array(target.labels, np.int64) if whole else np.array([str(label) for label in target.labels], object)
    return graph.add("Gather", names, codes, axis=0), probabilities
