"""Table columns, each preprocessed in its own way, as one array."""

import builtins
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import field
from os import PathLike
from typing import Any, Literal

import numpy as np

from nnlite import ops, saving
from nnlite.config import floatx
from nnlite.errors import ConfigError, DataError, ModelFileError, NotReadyError, ShapeError, did_you_mean
from nnlite.features.columns import Cross, Feature, Mode, width_of
from nnlite.initializers.blank import values_follow
from nnlite.layers import (
    CategoryEncoding,
    Concatenate,
    Discretization,
    HashedCrossing,
    Hashing,
    Identity,
    Input,
    IntegerLookup,
    Layer,
    Normalization,
    Rescaling,
    StringLookup,
)
from nnlite.layers.base.inputs import read_inputs
from nnlite.layers.preprocessing.category_encoding import encoded
from nnlite.registry import Configurable
from nnlite.registry.bounds import Count
from nnlite.registry.field_types import read
from nnlite.registry.fields import Spec, alone

__all__ = ["FeatureSpace"]

COLUMN = (None, 1)


class FeatureSpace(Configurable, family="feature space"):
    """Turns a dict of columns, or a DataFrame, into one array for a model (or into a dict of arrays).

    Shape: columns `(batch,)` or `(batch, 1)` `-> (batch, width)`: the features in the order of their names, then the
    crosses in the order of theirs. Columns that are not features are ignored.

    Args:
        features: name of a column -> `Feature`, as the functions of this class make them, or the name of such a
            function: `"float"`, `"float_normalized"`, `"float_rescaled"`, `"float_discretized"`,
            `"integer_categorical"`, `"string_categorical"`, `"integer_hashed"`, `"string_hashed"`.
        output_mode: `"concat"` for one array, `"dict"` for one per feature and cross.
        crosses: `Cross`es or tuples of names of features.
        crossing_dim: bins of crosses that are given as tuples.
        hashing_dim: bins of features that are given as `"integer_hashed"` or `"string_hashed"`.
        num_discretization_bins: bins of features that are given as `"float_discretized"`.
        name: for display.

    Raises:
        ConfigError: arguments that do not fit together.
        NotReadyError: used before `adapt`.
        DataError: a column that is missing, or does not fit its feature.

    Differences from Keras: `adapt` takes the whole data as dict or DataFrame; bins of hashes and crosses are others
    (see `Hashing`); `load` reads what `save` wrote.

    >>> space = FeatureSpace({"age": "float_rescaled", "kind": FeatureSpace.string_categorical()})
    >>> data = {"age": [3, 5], "kind": ["cat", "dog"]}
    >>> space.adapt(data)
    >>> space(data).tolist()
    [[3.0, 0.0, 0.0, 1.0], [5.0, 0.0, 1.0, 0.0]]
    """

    features: dict
    output_mode: Literal["concat", "dict"] = "concat"
    crosses: list = field(default_factory=list)
    crossing_dim: Count = 32
    hashing_dim: Count = 32
    num_discretization_bins: Count = 32
    name: str | None = None

    def __post_init__(self) -> None:
        self.crosses = [] if self.crosses is None else self.crosses
        self._inputs: dict[str, Any] = {}
        super().__post_init__()

    def validate(self) -> None:
        if not self.features:
            raise ConfigError("FeatureSpace needs at least one feature")
        try:
            self.features = {name: self._as_feature(spec) for name, spec in sorted(self.features.items())}
            self.crosses = sorted(map(self._as_cross, self.crosses), key=lambda cross: cross.name)
        except ConfigError as error:
            raise error.within("FeatureSpace") from None
        for name, feature in self.features.items():
            feature.preprocessor.name = feature.preprocessor._given_name or f"{name}_preprocessor"
        self.preprocessors = {name: feature.preprocessor for name, feature in self.features.items()}
        self.crossers = {cross.name: HashedCrossing(cross.crossing_dim, name=cross.name) for cross in self.crosses}
        for name, spec in self._specs().items():
            if self.output_mode == "concat" and spec.output_mode == "int":
                raise ConfigError(
                    f"{name!r} gives indices, which cannot be concatenated: one of the output modes must change"
                )

    def _as_feature(self, spec) -> Feature:
        makers = {
            "float_discretized": lambda: self.float_discretized(self.num_discretization_bins),
            "integer_hashed": lambda: self.integer_hashed(self.hashing_dim),
            "string_hashed": lambda: self.string_hashed(self.hashing_dim),
            **{name: getattr(self, name) for name in ("float", "float_normalized", "float_rescaled")},
            **{name: getattr(self, name) for name in ("integer_categorical", "string_categorical")},
        }
        if not isinstance(spec, str):
            return read(spec, Feature)
        if spec not in makers:
            raise ConfigError(f"unknown feature {spec!r}; {did_you_mean(spec, makers)}")
        return makers[spec]()

    def _as_cross(self, spec) -> Cross:
        cross = Cross(tuple(spec), self.crossing_dim) if isinstance(spec, (tuple, list)) else read(spec, Cross)
        for name in cross.feature_names:
            if name not in self.features:
                raise ConfigError(f"a cross of {name!r}, which is not a feature; {did_you_mean(name, self.features)}")
            if self.features[name].output_mode == "float":
                raise ConfigError(f"a cross of {name!r}, which gives numbers, not categories: make bins of it first")
        return cross

    def _specs(self) -> dict[str, Any]:
        return {**self.features, **{cross.name: cross for cross in self.crosses}}

    def adapt(self, data: Any) -> None:
        """Adapt each feature that learns from data to its column of `data`, a dict or DataFrame."""
        for name, layer in self.preprocessors.items():
            column = self._column(data, name)
            with contextlib.suppress(NotReadyError):
                layer._ensure_built(COLUMN)
            if not layer.adapted:
                layer.adapt(column)

    def __call__(self, data: Any) -> Any:
        """The features of `data`, a dict or DataFrame, according to `output_mode`."""
        parts = {name: layer(self._column(data, name)) for name, layer in self.preprocessors.items()}
        if len({len(column) for column in parts.values()}) > 1:
            lengths = ", ".join(f"{name!r} has {len(column)}" for name, column in parts.items())
            raise ShapeError(f"the columns must have the same number of rows; {lengths}")
        parts = self._encoded(parts, tuple, lambda part, depth: encoded(part, "multi_hot", depth, floatx()))
        return parts if self.output_mode == "dict" else np.concatenate(list(parts.values()), axis=1, dtype=floatx())

    def _encoded(
        self, parts: dict[str, Any], joined: Callable[[Any], Any], one_hot: Callable[[Any, int], Any]
    ) -> dict[str, Any]:
        """Preprocessed columns, with crosses of `joined` ones, and indices as rows of `one_hot`."""
        crosses = {
            cross.name: self.crossers[cross.name](joined(parts[name] for name in cross.feature_names))
            for cross in self.crosses
        }
        layers, parts = {**self.preprocessors, **self.crossers}, {**parts, **crosses}
        return {
            name: one_hot(parts[name], width_of(layers[name])) if spec.output_mode == "one_hot" else parts[name]
            for name, spec in self._specs().items()
        }

    def get_inputs(self) -> dict[str, Any]:
        """An `Input` of one column for each feature, by name, of which the symbols of the other methods are made.

        Raises:
            NotReadyError: before `adapt`.
        """
        if not self._inputs:
            waiting = [name for name, layer in self.preprocessors.items() if not layer.adapted]
            if waiting:
                raise NotReadyError(f"the features {', '.join(waiting)} are not known yet: call adapt(data) first")
            kinds = {name: feature.dtype for name, feature in self.features.items()}
            self._inputs = {name: Input((1,), dtype=kind, name=name) for name, kind in kinds.items()}
        return self._inputs

    def get_preprocessed_features(self) -> dict[str, Any]:
        """Outputs of the preprocessors for `get_inputs()`, as symbols of a graph."""
        inputs = self.get_inputs()
        return {name: layer(inputs[name]) for name, layer in self.preprocessors.items()}

    def get_encoded_features(self) -> Any:
        """The features of `get_inputs()` as symbols of a graph, by which a model takes columns as they are.

        >>> import nnlite
        >>> space = FeatureSpace({"age": "float", "kind": "string_categorical"})
        >>> space.adapt({"age": [3, 5], "kind": ["cat", "dog"]})
        >>> outputs = nnlite.layers.Dense(1)(space.get_encoded_features())
        >>> nnlite.Model(space.get_inputs(), outputs)({"age": [[4.0]], "kind": [["dog"]]}).shape
        (1, 1)
        """
        parts = self._encoded(
            self.get_preprocessed_features(),
            lambda columns: ops.cast(ops.stack(list(columns), axis=-1), "int64"),
            lambda part, depth: CategoryEncoding(depth, "multi_hot")(part),
        )
        if self.output_mode == "dict":
            return parts
        return Concatenate()(list(parts.values())) if len(parts) > 1 else next(iter(parts.values()))

    def _column(self, data, name) -> np.ndarray:
        layer = self.preprocessors[name]
        if name not in data:
            raise DataError(f"the data has no column {name!r}; {did_you_mean(name, map(str, data))}")
        column = read_inputs(data[name], layer.input_kind, f"feature {name!r}")
        if column.shape[1:] not in ((), (1,)):
            raise ShapeError(f"feature {name!r} needs a column, (batch,) or (batch, 1), got {column.shape}")
        if column.dtype.kind == "f" and not np.isfinite(column).all():
            row = int(np.argmin(np.isfinite(column.ravel())))
            raise DataError(f"feature {name!r} holds {column.ravel()[row]} in row {row}; fill missing values first")
        return column.reshape(-1, 1)

    def save(self, filepath: str | PathLike, overwrite: bool = True) -> None:
        """Write everything to one `.safetensors` file, for `FeatureSpace.load`; `NotReadyError` before `adapt`."""
        header = {"content": "feature space", "config": self.get_config()}
        saving.write(filepath, header, self._arrays(), overwrite=overwrite)

    @classmethod
    def load(cls, filepath: str | PathLike) -> "FeatureSpace":
        """Read a file written by `save`; `ModelFileError` for a missing, damaged or foreign one."""
        with saving.reading_saved(filepath):
            header, arrays = saving.read(filepath)
            if header.get("content") != "feature space" or "config" not in header:
                raise ModelFileError(f"{filepath} holds no feature space")
            with values_follow(sum(array.nbytes for array in arrays.values())), alone():
                parts = (space := cls.from_config(header["config"]))._arrays()
            counts = {name: part for name, part in parts.items() if name.endswith("/count")}  # which 0.1 did not have
            saving.fill(parts, counts | arrays, filepath)
            return space

    def _arrays(self) -> dict[str, np.ndarray]:
        for layer in self.preprocessors.values():
            layer._ensure_built(COLUMN)
        return {
            f"{name}/{parameter.name}": parameter.value
            for name, layer in self.preprocessors.items()
            for parameter in layer.parameters
        }

    @staticmethod
    def feature(dtype: Any, preprocessor: Spec[Layer], output_mode: Mode) -> Feature:
        """A feature with a custom layer."""
        return Feature(dtype, preprocessor, output_mode)

    @staticmethod
    def cross(feature_names: Sequence, crossing_dim: int, output_mode: Literal["one_hot", "int"] = "one_hot") -> Cross:
        """Several features crossed."""
        return Cross(tuple(feature_names), crossing_dim, output_mode)

    @staticmethod
    def float(name: str | None = None) -> Feature:
        """Numbers, unchanged."""
        return Feature("float32", Identity(name=name), "float")

    @staticmethod
    def float_rescaled(scale: builtins.float = 1.0, offset: builtins.float = 0.0, name: str | None = None) -> Feature:
        """Numbers times `scale` plus `offset`."""
        return Feature("float32", Rescaling(scale, offset, name=name), "float")

    @staticmethod
    def float_normalized(name: str | None = None) -> Feature:
        """Numbers with mean 0 and variance 1."""
        return Feature("float32", Normalization(name=name), "float")

    @staticmethod
    def float_discretized(
        num_bins: int | None = None, bin_boundaries: Any = None, output_mode: Mode = "one_hot", name: str | None = None
    ) -> Feature:
        """Numbers in bins; give either `num_bins`, or `bin_boundaries` with `num_bins=None`."""
        return Feature("float32", Discretization(bin_boundaries, num_bins, name=name), output_mode)

    @staticmethod
    def integer_categorical(
        max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: Mode = "one_hot", name: str | None = None
    ) -> Feature:
        """Integers by a vocabulary."""
        return Feature("int32", IntegerLookup(max_tokens, num_oov_indices, name=name), output_mode)

    @staticmethod
    def string_categorical(
        max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: Mode = "one_hot", name: str | None = None
    ) -> Feature:
        """Strings by a vocabulary."""
        return Feature("string", StringLookup(max_tokens, num_oov_indices, name=name), output_mode)

    @staticmethod
    def integer_hashed(num_bins: int, output_mode: Mode = "one_hot", name: str | None = None) -> Feature:
        """Integers by their hash."""
        return Feature("int32", Hashing(num_bins, name=name), output_mode)

    @staticmethod
    def string_hashed(num_bins: int, output_mode: Mode = "one_hot", name: str | None = None) -> Feature:
        """Strings by their hash."""
        return Feature("string", Hashing(num_bins, name=name), output_mode)
