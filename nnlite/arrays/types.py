"""Type names that many signatures share."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Array", "ArrayLike", "BatchShape", "Shape"]

Array: TypeAlias = np.ndarray[Any, Any]  # of any shape and dtype; `.real` of a plain `np.ndarray` puzzles pyright
Shape = tuple[int, ...]
BatchShape = tuple[int | None, ...]  # None for the length of the batch, and for others that vary
