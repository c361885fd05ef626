"""Names of types that many signatures share."""

from numpy.typing import ArrayLike

__all__ = ["ArrayLike", "BatchShape", "Shape"]

Shape = tuple[int, ...]
BatchShape = tuple[int | None, ...]  # None for the length of the batch, and for others that vary
