"""Layers given as YAML, and the whole stack of a config."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from nnlite.errors import ConfigError
from nnlite.layers import Activation, ColumnBranch, Dense, Layer, Softmax
from nnlite.models import Sequential
from nnlite.registry.bounds import Count
from nnlite.registry.field_types import read
from nnlite.registry.modules import given_arguments

__all__ = ["WholeStack", "adapt_waiting", "copies", "layers_of", "sizes_of", "whole_stack"]

Given = Sequence[Any] | Callable[[int, int], Sequence[Any]] | None
ENDINGS = (".yaml", ".yml")


def layers_of(argument: Given | str) -> Given:
    """The parameter `layers` of an estimator, with YAML parsed: a string, or the path of a .yaml or .yml file.

    Raises:
        ConfigError: no such file, no valid YAML, or no list of layers.
    """
    if not isinstance(argument, str):
        return argument
    name, text = "layers", argument
    if argument.endswith(ENDINGS):
        name = argument
        try:
            text = Path(argument).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "the file is not text in UTF-8"
            raise ConfigError(f"{argument}: {reason}", ("layers",)) from None
    from nnlite.documents import parse  # needs PyYAML

    _, layers = parse(text, name)
    if not isinstance(layers, list):
        raise ConfigError(f"{name}: expected a list of layers, lines that begin with `- `, got {layers!r}")
    return layers


@dataclass(frozen=True)
class WholeStack:
    """The layers of a config, the last of which gets as many outputs as the targets need.

    Args:
        hidden: specs of all layers but the last one.
        output: arguments of the last one, a `Dense`.
        activation: what follows it, for the targets of the estimator.
    """

    hidden: tuple[Any, ...]
    output: dict[str, Any]
    activation: str | None

    def __call__(self, n_features: int, n_outputs: int) -> list[Any]:
        """Specs of the layers for a table of `n_features` columns and targets of `n_outputs` numbers or classes."""
        return [*self.hidden, {"Dense": {**self.output, "units": n_outputs, "activation": self.activation}}]

    def __repr__(self) -> str:
        names = [next(iter(spec)) for spec in self.hidden]
        return f"WholeStack({', '.join([*names, 'Dense'])})"


def whole_stack(specs: Sequence[Any], activation: str | None) -> WholeStack:
    """The stack described by the `model` section of a config.

    Raises:
        ConfigError: an unknown layer or argument; columns by name; a model that does not end in a `Dense` layer.
    """
    layers = []
    for index, spec in enumerate(specs):
        try:
            layers.append(Layer.get(spec))
            if isinstance(layers[-1], ColumnBranch):
                layers[-1].name_columns({})  # an estimator identifies columns only by position
        except ConfigError as error:
            raise error.within(index) from None
    while layers and isinstance(layers[-1], (Activation, Softmax)):
        layers.pop()
    if not layers or type(layers[-1]) is not Dense:
        last = layers[-1].label if layers else "nothing"
        raise ConfigError(f"expected layers that end in Dense, whose units the targets decide; got {last} at the end")
    *hidden, output = layers
    return WholeStack(tuple(layer.to_spec() for layer in hidden), given_arguments(output), activation)


def adapt_waiting(network: Sequential, rows: np.ndarray) -> None:
    """Adapt layers such as `Normalization` to the training rows; `fit` does so only for `Dense`."""

    def ready(layer: Layer) -> bool:
        return layer.adapted or isinstance(layer, Dense)

    if not all(map(ready, network.layers)):
        if len(network.input_shape) > 2:  # all members see the same rows
            rows = np.broadcast_to(rows[:, None], (len(rows), *network.input_shape[1:]))
        network.adapt_until(ready, rows)


def sizes_of(widths: Any) -> list[int]:
    """The numbers of units of the hidden layers."""
    try:
        return read([widths] if isinstance(widths, Integral) else list(widths), list[Count])
    except ConfigError as error:
        raise error.within("hidden_layer_sizes") from None


def copies(layers: Sequence[Any]) -> list[Layer]:
    """New layers of the same configuration, made by their own classes, which a worker may not have registered."""
    originals = [Layer.get(layer) for layer in layers]
    return [type(layer).from_config(given_arguments(layer)) for layer in originals]
