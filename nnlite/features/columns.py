"""The features of a table: what a column goes through, and columns that are crossed."""

from typing import Any, Literal

from nnlite.errors import ConfigError
from nnlite.layers import Layer
from nnlite.registry import Configurable
from nnlite.registry.bounds import Count
from nnlite.registry.fields import FromSpec

__all__ = ["Cross", "Feature"]

DTYPES = {"numbers": ["float"], "indices": ["int"], "strings": ["string"], "categories": ["string", "int"]}
Mode = Literal["float", "int", "one_hot"]


class Encoding(Configurable, family="feature", abstract=True):
    """Encoding of one column, or of several together."""


class Feature(Encoding):
    """One column.

    Args:
        dtype: what it holds: `"float32"`, `"int32"`, `"string"` and so on.
        preprocessor: the layer that it goes through, as `(batch, 1)`.
        output_mode: `"one_hot"` of the indices that the layer gives; `"int"` for these themselves; `"float"` for a
            layer that gives numbers.

    Raises:
        ConfigError: a layer with other inputs or outputs.

    >>> from nnlite.layers import StringLookup
    >>> Feature("string", StringLookup(vocabulary=["cat", "dog"]), "one_hot").output_mode
    'one_hot'
    """

    dtype: Literal["float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "string"]
    preprocessor: FromSpec[Layer]
    output_mode: Mode

    def validate(self) -> None:
        layer = self.preprocessor
        if not self.dtype.startswith(tuple(DTYPES[layer.input_kind])):
            raise ConfigError(f"{layer.label} needs {layer.input_kind}, not {self.dtype}")
        gives_indices = layer._output_dtype in ("int32", "int64")
        if gives_indices != (self.output_mode != "float"):
            output = "indices" if gives_indices else "no indices"
            raise ConfigError(f"{layer.label} gives {output}, which do not go with output_mode={self.output_mode!r}")


class Cross(Encoding):
    """Several features crossed: each combination of their values falls into one of `crossing_dim` bins.

    Args:
        feature_names: the features; each must give indices.
        crossing_dim: number of bins; different combinations may share one.
        output_mode: `"one_hot"`, or `"int"` for the number of the bin.

    >>> Cross(("city", "kind"), crossing_dim=32).name
    'city_X_kind'
    """

    feature_names: tuple[str, ...]
    crossing_dim: Count
    output_mode: Literal["one_hot", "int"] = "one_hot"

    @property
    def name(self) -> str:
        """The names of the features, joined."""
        return "_X_".join(self.feature_names)


def width_of(layer: Any) -> int:
    """The number of columns of an encoding of a layer's indices: of bins, all that were asked for, as in Keras."""
    return vars(layer).get("num_bins") or layer.depth
