"""A graph of layers in a config: the section `model` with inputs, named layers and an output, in place of a list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlite.data import Columns as TableColumns, InputEncoder, Texts
from nnlite.errors import ConfigError, DataError, did_you_mean, raise_all
from nnlite.layers import Columns, Input, Layer
from nnlite.layers.composite.branches import RANGE, places_of
from nnlite.models import Model
from nnlite.registry import Section
from nnlite.registry.bounds import Index
from nnlite.registry.field_types import jsonable, read
from nnlite.registry.fields import Converted, option

__all__ = ["ModelGraph", "ModelInput"]

Names = Sequence[str] | str


class ModelInput(Section):
    """An input of a graph.

    Args:
        columns: those of the table that it takes: names, or positions from 0, such as `3`, `"0-7"`; all that no other
            input takes when None.

    >>> ModelInput(["0-2", "5"]).places({})
    [0, 1, 2, 5]
    >>> ModelInput(["age"]).places({"age": [3], "city": [0, 1, 2]})
    [3]
    """

    columns: list[str | Index] | None = None

    def places(self, named: Mapping[str, list[int]]) -> list[int]:
        """Positions of its columns, given those of each name; `ConfigError` for an unknown name."""
        places, errors = [], []
        for index, column in enumerate(self.columns or ()):
            if column in named:
                places += named[str(column)]
            elif isinstance(column, int) or RANGE.fullmatch(column):
                places += places_of(str(column))
            else:
                hint = did_you_mean(column, named) if named else "the data have no names; give positions such as 0-7"
                errors.append(ConfigError(f"unknown column {column!r}; {hint}", ("columns", index)))
        raise_all(errors)
        return places


@dataclass(frozen=True)
class _Step:
    """An entry of `layers`: a chain, and the names of what the first one of it takes."""

    chain: list[Layer]
    sources: list[str]


class ModelGraph(Section):
    """A `Model` in a config.

    Args:
        inputs: name -> `{columns: [...]}`, a list of names, or the name of the only input.
        layers: name -> a layer, `{Dense: {units: 8}, from: name}`, or a chain, `{layers: [...], from: name}`. `from` is
            an input or a layer above, or a list of them for layers that take several, such as `Concatenate`; the entry
            above when it is left out, and the first input for the first entry.
        outputs: the name of the layer that gives the output; the last one when None.

    >>> import numpy as np
    >>> from nnlite.data import Raw
    >>> graph = ModelGraph.get({
    ...     "inputs": {"size": {"columns": ["0-1"]}, "rest": {}},
    ...     "layers": {"wide": {"Dense": {"units": 4}, "from": "size"},
    ...                "both": {"Concatenate": {}, "from": ["wide", "rest"]}, "price": {"Dense": {"units": 1}}}})
    >>> graph.build(np.ones((2, 6)), Raw((6,)), seed=0).output_shape
    (None, 1)
    """

    inputs: Converted[Mapping[str, Any] | Names, dict[str, ModelInput | None] | list[str] | str]
    layers: Converted[Mapping[str, Any], dict[str, Any]]
    outputs: str | None = option(default=None)

    def validate(self) -> None:
        names = [self.inputs] if isinstance(self.inputs, str) else self.inputs
        entries = names if isinstance(names, dict) else {}
        self._inputs = {name: entries.get(name) or ModelInput() for name in names}
        self._steps: dict[str, _Step] = {}
        errors = self._check_inputs()
        for name, entry in self.layers.items():
            try:
                self._steps[name] = self._step(name, entry)
            except ConfigError as error:
                errors.append(error.within("ModelGraph", "layers", name))
        if not errors:
            errors = self._check_ends()
        raise_all(errors)
        self.layers = {name: _spec_of(step) for name, step in self._steps.items()}

    def _check_inputs(self) -> list[ConfigError]:
        whole = [name for name, item in self._inputs.items() if item.columns is None]
        if not self._inputs:
            return [ConfigError("expected one input or more", ("ModelGraph", "inputs"))]
        if len(whole) > 1:
            message = f"the inputs {' and '.join(whole)} name no columns; one at most can take the remaining ones"
            return [ConfigError(message, ("ModelGraph", "inputs"))]
        return []

    def _step(self, name: str, entry: Any) -> _Step:
        if name in self._inputs:
            raise ConfigError(f"{name!r} is an input; give the layer another name")
        spec = dict(entry) if isinstance(entry, Mapping) else entry
        errors: list[ConfigError] = []
        sources: list[str] = []
        chain: list[Layer] = []
        try:
            sources = self._sources(name, spec.pop("from", None) if isinstance(spec, dict) else None)
        except ConfigError as error:
            errors.append(error.within("from"))
        listed = isinstance(spec, dict) and set(spec) == {"layers"}
        try:
            chain = read(spec["layers"], list[Layer]) if listed else [Layer.get(spec)]
            if not chain:
                raise ConfigError("expected one layer or more")
        except ConfigError as error:
            errors.append(error.within("layers") if listed else error)
        raise_all(errors)
        chain[-1].name = chain[-1]._given_name or name
        return _Step(chain, sources)

    def _sources(self, entry: str, origin: Any) -> list[str]:
        names = list(self.layers)
        layers = names[: names.index(entry)]
        above = [*self._inputs, *layers]
        if origin is None:
            return [above[-1] if layers else above[0]]
        names = [origin] if isinstance(origin, str) else read(origin, list[str])
        for index, name in enumerate(names):
            if name not in above:
                below = (
                    "is defined below; a layer takes inputs that are defined above it"
                    if name in self.layers
                    else "is unknown"
                )
                hint = did_you_mean(name, above)
                raise ConfigError(f"{name!r} {below}; {hint}", () if isinstance(origin, str) else (index,))
        if not names:
            raise ConfigError("expected a name or more")
        return names

    def _check_ends(self) -> list[ConfigError]:
        """Errors of an output that does not exist, and of layers and inputs that it does not depend on."""
        if not self._steps:
            return [ConfigError("expected one layer or more", ("ModelGraph", "layers"))]
        end = self.outputs or list(self._steps)[-1]
        if end not in self._steps:
            return [ConfigError(f"unknown layer {end!r}; {did_you_mean(end, self._steps)}", ("ModelGraph", "outputs"))]
        needed, waiting = set(), [end]
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                waiting += self._steps[name].sources if name in self._steps else []
        return [
            ConfigError(f"the output {end!r} does not depend on {name!r}", ("ModelGraph", key, name))
            for key, names in (("inputs", self._inputs), ("layers", self._steps))
            for name in names
            if name not in needed
        ]

    def build(self, x: np.ndarray, encoder: InputEncoder, seed: int) -> Model:
        """The model for the rows of `x`, with new weights.

        Args:
            x: the rows to train on, from which layers of texts learn their words.
            encoder: says where the columns of each name stand.
            seed: as in `Model`.

        Raises:
            ConfigError: unknown columns, or layers that do not fit together.
        """
        texts = isinstance(encoder, Texts)
        whole = Input(x.shape[1:], dtype="string" if texts else None)
        values: dict[str, Any] = self._split(whole, encoder)
        for name, step in self._steps.items():
            chain = read(jsonable(step.chain), list[Layer])  # another run must not start from these weights
            try:
                if texts and step.sources[0] in self._inputs:
                    _read_texts(chain[0], x)
                values[name] = _drawn(chain, [values[source] for source in step.sources])
            except ConfigError as error:
                raise error.within("layers", name) from None
            except DataError as error:  # shapes that do not fit, which the graph decides
                raise ConfigError(str(error), ("layers", name)) from None
        return Model(whole, values[self.outputs or list(self._steps)[-1]], seed=seed)

    def _split(self, whole: Input, encoder: InputEncoder) -> dict[str, Any]:
        """The value of each input: the whole one, or columns of it."""
        named = encoder.places() if isinstance(encoder, TableColumns) else {}
        values: dict[str, Any] = {}
        used: set[int] = set()
        for name, item in sorted(self._inputs.items(), key=lambda pair: pair[1].columns is None):  # the rest at last
            try:
                if item.columns is None and not used:
                    values[name] = whole
                else:
                    remaining = [index for index in range(whole.shape[-1] or 0) if index not in used]
                    places = item.places(named) if item.columns is not None else remaining
                    values[name] = Columns(places, name=name)(whole)
                    used.update(places)
            except ConfigError as error:
                raise error.within("inputs", name) from None
        return values


def _read_texts(layer: Layer, texts: np.ndarray) -> None:
    """Let the layer that takes the texts see them, before its outputs have a shape; else `ConfigError`."""
    if layer.input_kind != "strings":
        what = f"the data are strings, {layer.label} takes {layer.input_kind}"
        raise ConfigError(f"{what}: begin with TextVectorization")
    if not layer.adapted:
        layer.adapt(texts)


def _drawn(chain: list[Layer], inputs: list[Any]) -> Any:
    """Outputs of a chain, drawn from the values that it takes."""
    value: Any = tuple(inputs) if len(inputs) > 1 or chain[0].takes_several else inputs[0]
    for layer in chain:
        value = layer(value)
    return value


def _spec_of(step: _Step) -> dict[str, Any]:
    """The entry that a step was read from, with all defaults."""
    specs = jsonable(step.chain)
    sources = step.sources if len(step.sources) > 1 else step.sources[0]
    return {"from": sources, **(specs[0] if len(specs) == 1 else {"layers": specs})}
