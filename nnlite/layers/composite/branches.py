"""Branches inside a chain of layers."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from nnlite.errors import ConfigError, ShapeError, did_you_mean
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.symbolic import is_numbers
from nnlite.layers.composite.graph import Graph
from nnlite.layers.core.columns import Columns
from nnlite.layers.core.input import Identity
from nnlite.layers.images.base import RandomImages
from nnlite.layers.merging.elementwise import Add, Average, Concatenate, Maximum, Multiply
from nnlite.random import RandomSource, fresh_seed
from nnlite.registry import snake_case
from nnlite.registry.fields import Converted, FromSpecs, Spec, option

__all__ = ["ColumnBranch", "Parallel", "Pipeline", "Residual"]

Merge = Literal["concat", "add", "multiply", "average", "max"]
RANGE = re.compile(r"(\d+)(?:-(\d+))?")
MERGES = {"add": Add, "multiply": Multiply, "average": Average, "max": Maximum}


class _Branches(Layer, abstract=True):
    """A layer made of chains of layers that start from its inputs and are merged."""

    if TYPE_CHECKING:  # a field, or a property
        layers = cast("list[Layer]", None)

    def branches(self) -> list[tuple]:
        """`(columns, chain)` of each branch: what it starts from, as `places_of` reads it, None for all; its layers."""
        raise NotImplementedError

    def merge_layer(self) -> Layer:
        """Layer that joins the ends of the branches."""
        raise NotImplementedError

    def __post_init__(self):
        super().__post_init__()
        self.graph: Any = None
        if len({id(layer) for layer in self.layers}) < len(self.layers):
            raise ConfigError(f"{self.label}: a layer occurs twice; each position needs its own layer")

    def _layers_inside(self) -> list[Layer]:
        """All layers inside, in order; the property `layers` of those that have no argument of that name."""
        return [layer for _, chain in self.branches() for layer in chain]

    def build(self, input_shape):
        self.random = self.random or RandomSource(fresh_seed())
        uses, ends, shapes = [], [], []
        for columns, chain in self.branches():
            start = [] if columns is None else [Columns(places_of(columns), name="columns")]
            shape, value = input_shape, 0
            for layer in (*start, *chain):
                shape = self._built(layer, shape, len(uses))
                uses.append((layer, (value,)))
                value = len(uses)
            ends.append(value)
            shapes.append(shape)
        self.check_ends(shapes)
        merge = self.merge_layer()
        self._built(merge, tuple(shapes) if merge.takes_several else shapes[0], len(uses))
        self.graph = Graph([*uses, (merge, tuple(ends))], 1, (len(uses) + 1,), (self.dtype,))
        self.parameters = [*self.graph.parameters]

    def _built(self, layer, shape, index):
        layer.dtype = layer._given_dtype or self.dtype
        layer.name = layer._given_name or f"{snake_case(type(layer).__name__)}_{index}"
        assert self.random is not None  # `build` has set it
        try:
            return layer._ensure_built(shape, self.random.child(index))
        except ConfigError as error:
            raise error.within(self._given_name or type(self).__name__, index) from None

    def check_ends(self, shapes) -> None:
        """Raise when the ends of the branches do not fit together, with a better hint than the merge layer's."""

    def compute_output_shape(self, input_shape):
        return self.graph.compute_output_shape(input_shape)

    def linearize(self, inputs, *parameters, training=False, random=None, mask=None):
        return self.graph.linearize(inputs, *parameters, training=training, random=random, mask=mask)

    def _state_pairs(self, state):
        return self.graph.state_pairs(state) if state else ()

    @property
    def adapted(self):
        return all(layer.adapted for layer in self.layers)

    def adapt(self, data) -> None:
        """Let each layer inside that has to learn from data see it, as the layers before it pass it on."""
        for columns, chain in self.branches():
            part = data if columns is None else data[..., places_of(columns)]
            for layer in chain:
                if not layer.adapted:
                    layer.adapt(part)
                part = layer(part)

    def _check_ready(self):
        for layer in self.layers:
            layer._check_ready()


class Pipeline(_Branches):
    """outputs = the layers applied in order: several layers as one, such as a chain of augmentations.

    A call by itself takes a dict of images and what belongs to them too, as each layer of images does; with random
    layers of images among its own, a call on arrays is one of training unless it says `training=False`.

    Args:
        layers: a chain of layers.

    >>> import numpy as np
    >>> from nnlite.layers import Dense, Rescaling
    >>> layer = Pipeline([Rescaling(0.5), Dense(2, kernel_initializer="ones")])
    >>> layer(np.array([[2.0, 4.0]])).tolist()
    [[3.0, 3.0]]
    """

    layers: FromSpecs[Layer]

    def __call__(self, inputs: Any, *more: Any, **options: Any) -> Any:
        if isinstance(inputs, Mapping):
            for layer in self.layers:
                inputs = layer(inputs, *more, **options)
            return inputs
        if options.get("training") is None and is_numbers(inputs):
            options["training"] = any(isinstance(layer, RandomImages) for layer in self.layers) or None
        return super().__call__(inputs, *more, **options)

    def branches(self):
        return [(None, self.layers)]

    def merge_layer(self):
        return Identity(name="identity")

    def compute_output_shape(self, input_shape):
        if self.graph is not None:
            return super().compute_output_shape(input_shape)
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape


