"""Numbers sorted into bins."""

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np

from nnlite.arrays.types import Array
from nnlite.config import Policy, WholeType
from nnlite.errors import ConfigError, DataError, NotReadyError
from nnlite.layers.base.inputs import gathered, read_inputs
from nnlite.layers.preprocessing.category_encoding import Categorical, OutputMode
from nnlite.registry.bounds import Count, Range
from nnlite.registry.fields import Converted, Settled, option

__all__ = ["Discretization"]


class Discretization(Categorical):
    """outputs = number of the bin that each input falls into: bin i holds boundaries[i - 1] <= x < boundaries[i].

    The first bin begins at -infinity, the last one ends at infinity.

    Shape: any, unchanged, when `output_mode` is `"int"`.

    Args:
        bin_boundaries: known boundaries, rising; `[0, 1, 2]` makes four bins.
        num_bins: how many bins `adapt` is to find, each with about as many examples as any other. It stores
            what it finds in `bin_boundaries`.
        epsilon: how exactly `adapt` finds the quantiles: from about 1 / epsilon values spread over the sorted data.
        output_mode: `"int"`, or an encoding: `"one_hot"`, `"multi_hot"`, `"count"`.
        sparse: as in `Categorical`.

    Raises:
        NotReadyError: neither `bin_boundaries` nor a call of `adapt`.

    The inputs have no derivative: the outputs are constant between boundaries.

    >>> Discretization(bin_boundaries=[0, 1, 2])([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0]]).tolist()
    [[0, 2, 3, 1], [1, 3, 2, 1]]
    """

    bin_boundaries: Converted[Sequence[float] | np.ndarray | None, list[float] | None] = option(default=None)
    num_bins: Count | None = None
    epsilon: Annotated[float, Range(0, 1, low_open=True, high_open=True)] = 0.01
    output_mode: OutputMode = "int"
    dtype: Settled[Policy | WholeType] = option(default=None, kw_only=True)  # the inputs are numbers of it

    def validate(self) -> None:
        self.reset_state()
        if self.bin_boundaries is None and self.num_bins is None:
            raise ConfigError("Discretization needs bin_boundaries, or num_bins and then adapt")
        if self.bin_boundaries is not None:
            if any(low > high for low, high in zip(self.bin_boundaries, self.bin_boundaries[1:], strict=False)):
                raise ConfigError(f"bin_boundaries must rise, got {self.bin_boundaries}").within("Discretization")
            # Both are there once `adapt` has found the boundaries of that many bins.
            if self.num_bins is not None and len(self.bin_boundaries) >= self.num_bins:
                raise ConfigError("Discretization takes bin_boundaries or num_bins, not both")

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Set the boundaries of `num_bins` bins with about the same number of values of `data`.

        Args:
            data: an array, or batches: a list, an iterator or a `PyDataset` of arrays.
            steps: how many batches are taken; all when None.

        Raises:
            ConfigError: `bin_boundaries` were given.
            DataError: empty, or with values that are not finite.
        """
        if self.num_bins is None:
            raise ConfigError(f"{self.label} has bin_boundaries: give num_bins in their place to use adapt")
        self.reset_state()
        self.update_state(gathered(data, f"{self.label}: adapt", steps))
        self.finalize_state()

    def reset_state(self) -> None:
        """Forget what `update_state` was given; the boundaries stay."""
        self.summary = np.zeros((2, 0))

    def update_state(self, state: Any) -> None:
        """Take further data, `state`, into account, from which `finalize_state` sets the boundaries."""
        values = np.sort(read_inputs(state, "numbers", f"{self.label}: adapt").astype(np.float64), axis=None)
        if not values.size or not np.isfinite(values).all():
            raise DataError(f"{self.label}: adapt needs at least one example and finite values")
        step = max(values.size * self.epsilon, 1)
        sample = values[int(step - 1) :: int(step)]
        merged = np.concatenate([self.summary, [sample, np.full(len(sample), step)]], axis=1)
        points, weights = merged[:, merged[0].argsort(kind="stable")]
        self.summary = np.array(compressed(points, weights, self.epsilon))

    def finalize_state(self) -> None:
        """Set the boundaries for all data that `update_state` was given since `reset_state`; `DataError` if none."""
        if self.num_bins is not None:
            if not self.summary.size:
                raise DataError(f"{self.label}: finalize_state needs data, given to update_state before")
            boundaries = compressed(self.summary[0], self.summary[1], 1 / self.num_bins)[0]
            self.bin_boundaries = boundaries[:-1][: self.num_bins - 1].tolist()
            self.renew_shape()

    @property
    def adapted(self) -> bool:
        return self.bin_boundaries is not None

    def _check_ready(self) -> None:
        if not self.adapted:
            raise NotReadyError(
                f"{self.label} has no bin boundaries yet: call model.adapt(x_train) or layer.adapt(x_train) first"
            )

    @property
    def depth(self) -> int | None:
        return self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1

    @property
    def _output_dtype(self) -> str:
        return "int32" if self.output_mode == "int" else self.dtype

    def indices(self, inputs: Array) -> np.ndarray:
        # Boundaries of the inputs' type: one that is equal to an input in the data must stay equal to it.
        inputs = inputs.real
        kind = inputs.dtype if inputs.dtype.kind == "f" else np.float64
        return np.searchsorted(np.array(self.bin_boundaries, kind), inputs, side="right").astype(np.int64)


def compressed(values: np.ndarray, weights: np.ndarray, epsilon: float) -> tuple[np.ndarray, np.ndarray]:
    """About 1 / epsilon values at equal quantiles, with their weights, in place of sorted `values`."""
    if len(values) * epsilon < 1:
        return values, weights
    totals = weights.cumsum()
    shares = epsilon + np.arange(0, 1, epsilon)
    return (
        np.interp(shares, totals / totals[-1], values),
        np.diff(np.interp(shares, totals / totals[-1], totals), prepend=0),
    )
