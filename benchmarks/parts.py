"""The parts that the compared nets are made of: shapes of their weights and outputs, and their matrix products.

Shapes are those of one example, without the batch. Weights stand in Keras' order and layout.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple


class Product(NamedTuple):
    """Matrix products A @ B, `stack` of them at once, A `(rows, inner)` and B `(inner, columns)`.

    Args:
        times: how often it is done, each after the one before, as along a sequence. The products by which B's
            gradient is found are then one product of `times * rows` rows.
        of_inputs: whether A is the input of its part, whose gradient the first part need not compute.
    """

    rows: int
    inner: int
    columns: int
    stack: int = 1
    times: int = 1
    of_inputs: bool = True

    @property
    def multiply_adds(self) -> int:
        """Of the product itself, without those of its derivatives."""
        return self.rows * self.inner * self.columns * self.stack * self.times


class Part:
    """One layer. A part without weights or products need not say so."""

    def weights(self, shape) -> dict[str, tuple]:
        """Name and shape of each weight, for inputs of `shape`."""
        return {}

    def output(self, shape) -> tuple:
        """The shape of the outputs."""
        return shape

    def products(self, shape, batch) -> list[Product]:
        """The matrix products of its forward pass."""
        return []


@dataclass(frozen=True)
class Dense(Part):
    """inputs @ kernel + bias, and a ReLU if asked for."""

    units: int
    relu: bool = False

    def weights(self, shape):
        return {"kernel": (shape[-1], self.units), "bias": (self.units,)}

    def output(self, shape):
        return (*shape[:-1], self.units)

    def products(self, shape, batch):
        return [Product(batch * math.prod(shape[:-1]), shape[-1], self.units)]


@dataclass(frozen=True)
class Dropout(Part):
    """Inverted dropout, while training."""

    rate: float


@dataclass(frozen=True)
class Convolution(Part):
    """A convolution of images `(rows, columns, channels)` without padding, with bias and ReLU."""

    filters: int
    size: int = 3

    def weights(self, shape):
        return {"kernel": (self.size, self.size, shape[-1], self.filters), "bias": (self.filters,)}

    def output(self, shape):
        return (shape[0] - self.size + 1, shape[1] - self.size + 1, self.filters)

    def products(self, shape, batch):
        rows = batch * math.prod(self.output(shape)[:2])
        return [Product(rows, self.size**2 * shape[-1], self.filters)]


@dataclass(frozen=True)
class Pool(Part):
    """The largest value of each square of 2 x 2."""

    def output(self, shape):
        return (shape[0] // 2, shape[1] // 2, shape[2])


@dataclass(frozen=True)
class Flatten(Part):
    """One vector per example."""

    def output(self, shape):
        return (math.prod(shape),)


@dataclass(frozen=True)
class Recurrence(Part):
    """An LSTM, of which the last step goes on."""

    units: int

    def weights(self, shape):
        gates = 4 * self.units
        return {"kernel": (shape[-1], gates), "recurrent_kernel": (self.units, gates), "bias": (gates,)}

    def output(self, shape):
        return (self.units,)

    def products(self, shape, batch):
        steps, features = shape
        return [
            Product(batch * steps, features, 4 * self.units),
            Product(batch, self.units, 4 * self.units, times=steps, of_inputs=False),
        ]


@dataclass(frozen=True)
class Lookup(Part):
    """One learned vector for each integer below `count`."""

    count: int
    width: int

    def weights(self, shape):
        return {"table": (self.count, self.width)}

    def output(self, shape):
        return (*shape, self.width)


@dataclass(frozen=True)
class Mean(Part):
    """The mean over the steps of a sequence."""

    def output(self, shape):
        return shape[1:]


@dataclass(frozen=True)
class Block(Part):
    """A transformer block: attention, then two dense layers, each added to its input and normalized (epsilon 1e-3)."""

    heads: int
    hidden: int

    def weights(self, shape):
        width = shape[-1]
        by_head = (self.heads, width // self.heads)
        found = {}
        for name in ("query", "key", "value"):
            found |= {f"{name}_kernel": (width, *by_head), f"{name}_bias": by_head}
        found |= {"output_kernel": (*by_head, width), "output_bias": (width,)}
        found |= {"gamma_1": (width,), "beta_1": (width,)}
        found |= {"hidden_kernel": (width, self.hidden), "hidden_bias": (self.hidden,)}
        found |= {"last_kernel": (self.hidden, width), "last_bias": (width,)}
        return found | {"gamma_2": (width,), "beta_2": (width,)}

    def products(self, shape, batch):
        steps, width = shape
        rows, own = batch * steps, width // self.heads
        projection, stack = Product(rows, width, width), batch * self.heads
        return [
            *[projection] * 3,
            Product(steps, own, steps, stack, of_inputs=False),
            Product(steps, steps, own, stack, of_inputs=False),
            projection._replace(of_inputs=False),
            Product(rows, width, self.hidden, of_inputs=False),
            Product(rows, self.hidden, width, of_inputs=False),
        ]
