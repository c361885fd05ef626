"""The Jacobians of a recurrent layer: backpropagation through time."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nnlite.jacobians.bundles.bundle import Cotangent, Into, JointBundle, Products, Wanted
from nnlite.jacobians.bundles.partial import Partial
from nnlite.jacobians.maps.matmul import rows_matmul
from nnlite.jacobians.recurrence.base import Recurrence

__all__ = ["RecurrentJacobians", "ThroughTime"]


class ThroughTime(Partial):
    """The Jacobian of all steps with respect to one input of a recurrent layer. Storage: what the steps computed."""

    __slots__ = ()


class RecurrentJacobians(JointBundle):
    """The Jacobians of a recurrent layer: its sequence, first states, kernel, recurrent kernel and bias are the inputs.

    `vjp` walks the steps backwards once, whichever products are wanted; the gradients of the kernels are then one
    matrix product each over all steps, or one for all of them. With `ends` the output, its cotangent and its tangent
    are tuples: the last states follow.

    Args:
        recurrence: the `Recurrence` of the cell.
        rows: what was multiplied by the kernel, `(steps, batch, features)`, in the order of the steps taken.
        kernel: the kernel.
        in_shapes: shape of the sequence, of each first state and each parameter; None without derivative.
        data: how many of them are data.
        sequences: whether the output has all steps.
        ends: whether the last states are outputs too.
        keep: factor on the output of each step, `(batch, steps, 1)`, or None for 1.
        noise: factor on the inputs of every step, `(batch, features)`: dropout; or None for 1.
        reverse: whether the last step of the sequence was taken first.
        mask, state: as in `Bundle`.
    """

    __slots__ = (
        *("data", "ends", "in_shapes", "keep", "kernel", "mask"),
        *("noise", "recurrence", "reverse", "rows", "sequences", "state"),
    )

    seen_from = ThroughTime

    def __init__(
        self,
        recurrence: Recurrence,
        rows: np.ndarray,
        kernel: np.ndarray,
        in_shapes: Sequence[tuple[int, ...] | None],
        *,
        data: int = 1,
        sequences: bool = False,
        ends: bool = False,
        keep: np.ndarray | None = None,
        noise: np.ndarray | None = None,
        reverse: bool = False,
        mask: "np.ndarray | tuple | None" = None,
        state: tuple = (),
    ):
        self.recurrence = recurrence
        self.rows = rows
        self.kernel = kernel
        self.in_shapes = in_shapes
        self.data = data
        self.sequences = sequences
        self.ends = ends
        self.keep = keep
        self.noise = noise
        self.reverse = reverse
        self.mask = mask
        self.state = state

    @property
    def mixes_rows(self) -> bool:
        return False

    def vjp(self, cotangent: Cotangent, wanted: Wanted = None, into: Into = None) -> Products:
        """One product per input, as `Bundle.vjp`."""
        return self._products(cotangent, _summed, wanted, into)

    def per_example(self, cotangent: Cotangent, wanted: Wanted = None, into: Into = None) -> Products:
        """As `vjp`, without the sum over the batch; None in place of the data."""
        return self._products(cotangent, _each, self.chosen_parameters(wanted), into)

    def _products(self, cotangent: Cotangent, gradient: Callable, wanted: Wanted, into: Into) -> Products:
        seeds, outputs, states = self._arriving(cotangent)
        sequence = self.in_shapes[0] is not None and (wanted is None or wanted[0])
        if gradient is _summed and not seeds and not sequence:
            by_states, by_weights = self.recurrence.gradients(outputs, states, self.rows, gradient)
        else:
            deltas, by_states = self.recurrence.pull(outputs, states)
            by_weights = self.recurrence.by_weights(gradient, self.rows, deltas)
        products = [
            lambda: self._by_sequence(self.recurrence.entering(deltas)),
            *[lambda state=state: state for state in by_states][: self.data - 1],
            *by_weights,
        ]
        if gradient is _each:
            seeds = self.rows.shape[1:2]
        results = [None] * len(self)
        for index, (shape, product) in enumerate(zip(self.in_shapes, products, strict=False)):
            if shape is None or not (wanted is None or wanted[index]):
                continue
            results[index] = product().reshape(*seeds, *shape)
            if into is not None and into[index] is not None:
                into[index][...] = results[index]
                results[index] = into[index]
        return tuple(results)

    def _arriving(self, cotangent: Cotangent) -> tuple[tuple[int, ...], np.ndarray | None, list[np.ndarray]]:
        """The seed axes, the derivatives with respect to each step's hidden state, or None, and the last ones."""
        outputs, *states = cotangent if self.ends else (cotangent,)
        leaving = [(outputs, 3 if self.sequences else 2), *((state, 2) for state in states)]
        example, rank = next((part, rank) for part, rank in leaving if part is not None)
        seeds = example.shape[: example.ndim - rank]
        lead = (math.prod(seeds),) if seeds else ()
        batch, units = self.recurrence.hidden.shape[1:]
        dtype = np.result_type(example, self.recurrence.hidden)
        ends = [np.zeros((*lead, batch, units), dtype) for _ in range(self.recurrence.states)]
        for end, state in zip(ends, states, strict=False):
            if state is not None:
                end += state.reshape(end.shape)
        steps = None
        if outputs is not None:
            outputs = outputs.reshape(*lead, *outputs.shape[len(seeds) :])
            if self.sequences:
                steps = np.moveaxis(outputs if self.keep is None else outputs * self.keep, -2, 0)
            else:
                ends[0] += outputs if self.keep is None else outputs * self.keep[:, -1]
        return seeds, steps, ends

    def _by_sequence(self, entering: np.ndarray) -> np.ndarray:
        result = rows_matmul(entering, self.kernel.T)
        if self.noise is not None:
            result *= self.noise
        return np.moveaxis(result[..., ::-1, :, :] if self.reverse else result, -3, -2)

    def jvp(self, *tangents: np.ndarray | None) -> "np.ndarray | tuple | None":
        """The tangent of the output, or of output and last states, for one tangent per input; None stands for zero."""
        pairs = [(t, shape) for t, shape in zip(tangents, self.in_shapes, strict=True) if t is not None and shape]
        if not pairs:
            return None
        first, shape = pairs[0]
        seeds = first.shape[: first.ndim - len(shape)]
        lead = (math.prod(seeds),) if seeds else ()
        flat = [
            None if t is None or shape is None else t.reshape(*lead, *shape)
            for t, shape in zip(tangents, self.in_shapes, strict=True)
        ]
        states, (by_kernel, recurrent, *rest) = flat[1 : self.data], flat[self.data :]
        bias = rest[0] if rest else None
        second = bias is not None and bias.ndim - len(lead) == 2
        zeros = np.zeros((*lead, *self.recurrence.hidden.shape[1:]), np.result_type(first, self.kernel))
        states = [zeros if state is None else state for state in states or [None] * self.recurrence.states]
        entering = self._entering(flat[0], by_kernel, bias[..., 0, :] if second else bias, lead, zeros.dtype)
        hidden, last = self.recurrence.push(entering, recurrent, bias[..., 1, :] if second else None, states)
        return self._outputs(hidden, last, seeds)

    def _entering(
        self,
        sequence: np.ndarray | None,
        kernel: np.ndarray | None,
        bias: np.ndarray | None,
        lead: tuple[int, ...],
        dtype: np.dtype,
    ) -> np.ndarray:
        """The tangent of `rows @ kernel + bias`."""
        total = np.zeros((*lead, *self.rows.shape[:2], self.kernel.shape[1]), dtype)
        if sequence is not None:
            rows = np.moveaxis(sequence[..., ::-1, :] if self.reverse else sequence, -2, -3)
            total += (rows if self.noise is None else rows * self.noise) @ self.kernel
        if kernel is not None:
            total += self.rows @ kernel[..., None, :, :]
        if bias is not None:
            total += bias[..., None, None, :]
        return total

    def _outputs(
        self, hidden: Sequence[np.ndarray], last: Sequence[np.ndarray], seeds: tuple[int, ...]
    ) -> np.ndarray | tuple[np.ndarray, ...]:
        if self.sequences:
            output = np.stack(hidden, axis=-2)
            output = output if self.keep is None else output * self.keep
        else:
            output = hidden[-1] if self.keep is None else hidden[-1] * self.keep[:, -1]
        outputs = [output, *last] if self.ends else [output]
        rank = 2 + self.sequences
        outputs = [part.reshape(*seeds, *part.shape[-axes:]) for part, axes in zip(outputs, (rank, 2, 2), strict=False)]
        return tuple(outputs) if self.ends else outputs[0]

    @property
    def out_shape(self) -> tuple[int, ...]:
        """The shape of the output, without the last states."""
        steps, batch, _ = self.rows.shape
        return (batch, *((steps,) if self.sequences else ()), self.recurrence.hidden.shape[-1])

    def stored(self) -> Iterator[np.ndarray]:
        """The arrays that the maps keep."""
        yield from (self.rows, self.kernel, *self.recurrence.stored())

    def __repr__(self) -> str:
        return f"RecurrentJacobians({type(self.recurrence).__name__}, steps={len(self.rows)})"


def _summed(rows: np.ndarray, deltas: np.ndarray) -> np.ndarray:
    """Derivative with respect to the kernel of `rows @ kernel`, over all steps and examples."""
    *lead, steps, batch, width = deltas.shape
    return np.matmul(rows.reshape(steps * batch, -1).T, deltas.reshape(*lead, steps * batch, width))


def _each(rows: np.ndarray, deltas: np.ndarray) -> np.ndarray:
    """The same for each example on its own."""
    return np.matmul(rows.transpose(1, 2, 0), deltas.swapaxes(0, 1))