class Residual(_Branches):
    """outputs = shortcut(inputs) + body(inputs): the body learns the residual.

    Args:
        body: a chain of layers.
        shortcut: a chain for the other path, where the body changes the shape: a Dense, or a convolution with
            kernel size 1; the inputs themselves by default.

    Raises:
        ShapeError: the two ends have different shapes.

    Reference: He et al. 2016, arXiv:1512.03385.

    >>> import numpy as np
    >>> from nnlite.layers import Dense
    >>> Residual([Dense(2, kernel_initializer="zeros")])(np.array([[3.0, 5.0]])).tolist()
    [[3.0, 5.0]]
    """

    body: FromSpecs[Layer]
    shortcut: FromSpecs[Layer] = option(default_factory=list)

    layers = property(_Branches._layers_inside)

    def branches(self):
        return [(None, self.shortcut), (None, self.body)]

    def merge_layer(self):
        return Add(name="add")

    def check_ends(self, shapes):
        start, end = shapes
        if start != end:
            raise ShapeError(
                f"{self.label} cannot add {start} and {end}, what its shortcut and its body make of the inputs: "
                f"`shortcut` takes a chain of layers that gives the body's shape"
            )


class Parallel(_Branches):
    """outputs = merge(branch(inputs) for each branch).

    Args:
        paths: the branches, each a layer or a chain of layers; an empty chain passes the inputs on.
        merge: `"concat"`, `"add"`, `"multiply"`, `"average"` or `"max"`.
        axis: of `"concat"`.

    >>> import numpy as np
    >>> from nnlite.layers import Dense, Identity
    >>> layer = Parallel([[Dense(4, activation="relu")], [Identity()]], merge="concat")
    >>> layer(np.ones((2, 3))).shape
    (2, 7)
    """

    paths: Converted[Sequence[Sequence[Spec[Layer]] | Spec[Layer]], list[list[Layer] | Layer]]
    merge: Merge = "concat"
    axis: int = -1

    layers = property(_Branches._layers_inside)

    def branches(self):
        return [(None, path if isinstance(path, list) else [path]) for path in self.paths]

    def merge_layer(self):
        return merging(self.merge, self.axis)

    def validate(self):
        if len(self.paths) < 2:
            raise ConfigError(f"Parallel needs two branches or more, got {len(self.paths)}")


class ColumnBranch(_Branches):
    """Splits the columns of a table into chains, then concatenates: one for numbers, an embedding for codes.

    outputs = merge(chain(inputs[:, columns]) for each entry).

    Shape: `(batch, features) -> (batch, sum of the chains' units)`.

    Args:
        columns: columns -> chain of layers (or one layer). Columns are positions from 0, `"0-7"` (with the last),
            `"3"`, `"0,2,5"`, or names, `"age,income"`, where a config's data have names.
        merge, axis: how the ends are joined, as in `Parallel`.

    Raises:
        ConfigError: a column that the inputs do not have.

    >>> import numpy as np
    >>> from nnlite.layers import Embedding, Flatten, Normalization
    >>> layer = ColumnBranch({"0-2": [], "3": [Embedding(5, 2), Flatten()]})
    >>> layer(np.array([[0.1, 0.2, 0.3, 4]])).shape
    (1, 5)
    """

    columns: Converted[Mapping[str, Sequence[Spec[Layer]] | Spec[Layer]], dict[str, list[Layer] | Layer]]
    merge: Merge = "concat"
    axis: int = -1

    layers = property(_Branches._layers_inside)

    def branches(self):
        return [(key, chain if isinstance(chain, list) else [chain]) for key, chain in self.columns.items()]

    def validate(self):
        if not self.columns:
            raise ConfigError("ColumnBranch needs one entry of columns or more")

    def merge_layer(self):
        return merging(self.merge, self.axis) if len(self.columns) > 1 else Identity(name="identity")

    def name_columns(self, places: dict[str, list[int]]) -> None:
        """Replace names by positions.

        Args:
            places: where the columns of each name are; a name may have become several columns of numbers.
        """
        resolved = {}
        for key, chain in self.columns.items():
            parts = [part.strip() for part in key.split(",")]
            for part in parts:
                if not RANGE.fullmatch(part) and part not in places:
                    hint = (
                        did_you_mean(part, places) if places else "the data have no names; give positions, such as 0-7"
                    )
                    raise ConfigError(f"{self.label} names a column {part!r}; {hint}", ("columns", key))
            columns = ",".join(part if RANGE.fullmatch(part) else ",".join(map(str, places[part])) for part in parts)
            if columns in resolved:
                raise ConfigError(f"{self.label} has two entries for the columns {columns}", ("columns", key))
            resolved[columns] = chain
        self.columns = resolved


def merging(kind: str, axis: int) -> Layer:
    """The merge layer of that kind."""
    return Concatenate(axis=axis, name="concatenate") if kind == "concat" else MERGES[kind](name=kind)


def places_of(key: str) -> list[int]:
    """`"0-7"` or `"0,2,5"` as a list of positions."""
    places = []
    for part in map(str.strip, key.split(",")):
        match = RANGE.fullmatch(part)
        if not match:
            raise ConfigError(
                f"columns must be places such as 3, 0-7 or 0,2,5, or names where the data have any; got {key!r}"
            )
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ConfigError(f"columns {part!r} end before they begin")
        places += range(first, last + 1)
    return places
