"""Monotonic constraints on columns: read from a parameter, mapped through the encoding, enforced by layers.

Every layer between a raw column and the outputs keeps the order of that column's values: scaling and clipping are
rising functions, so are the pieces of a number, `Scale` takes the magnitude of its factors, the first dense layer the
magnitude of its kernel with the column's sign, the others that of theirs. Waves have no direction, so that such columns
have none; nor have gaps, categories and dates.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from nnlite.data.encoders.columns import Boolean, GapIndicator, Numeric
from nnlite.data.encoders.dates import Dates
from nnlite.data.encoders.tables import TableEncoder
from nnlite.errors import ConfigError

__all__ = ["bound", "directions_of"]

Direction = Literal[-1, 0, 1]
ORDERED = (Numeric, Boolean, GapIndicator)
NAME = "monotonic_cst"


def directions_of(estimator: Any, encoder: TableEncoder | None) -> list[Direction] | None:
    """Directions of the encoded columns, from `monotonic_cst`; None if all are free.

    Args:
        estimator: knows the columns of its table.
        encoder: what became of them.

    Raises:
        ConfigError: as `read_directions` and `encoded_directions`; layers that are the user's.
    """
    names = vars(estimator).get("feature_names_in_")
    directions = read_directions(estimator.monotonic_cst, estimator.n_features_in_, names)
    if directions is None:
        return None
    if estimator.layers is not None:
        raise ConfigError(f"{NAME} makes the layers, and layers were passed: build them of MonotonicDense", (NAME,))
    return encoded_directions(directions, encoder)


def read_directions(constraints: Any, n_features: int, names: Sequence[Any] | None) -> list[Direction] | None:
    """The direction of each column of the table; None if all are free.

    Args:
        constraints: an array with -1, 0 or 1 for each column, a dict of those of some columns by name, or None.
        n_features: number of columns.
        names: of the columns; None if they have none.

    Raises:
        ConfigError: a wrong number of columns, an unknown name, or an invalid direction.
    """
    if constraints is None:
        return None
    if isinstance(constraints, Mapping):
        if names is None:
            raise ConfigError(f"{NAME} names columns, and X has no names: pass an array of one number per column")
        unknown = [name for name in constraints if name not in list(names)]
        if unknown:
            raise ConfigError(
                f"{NAME} contains {len(unknown)} unexpected feature names: {unknown}; X has {list(names)}"
            )
        values = [constraints.get(name, 0) for name in names]
    else:
        values = np.asarray(constraints).tolist() if np.ndim(constraints) == 1 else None
        if values is None or len(values) != n_features:
            shape = np.shape(constraints)
            raise ConfigError(f"{NAME} has shape {shape} but the input data X has {n_features} features.")
    for position, value in enumerate(values):
        if value not in (-1, 0, 1):
            name = position if names is None else names[position]
            raise ConfigError(f"{NAME}[{name!r}] must be either -1, 0 or 1. Got {value!r}.")
    return [_direction(value) for value in values] if any(values) else None


def _direction(value: Any) -> Direction:
    return 1 if value == 1 else -1 if value == -1 else 0


def encoded_directions(directions: Sequence[Direction], encoder: TableEncoder | None) -> list[Direction]:
    """The direction of each column of the encoded table.

    Raises:
        ConfigError: a direction for a column that became something without an order.
    """
    if encoder is None:
        return list(directions)
    by_name = dict(zip(encoder.names, directions, strict=True))
    encoded: list[Any] = []
    for column in encoder.columns:
        direction = by_name[column.name]
        if direction and not isinstance(column, ORDERED):
            kind = "dates" if isinstance(column, Dates) else "categories"
            raise ConfigError(
                f"{NAME}: the column {column.name!r} holds {kind}, which cannot have a direction: pass it as numbers"
            )
        encoded += [0 if isinstance(column, GapIndicator) else direction] * len(column.outputs)
    return encoded


def bound(specs: Sequence[dict[str, Any]], directions: Sequence[Direction], n_outputs: int, of_classes: bool) -> list:
    """Specs of layers, made from the recipe's, that respect the directions of their inputs.

    Args:
        specs: `{name: {arguments}}` of each layer; the last one is that of the outputs.
        directions: of the encoded columns.
        n_outputs: of the network.
        of_classes: whether the outputs go through a softmax: that of the second class rises, of the first one falls.

    Raises:
        ConfigError: more than two classes.
    """
    if of_classes and n_outputs > 2:
        raise ConfigError(f"{NAME} needs two classes, y has {n_outputs}: with more of them none could rise alone")
    bounded: list[dict[str, Any]] = []
    coming: list[Any] = list(directions)
    last = len(specs) - 1
    for position, spec in enumerate(specs):
        ((name, options),) = spec.items()
        if name == "Dense":
            ends: list[int] = [-1, 1] if position == last and of_classes and n_outputs == 2 else [1]
            kept: Any = [[sign * direction for sign in ends] for direction in coming]
            bounded += _monotonic(options, kept if len(ends) > 1 else coming, position == last and of_classes)
            coming = [1]
        else:
            changed, coming = _encoding(name, options, coming)
            bounded += changed
    return bounded


def _monotonic(options: dict[str, Any], directions: list, softmax: bool) -> list[dict[str, Any]]:
    """The specs of a dense layer with directions, and of the softmax that follows it."""
    monotonicity = {} if directions == [1] else {"monotonicity": directions}
    if not softmax:
        return [{"MonotonicDense": {**options, **monotonicity}}]
    dense = {**options, "activation": None, **monotonicity}
    return [{"MonotonicDense": dense}, {"Activation": {"activation": "softmax"}}]


def _encoding(name: str, options: dict[str, Any], coming: list[Direction]) -> tuple[list, list[Direction]]:
    """A layer in front of the dense ones that keeps directions, and those of its outputs."""
    if name == "PiecewiseLinearEncoding":
        pieces = [coming[column] for column in options["columns"] for _ in range(options["num_bins"])]
        return [{name: options}], coming + pieces
    if name == "PeriodicEmbedding":
        columns = [column for column in options["columns"] if not coming[column]]
        free: list[Direction] = [0] * (len(columns) * options["output_dim"])
        return [{name: {**options, "columns": columns}}] if columns else [], coming + free
    if name == "CategoryEmbedding":
        others = [direction for column, direction in enumerate(coming) if column not in options["sizes"]]
        return [{name: options}], others + [0] * (len(options["sizes"]) * options["output_dim"])
    return [{name: {**options, "positive": True} if name == "Scale" else options}], coming
