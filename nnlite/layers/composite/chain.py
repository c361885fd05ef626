"""A chain of layers, each fed with the output of the one before: the core of every sequential container."""

from nnlite.errors import ConfigError
from nnlite.jacobians import ChainJacobians
from nnlite.layers.base.layer import Layer
from nnlite.layers.core.input import Cast

__all__ = ["Chain"]


class Chain:
    """Runs built layers in order, as one differentiable function of the data and of all their parameters.

    Args:
        layers: the layers; where the dtype changes from one to the next, a `Cast` is put between them.
        dtype: of the data, when it is floating-point.
    """

    def __init__(self, layers: list[Layer], dtype: str):
        self.stages = []
        start = 0
        for index, layer in enumerate(layers):
            if dtype == "object" and layer.input_kind in ("numbers", "indices"):
                raise ConfigError(f"{layer.label} needs {layer.input_kind}, {layers[index - 1].label} gives strings")
            if layer.dtype != dtype and layer.input_kind == "numbers":
                self.stages.append((index, Cast(dtype=layer.dtype), start, start))
            stop = start + len(layer.parameters)
            self.stages.append((index, layer, start, stop))
            start, dtype = stop, layer.output_dtype

    def linearize(self, inputs, *values, training=False, random=None, mask=None):
        """The output and the `ChainJacobians`, for the parameters' arrays `values` in the layers' order."""
        return self.run(inputs, self.group(values), training, random, mask)

    def group(self, items) -> list[tuple]:
        """`items`, one per parameter, cut into one tuple per stage."""
        return [tuple(items[start:stop]) for _, _, start, stop in self.stages]

    def run(self, inputs, grouped, training=False, random=None, mask=None):
        """`linearize` with the parameters' arrays as `group` cuts them, which a loop over steps does once.

        A mask goes on from layer to layer: through those that support masking, else as a layer sets it.
        """
        found = []
        for (index, layer, _, _), values in zip(self.stages, grouped, strict=True):
            if layer.context:
                own = random and random.child(index)
                available = {"training": training, "random": own, "source": random, "mask": mask}
                context = {name: available[name] for name in layer.context}
                inputs, jacobians = layer.linearize(inputs, *values, **context)
            else:
                inputs, jacobians = layer.linearize(inputs, *values)
            found.append(jacobians)
            if not layer.supports_masking:
                mask = jacobians.mask
        return inputs, ChainJacobians(found, mask)

    def plan(self, wanted, into) -> tuple[list, list]:
        """What `backward` hands to each stage, the last one first.

        Stages before the first wanted parameter are left out, and so is the product with that one's input.

        Args:
            wanted: for each parameter whether its gradient is.
            into: where it is written.
        """
        wanted, into = self.group(wanted), self.group(into)
        first = next((index for index, stage in enumerate(wanted) if any(stage)), len(wanted))
        stages = range(len(wanted) - 1, first - 1, -1)
        return [(index > first, *wanted[index]) for index in stages], [(None, *into[index]) for index in stages]

    @staticmethod
    def backward(jacobians, cotangent, plan) -> None:
        """Write the gradients that the plan wants."""
        for stage, wanted, into in zip(reversed(jacobians.stages), *plan, strict=False):
            cotangent = stage.vjp(cotangent, wanted, into)[0]

    @property
    def line(self) -> list[tuple]:
        """The stages, one after another: number, layer, and where its parameters start and stop."""
        return self.stages

    @property
    def labels(self) -> list[tuple]:
        """For each stage what it is called, and what its inputs are."""
        return [
            (layer.name or type(layer).__name__, ["inputs", *(own.name for own in layer.parameters)])
            for _, layer, _, _ in self.stages
        ]

    def update_state(self, state) -> None:
        """Hand each layer its part of `ChainJacobians.state`."""
        for (_, layer, _, _), own in zip(self.stages, state, strict=True):
            if own:
                layer.update_state(own)
