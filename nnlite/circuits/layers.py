"""One step of variable elimination as a layer, in log space."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from nnlite.arrays.types import Array, BatchShape
from nnlite.errors import ConfigError
from nnlite.jacobians import (
    Broadcast,
    Composed,
    Diagonal,
    Jacobian,
    Jacobians,
    LogSoftmaxJacobian,
    Rearrange,
    RowStochastic,
)
from nnlite.layers import Layer
from nnlite.registry.bounds import Count
from nnlite.registry.fields import option

__all__ = ["SumProduct", "log_table"]

Semiring: TypeAlias = Literal["sum", "max"]
Scope: TypeAlias = tuple[str, ...]


class SumProduct(Layer):
    """log m[S] = log sum_E exp(sum_k log f_k), the message of one bucket of variable elimination.

    The factors f_k are the inputs and tables of conditional probabilities, each over some of the variables S and E;
    the sum, or the maximum, goes over E. With c = prod_k f_k, the Jacobian by log c is the row-stochastic matrix
    c / m = P(E | S, evidence below); that of log c by log f_k has zeros and ones: each entry of c uses one of f_k. A
    table theta = softmax(logits) along its last axis, where its support is 1, and 0 elsewhere.

    Shape: inputs `(batch, *states of each input's variables)` -> `(batch, *states of S)`.

    Args:
        inputs: the variables of each input, in the order of its axes.
        cards: `{variable: number of its states}`.
        tables: `{name: variables}` of tables, parents first; each has the parameters `name`, its logits, and
            `name_support`, which is not trained.
        message: S, the variables that stay, in the order of the output's axes.
        semiring: `"sum"` or `"max"`; with the latter, rows of shares are one 1 for the likeliest of E.

    Raises:
        ConfigError: a variable whose number of states is not given, or a variable of S that no factor has.

    >>> rain = SumProduct([["rain"]], {"rain": 2, "wet": 2}, {"wet": ["rain", "wet"]}, message=["wet"], dtype="float64")
    >>> with_log = rain.forward((np.log([[0.2, 0.8]]),))  # equal logits: wet or not, one half each
    >>> np.exp(with_log).round(3).tolist()
    [[0.5, 0.5]]
    >>> rain.jacobians[0].todense().round(3).reshape(2, 2).tolist()  # P(rain | wet): a row for each state of wet
    [[0.2, 0.8], [0.2, 0.8]]

    Reference: Darwiche 2003, "A differential approach to inference in Bayesian networks", J. ACM 50(3).
    """

    inputs: tuple[tuple[str, ...], ...]
    cards: dict[str, Count]
    tables: dict[str, tuple[str, ...]] = option(default_factory=dict)
    message: tuple[str, ...] = ()
    semiring: Semiring = "sum"

    takes_several = True

    def validate(self) -> None:
        axes = [axis for scope in (*self.inputs, *self.tables.values(), self.message) for axis in scope]
        strangers = [axis for axis in axes if axis not in self.cards]
        if strangers:
            raise ConfigError(f"{strangers[0]!r} has no number of states", (type(self).__name__, "cards"))
        used = {axis for scope in (*self.inputs, *self.tables.values()) for axis in scope}
        missing = [axis for axis in self.message if axis not in used]
        if missing:
            raise ConfigError(f"no factor has {missing[0]!r}", (type(self).__name__, "message"))
        summed = [axis for axis in dict.fromkeys(axes) if axis in used and axis not in self.message]
        self.axes: Scope = (*self.message, *summed)
        self.rank = len(summed)

    def shape(self, scope: Iterable[str]) -> tuple[int, ...]:
        """The numbers of states of some variables."""
        return tuple(self.cards[axis] for axis in scope)

    def build(self, input_shape: Sequence[BatchShape]) -> None:
        for name, scope in self.tables.items():
            self.add_weight(self.shape(scope), "zeros", name=name)
            self.add_weight(self.shape(scope), "ones", name=f"{name}_support", trainable=False)

    def compute_output_shape(self, input_shape: Sequence[BatchShape]) -> BatchShape:
        batch = input_shape[0][0]
        return (batch, *self.shape(self.message))

    def linearize(self, inputs: tuple[np.ndarray, ...], *parameters: np.ndarray) -> tuple[np.ndarray, Jacobians]:
        return self.run(inputs, parameters, self.semiring)

    def run(
        self, inputs: tuple[np.ndarray, ...], parameters: Sequence[np.ndarray], semiring: Semiring
    ) -> tuple[np.ndarray, Jacobians]:
        """As `linearize`, in either semiring."""
        out = (len(inputs[0]), *self.shape(self.axes))
        total: Any = 0
        maps: list[Jacobian | None] = []
        for scope, factor in zip(self.inputs, inputs, strict=True):
            aligned, part = self._aligned(factor, scope, (len(factor),), out)
            total = total + aligned
            maps.append(part)
        for scope, logits, support in zip(self.tables.values(), parameters[::2], parameters[1::2], strict=True):
            table, (by_logits, outer) = log_table(logits, support)
            aligned, part = self._aligned(table, scope, (), out)
            total = total + aligned
            maps += [Composed(part, outer, by_logits), None]
        message, shares = log_sum(np.broadcast_to(total, out), self.rank, semiring)
        return message, Jacobians(*maps, outer=RowStochastic(shares, self.rank), data=len(inputs))

    def _aligned(self, factor: Array, scope: Scope, lead: tuple[int, ...], out: tuple) -> tuple[np.ndarray, Jacobian]:
        """A factor with an axis for each of the product's, length 1 where it lacks one, and the map to the product."""
        places = [axis for axis in self.axes if axis in scope]
        rows = tuple(range(len(lead)))
        axes = (*rows, *(scope.index(axis) + len(lead) for axis in places))
        shape = (*(lead or (1,)), *(self.cards[axis] if axis in scope else 1 for axis in self.axes))
        aligned = factor.transpose(axes).reshape(shape)
        return aligned, Composed(Broadcast(shape, out), Rearrange(factor.shape, shape, axes))


