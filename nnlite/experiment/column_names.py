"""Facts about a config's data for its model: positions of columns, numbers of codes, whether they are strings."""

from nnlite.data import Columns, InputEncoder, Ordinal, Texts
from nnlite.errors import ConfigError
from nnlite.layers import (
    CategoryEmbedding,
    ColumnBranch,
    Dropout,
    Embedding,
    GaussianNoise,
    Layer,
    MonotonicDense,
    PeriodicEmbedding,
    Scale,
)
from nnlite.layers.base.columns import NamedColumns
from nnlite.layers.preprocessing.numbers import Normalization
from nnlite.layers.preprocessing.piecewise import PiecewiseLinearEncoding
from nnlite.layers.preprocessing.robust import RobustScaling
from nnlite.models import Sequential

__all__ = ["tell_columns"]

TELLS_COLUMNS = (RobustScaling, PiecewiseLinearEncoding, PeriodicEmbedding, CategoryEmbedding, MonotonicDense)
RISING = (RobustScaling, Normalization, Dropout, GaussianNoise)  # before a layer that has a direction for columns
KEEPS_COLUMNS = (
    RobustScaling,
    PiecewiseLinearEncoding,
    PeriodicEmbedding,
    Normalization,
    Scale,
    Dropout,
    GaussianNoise,
)


def tell_columns(model: Sequential, inputs: InputEncoder) -> None:
    """Tell each layer of the model the positions of the columns that it names.

    Raises:
        ConfigError: a name that no column has, or that comes after layers that change the columns; an `Embedding`
            too small for the codes of its column; texts for a model of numbers.
    """
    if isinstance(inputs, Texts) and model.input_kind != "strings":
        first = model._layers_inside()[0]
        what = f"the data are strings, {first.label} takes {first.input_kind}"
        raise ConfigError(f"{what}: begin with TextVectorization", (0,))
    named, codes = NamedColumns(), {}
    if isinstance(inputs, Columns):
        named = NamedColumns(inputs.places(), inputs.amounts, inputs.code_sizes)
        codes = {column.name: 1 + len(column.categories) for column in inputs.columns if isinstance(column, Ordinal)}
    changed: Layer | None = None
    for index, layer in enumerate(model._layers_inside()):
        try:
            if changed is not None and isinstance(layer, TELLS_COLUMNS) and layer.has_names:
                raise ConfigError(f"{layer.label} names columns, but comes after {changed.label}, which changes them")
            if isinstance(layer, MonotonicDense) and layer.has_names:
                _check_rising(layer, model._layers_inside()[:index])
            _tell(layer, named, codes)
        except ConfigError as error:
            nested = not isinstance(layer, (ColumnBranch, *TELLS_COLUMNS))
            raise ConfigError(
                error.message, (index, *(() if nested else (type(layer).__name__, *error.path)))
            ) from None
        if changed is None and not isinstance(layer, KEEPS_COLUMNS):
            changed = layer


def _check_rising(layer: MonotonicDense, before: list[Layer]) -> None:
    """`ConfigError` where a layer before one with directions does not let columns of numbers pass as they rise."""
    for other in before:
        if not (isinstance(other, RISING) or (isinstance(other, Scale) and other.positive)):
            remedy = (
                "pass positive=True" if isinstance(other, Scale) else "put it first, or give every input a direction"
            )
            raise ConfigError(f"{layer.label} has directions by name, which {other.label} may turn: {remedy}")


def _tell(layer: Layer, named: NamedColumns, codes: dict) -> None:
    if isinstance(layer, ColumnBranch):
        for key, chain in layer.branches():
            _check_codes(key, chain, codes)
        layer.name_columns(named.places)
    if isinstance(layer, TELLS_COLUMNS):
        layer.name_columns(named)
    for inner in layer._layers_inside():
        if isinstance(layer, ColumnBranch) and isinstance(inner, TELLS_COLUMNS) and inner.has_names:
            raise ConfigError(f"{inner.label} names columns inside {layer.label}, where columns have other positions")
        _tell(inner, named, codes)


def _check_codes(key: str, chain: list[Layer], codes: dict) -> None:
    first = chain[0] if chain else None
    for name in map(str.strip, key.split(",")):
        if isinstance(first, Embedding) and codes.get(name, 0) > first.input_dim:
            raise ConfigError(
                f"column {name!r} has codes from 0 to {codes[name] - 1}, so its Embedding needs input_dim "
                f"{codes[name]} or more, got {first.input_dim}",
                ("columns", key),
            )
