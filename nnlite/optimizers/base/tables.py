"""Adam's sums for tables of which a step uses few rows."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from nnlite.errors import ModelFileError
from nnlite.jacobians import RowGradients

__all__ = ["TableRows", "TableSums", "parts_between"]


class TableRows(NamedTuple):
    """A table among the values of a pack, and the rows of its gradient.

    Attributes:
        part: where its values are in the pack.
        gradient: its rows, in ascending order.
    """

    part: slice
    gradient: RowGradients


class TableSums:
    """The form in which Adam keeps its sums of tables while gradients of rows come: what is not used does not change.

    In place of letting all sums fade in each step, later gradients enter with larger factors. After `steps` steps the
    slots hold `momentum / beta_1**steps` and `sqrt(squares / beta_2**steps)`; an update then reads both in all rows, to
    change the values, and writes them in the rows with gradients alone.

    Args:
        parts: where the tables are in a pack.
        betas: `(beta_1, beta_2)`.
        steps: since the slots took this form.
    """

    def __init__(self, parts: Sequence[slice], betas: tuple[float, float], steps: int = 0) -> None:
        self.parts, self.betas, self.steps = list(parts), betas, steps

    @classmethod
    def of_form(cls, form: np.ndarray) -> "TableSums":
        """The sums that `form` has described; `ModelFileError` for anything else."""
        numbers = form.tolist() if form.ndim == 1 and form.dtype.kind == "f" else []
        betas, rest = numbers[:2], numbers[2:]
        whole = len(rest) > 2 and len(rest) % 2 == 1 and all(number.is_integer() for number in rest)
        if not whole or rest[1:] != sorted(rest[1:]) or min(rest) < 0 or not all(0 < beta < 1 for beta in betas):
            raise ModelFileError(f"the optimizer's sums of tables are damaged: {numbers}")
        steps, *ends = map(int, rest)
        return cls([slice(*pair) for pair in zip(ends[::2], ends[1::2], strict=True)], (betas[0], betas[1]), steps)

    def form(self) -> np.ndarray:
        """The arguments as one array."""
        return np.array([*self.betas, self.steps, *(end for part in self.parts for end in (part.start, part.stop))])

    def begin(self, slots: dict[str, np.ndarray]) -> None:
        """Give the slots this form."""
        for part in self.parts:
            np.sqrt(slots["squares"][part], slots["squares"][part])

    def factors(self) -> tuple[float, float]:
        """`beta_1**steps` and `beta_2**steps`."""
        return self.betas[0] ** self.steps, self.betas[1] ** self.steps

    def settle(self, slots: dict[str, np.ndarray]) -> None:
        """Give the slots back their usual form."""
        by_momentum, by_squares = self.factors()
        for part in self.parts:
            sums, squares = slots["momentum"][part], slots["squares"][part]
            np.multiply(sums, by_momentum, sums)
            np.multiply(squares, squares, squares)
            np.multiply(squares, by_squares, squares)


def parts_between(parts: Sequence[slice], size: int) -> Iterator[slice]:
    """The parts of a vector between these, which are in ascending order.

    >>> list(parts_between([slice(2, 5)], 6))
    [slice(0, 2, None), slice(5, 6, None)]
    """
    ends = [0, *(part.stop for part in parts)]
    for start, stop in zip(ends, [*(part.start for part in parts), size], strict=True):
        if start < stop:
            yield slice(start, stop)
