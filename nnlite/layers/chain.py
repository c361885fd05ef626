"""A chain of layers, each fed with the output of the one before: the core of every sequential container."""

from nnlite.jacobians import ChainJacobians
from nnlite.layers.base import Layer
from nnlite.layers.preprocessing import Cast

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
            if layer.dtype != dtype and not layer.integer_inputs:
                self.stages.append((index, Cast(dtype=layer.dtype), start, start))
            stop = start + len(layer.parameters)
            self.stages.append((index, layer, start, stop))
            start, dtype = stop, layer.output_dtype

    def linearize(self, inputs, *values, training=False, random=None):
        """The output and the `ChainJacobians`, for the parameters' arrays `values` in the layers' order."""
        return self.run(inputs, self.group(values), training, random)

    def group(self, items) -> list[tuple]:
        """`items`, one per parameter, cut into one tuple per stage."""
        return [tuple(items[start:stop]) for _, _, start, stop in self.stages]

    def run(self, inputs, grouped, training=False, random=None):
        """`linearize` with the parameters' arrays as `group` cuts them, which a loop over steps does once."""
        found = []
        for (index, layer, _, _), values in zip(self.stages, grouped, strict=True):
            if layer.context:
                available = {"training": training, "random": random and random.child(index)}
                context = {name: available[name] for name in layer.context}
                inputs, jacobians = layer.linearize(inputs, *values, **context)
            else:
                inputs, jacobians = layer.linearize(inputs, *values)
            found.append(jacobians)
        return inputs, ChainJacobians(found)

    def update_state(self, state) -> None:
        """Hand each layer its part of `ChainJacobians.state`."""
        for (_, layer, _, _), own in zip(self.stages, state, strict=True):
            if own:
                layer.update_state(own)
