"""Layers along the edges of a graph: the core of branching containers and of the functional form."""

from typing import NamedTuple

from nnlite.jacobians import GraphJacobians, Node
from nnlite.layers.base.call import pairs_inside, renewed
from nnlite.layers.base.masks import output_masks
from nnlite.layers.core.input import Cast

__all__ = ["Graph"]


class Use(NamedTuple):
    """One use of a layer: the values it takes, the values it gives, and where its parameters stand.

    Values are numbered: the graph's inputs first, then what each use gives.
    """

    layer: object
    inputs: tuple
    outputs: tuple
    parameters: slice


class Graph:
    """Runs built layers along a graph, as one differentiable function of its inputs and of all parameters.

    A layer may be used several times; its gradients are summed, as the total derivative says.

    Args:
        uses: `(layer, inputs)` in an order in which they can be computed; `inputs` are numbers of values.
        inputs: how many values the graph is given.
        outputs: the numbers of the values that it returns.
        dtypes: floating-point type of each input; where a layer computes in another one, a `Cast` is put before it.
    """

    def __init__(self, uses, inputs: int, outputs: tuple, dtypes: tuple):
        self.layers = list({id(layer): layer for layer, _ in uses}.values())
        places, count = {}, 0
        for layer in self.layers:
            places[id(layer)] = slice(count, count + len(layer.parameters))
            count += len(layer.parameters)
        self.inputs = inputs
        self.uses = []
        self._moved = list(range(inputs))  # where the values stand among those of the casts as well
        self._dtypes = list(dtypes)
        for layer, taken in uses:
            self._add(layer, taken, places[id(layer)])
        self.outputs = tuple(self._moved[value] for value in outputs)
        self.parameter_count = count
        owned = [own for layer in self.layers for own in layer.parameters]
        self._parameter_shapes = [own.shape if own.trainable else None for own in owned]  # state has no derivative

    def _add(self, layer, taken, place) -> None:
        values = [self._moved[value] for value in taken]
        for position, value in enumerate(values):
            if layer.input_kind == "numbers" and self._dtypes[value] != layer.dtype:
                values[position] = self._use(Cast(dtype=layer.dtype), (value,), 1, slice(0, 0))[0]
        several = isinstance(layer.output_shape[0], tuple)
        self._moved += self._use(layer, tuple(values), len(layer.output_shape) if several else 1, place)

    def _use(self, layer, values, count, place) -> tuple:
        start = len(self._dtypes)
        outputs = tuple(range(start, start + count))
        self.uses.append(Use(layer, values, outputs, place))
        self._dtypes += [layer.output_dtype] * count
        return outputs

    def group(self, items) -> list[tuple]:
        """`items`, one per parameter, cut into one tuple per use."""
        return [tuple(items[use.parameters]) for use in self.uses]

    def linearize(self, inputs, *values, training=False, random=None, mask=None):
        """The output and the `GraphJacobians`, for the parameters' arrays `values` in the order of `layers`."""
        return self.run(inputs, self.group(values), training, random, mask)

    def run(self, inputs, grouped, training=False, random=None, mask=None):
        """`linearize` with the parameters' arrays as `group` cuts them, which a loop over steps does once.

        Inputs, masks and outputs are tuples where there are several.
        """
        values = list(inputs) if self.inputs > 1 else [inputs]
        masks = list(mask or [None] * self.inputs) if self.inputs > 1 else [mask]
        nodes, states, shift = [], {}, self.parameter_count
        for index, (use, own) in enumerate(zip(self.uses, grouped, strict=True)):
            layer, several = use.layer, use.layer.takes_several
            taken = tuple([values[value] for value in use.inputs])
            given = tuple([masks[value] for value in use.inputs])
            available = {
                "training": training,
                "random": random and random.child(index),
                "mask": given if several else given[0],
            }
            context = {name: available[name] for name in layer.context}
            if id(layer) in states:
                own = renewed(layer, own, states[id(layer)])
            output, jacobians = layer.linearize(taken if several else taken[0], *own, **context)
            outputs = output if isinstance(output, tuple) else (output,)
            values += outputs
            masks += output_masks(layer, jacobians, given, len(outputs))
            slots = [value if value < self.inputs else value + shift for value in use.inputs]
            slots += range(self.inputs + use.parameters.start, self.inputs + use.parameters.stop)
            nodes.append(Node(jacobians, tuple(slots), tuple(value + shift for value in use.outputs), layer))
            states[id(layer)] = jacobians.state or states.get(id(layer), ())
        return self._finished(values, masks, nodes, [states.get(id(layer)) for layer in self.layers])

    def _finished(self, values, masks, nodes, states):
        in_shapes = [item.shape if item.dtype.kind in "fc" else None for item in values[: self.inputs]]
        in_shapes += self._parameter_shapes
        ends = [
            (value if value < self.inputs else value + self.parameter_count, values[value].shape)
            for value in self.outputs
        ]
        several = len(self.outputs) > 1
        mask = tuple(masks[value] for value in self.outputs)
        jacobians = GraphJacobians(nodes, in_shapes, ends, self.inputs, states, mask if several else mask[0])
        outputs = tuple(values[value] for value in self.outputs)
        return (outputs if several else outputs[0]), jacobians

    def compute_output_shape(self, input_shape):
        """The shape of the output for that of the input; tuples of shapes where there are several."""
        shapes = list(input_shape) if self.inputs > 1 else [input_shape]
        for use in self.uses:
            taken = tuple(shapes[value] for value in use.inputs)
            found = use.layer.compute_output_shape(taken if use.layer.takes_several else taken[0])
            shapes += found if isinstance(found[0], tuple) else [found]
        ends = tuple(tuple(shapes[value]) for value in self.outputs)
        return ends if len(ends) > 1 else ends[0]

    def update_state(self, state) -> None:
        """Store what `GraphJacobians.state` carries."""
        for parameter, value in self.state_pairs(state):
            parameter.value[...] = value

    def state_pairs(self, state):
        """`(parameter, new value)` for all that `state` carries."""
        return pairs_inside(self.layers, state)

    @property
    def line(self) -> list[tuple] | None:
        """As a chain's, if each use takes what the one before gives, and nothing else does; else None."""
        values = range(self.inputs, self.inputs + len(self.uses))
        straight = all(use.inputs == (value - 1,) for use, value in zip(self.uses, values, strict=True))
        if not straight or self.inputs > 1 or self.outputs != (len(self.uses),) or len(self.layers) < len(self.uses):
            return None
        places = (use.parameters for use in self.uses)
        return [(i, use.layer, own.start, own.stop) for i, (use, own) in enumerate(zip(self.uses, places, strict=True))]

    def plan(self, wanted, into) -> tuple[tuple, tuple]:
        """What `backward` hands to the Jacobians.

        Args:
            wanted: for each parameter whether its gradient is.
            into: where it is written.
        """
        return (*[False] * self.inputs, *wanted), (*[None] * self.inputs, *into)

    @staticmethod
    def backward(jacobians, cotangent, plan) -> None:
        """Write the gradients that the plan wants."""
        jacobians.vjp(cotangent, *plan)

    @property
    def labels(self) -> list[tuple]:
        """For each use what the layer is called, and what its inputs are."""
        return [
            (
                use.layer.name or type(use.layer).__name__,
                [*["inputs"] * len(use.inputs), *(own.name for own in use.layer.parameters)],
            )
            for use in self.uses
        ]