def log_table(logits: Array, support: Array) -> tuple[np.ndarray, tuple[Jacobian, Jacobian]]:
    """log softmax along the last axis of the entries that have support, -inf for others; the maps, innermost first."""
    there = support.real != 0
    shifted = logits - np.where(there, logits.real, -np.inf).max(axis=-1, keepdims=True)
    weights = np.where(there, np.exp(np.where(there, shifted, 0)), 0)
    sums = weights.sum(axis=-1, keepdims=True)
    table = np.where(there, shifted - np.log(sums), -np.inf)
    slopes = there.astype(logits.real.dtype)
    return table, (LogSoftmaxJacobian(weights / sums), Diagonal(slopes, table.shape, table.shape))


def log_sum(product: Array, rank: int, semiring: Semiring) -> tuple[np.ndarray, np.ndarray]:
    """The logarithm of the sum, or of the maximum, over the last `rank` axes of exp(product), and the shares."""
    flat = product.reshape(*product.shape[: product.ndim - rank], -1)
    top = flat.real.max(axis=-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    if semiring == "max":
        best = flat.real.argmax(axis=-1)[..., None]
        message = np.take_along_axis(flat, best, axis=-1)
        shares = np.zeros_like(flat)
        np.put_along_axis(shares, best, np.isfinite(message).astype(flat.real.dtype), axis=-1)
        return message[..., 0], shares.reshape(product.shape)
    terms = np.exp(flat - top)
    sums = terms.sum(axis=-1, keepdims=True)
    empty = sums.real == 0
    sums = np.where(empty, 1, sums)
    message = np.where(empty, -np.inf, np.log(sums) + top)
    return message[..., 0], (terms / sums).reshape(product.shape)
