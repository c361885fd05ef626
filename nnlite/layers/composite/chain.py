"""A chain of layers, each applied to the output of the one before: the core of sequential containers."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from nnlite.errors import ConfigError
from nnlite.jacobians import ChainJacobians
from nnlite.layers.base.layer import Layer
from nnlite.layers.composite.program import Data, Mask, Program, ProgramStage, Runnable, label_of
from nnlite.layers.core.input import Cast
from nnlite.random import RandomSource

__all__ = ["Chain"]


class Chain(Program):
    """A program that runs built layers in order.

    Args:
        layers: the layers; where the dtype changes from one to the next, a `Cast` is put between them.
        dtype: of the data, when it is floating-point.

    Attributes:
        stages: the layers, and the `Cast`s between them.
    """

    def __init__(self, layers: Sequence[Layer], dtype: str) -> None:
        self.stages: list[ProgramStage] = []
        start = 0
        for index, layer in enumerate(layers):
            if dtype == "object" and layer.input_kind in ("numbers", "indices"):
                raise ConfigError(f"{layer.label} needs {layer.input_kind}, {layers[index - 1].label} gives strings")
            if layer.dtype != dtype and layer.input_kind == "numbers" and layer._takes_policies:
                self.stages.append(ProgramStage(index, Cast(dtype=layer.dtype), start, start))
            stop = start + len(layer.parameters)
            self.stages.append(ProgramStage(index, layer, start, stop))
            start, dtype = stop, layer._output_dtype

    @classmethod
    def of_stages(cls, stages: list[ProgramStage]) -> "Chain":
        """A chain of known stages."""
        chain = cls([], "")
        chain.stages = stages
        return chain

    def group(self, items: Sequence) -> list[tuple]:
        """`items`, one per parameter, cut into one tuple per stage."""
        return [tuple(items[stage.start : stage.stop]) for stage in self.stages]

    def run(
        self,
        inputs: np.ndarray,
        grouped: Sequence[tuple[np.ndarray, ...]],
        training: bool = False,
        random: RandomSource | None = None,
        mask: Mask = None,
    ) -> tuple[Data, ChainJacobians]:
        """The output and the `ChainJacobians`.

        A mask is passed from layer to layer: through those that support masking, else as a layer sets it.
        """
        bundles = []
        for stage, values in zip(self.stages, grouped, strict=True):
            layer = stage.layer
            if layer._context:
                child = None if random is None else random.child(stage.index)
                available = {"training": training, "random": child, "source": random, "mask": mask}
                context = {name: available[name] for name in layer._context}
                inputs, jacobians = layer.linearize(inputs, *values, **context)
            else:
                inputs, jacobians = layer.linearize(inputs, *values)
            bundles.append(jacobians)
            if not layer._keeps_mask:
                mask = jacobians.mask
        return inputs, ChainJacobians(bundles, mask)

    def plan(self, wanted: Sequence[bool], into: Sequence) -> tuple[list[tuple], list[tuple]]:
        """The backward plan of each stage, the last one first.

        Stages before the first wanted parameter are left out, and so is the product with that one's input.
        """
        wants, targets = self.group(wanted), self.group(into)
        first = next((index for index, stage in enumerate(wants) if any(stage)), len(wants))
        stages = range(len(wants) - 1, first - 1, -1)
        return [(index > first, *wants[index]) for index in stages], [(None, *targets[index]) for index in stages]

    def backward(self, jacobians: ChainJacobians, cotangent: Any, plan: tuple[list[tuple], list[tuple]]) -> None:
        """Write the gradients that the plan requires; `ConfigError` where integers keep them from weights."""
        for stage, bundle, wanted, into in zip(reversed(self.stages), reversed(jacobians.stages), *plan, strict=False):
            if cotangent is None:
                raise ConfigError(
                    f"no gradient reaches {stage.layer.name!r}: a later layer makes integers, without derivative; "
                    "set trainable=False for the layers before that one"
                )
            cotangent = bundle.vjp(cotangent, wanted, into)[0]

    @property
    def stateful_layers(self) -> list[Any]:
        """The layers that run, in the order of the parts of `ChainJacobians.state`."""
        return [stage.layer for stage in self.stages]

    @property
    def line(self) -> list[ProgramStage]:
        """The stages."""
        return self.stages

    @property
    def last_layers(self) -> list[Any]:
        layers: list[Any] = [stage.layer for stage in self.stages]
        return [next((layer for layer in reversed(layers) if not layer._keeps_values), layers[-1])]

    @property
    def labels(self) -> list[tuple[str, list[str]]]:
        """The label of each stage, and the labels of its inputs."""
        return [label_of(stage.layer) for stage in self.stages]

    def with_layers(self, replace: Callable[[int, Runnable], Runnable]) -> "Chain":
        """The chain with `replace(number of the stage, layer)` in place of each layer."""
        return self.of_stages(
            [stage._replace(layer=replace(number, stage.layer)) for number, stage in enumerate(self.stages)]
        )

    def update_state(self, state: Iterable[tuple]) -> None:
        """Pass each layer its part of `ChainJacobians.state`."""
        for stage, values in zip(self.stages, state, strict=True):
            if values:
                stage.layer.update_state(values)
