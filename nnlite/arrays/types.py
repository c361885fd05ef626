"""Type names that many signatures share, types of arrays by their names, casts, checks of numbers and of shapes."""

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from nnlite.errors import ConfigError, ShapeError, needed_for

__all__ = [
    "BFLOAT16",
    "Array",
    "ArrayLike",
    "BatchShape",
    "Shape",
    "all_finite",
    "dtype_of",
    "fits",
    "is_bfloat16",
    "is_floating",
    "limits_of",
    "narrowed",
    "need_bfloat16",
    "saturated",
    "shaped",
    "widened",
]

BFLOAT16 = "bfloat16"  # a type of ml_dtypes, which NumPy knows by its name once that is loaded

Array: TypeAlias = np.ndarray[Any, Any]  # of any shape and dtype; `.real` of a plain `np.ndarray` puzzles pyright
Shape = tuple[int, ...]
BatchShape = tuple[int | None, ...]  # None for the length of the batch, and for others that vary


def dtype_of(dtype: Any) -> np.dtype:
    """A type of NumPy by its name, or bfloat16; `ConfigError` for any other."""
    if isinstance(dtype, str) and dtype == BFLOAT16:
        need_bfloat16("arrays of bfloat16")
    try:
        return np.dtype(dtype)
    except TypeError:
        raise ConfigError(f"unknown dtype {dtype!r}") from None


def need_bfloat16(owner: str) -> None:
    """Load the type bfloat16.

    Raises:
        MissingLibraryError: ml_dtypes, which defines it, is not installed.
    """
    with needed_for(f"{owner}: NumPy has no bfloat16, that of ml_dtypes is used", "ml_dtypes"):
        import ml_dtypes  # noqa: F401 - NumPy knows its types from then on


def is_bfloat16(dtype: np.dtype) -> bool:
    """Whether a type is bfloat16, which NumPy counts as no kind of number."""
    return dtype.kind == "V" and dtype.name == BFLOAT16


def is_floating(dtype: np.dtype) -> bool:
    """Whether a type has real floating-point numbers, those of bfloat16 too."""
    return dtype.kind == "f" or is_bfloat16(dtype)


def widened(item: Any) -> Any:
    """Numbers of bfloat16 as float32, in which they are computed with; anything else unchanged."""
    is_half = isinstance(item, (np.ndarray, np.generic)) and is_bfloat16(item.dtype)
    return item.astype(np.float32) if is_half else item


def narrowed(result: Any) -> Any:
    """Floating-point numbers, in tuples and lists too, as bfloat16; anything else unchanged."""
    if isinstance(result, (tuple, list)):
        return (list if isinstance(result, list) else tuple)(map(narrowed, result))  # also the named ones of NumPy
    wide = isinstance(result, (np.ndarray, np.generic)) and result.dtype.kind == "f"
    return result.astype(BFLOAT16) if wide else result


def limits_of(dtype: np.dtype) -> Any:
    """Limits of a type of integers or of real floating-point numbers, as of `numpy.iinfo` and `numpy.finfo`."""
    if is_bfloat16(dtype):
        import ml_dtypes

        return ml_dtypes.finfo(dtype)
    return np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)


def saturated(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Numbers in another type; those outside its range become its smallest or largest number."""
    if dtype.kind not in "iu" and not is_floating(dtype):
        return values.astype(dtype)
    limits = limits_of(dtype)
    lowest, highest = np.asarray(limits.min, dtype), np.asarray(limits.max, dtype)
    with np.errstate(invalid="ignore", over="ignore"):  # no clipping before the cast: float32 has no 2**31 - 1
        result = values.astype(dtype)
        return np.where(values <= lowest.item(), lowest, np.where(values >= highest.item(), highest, result))


def all_finite(x: np.ndarray) -> bool:
    """Whether all numbers are finite; asked of the sum of squares first, which takes 0.65 of the time."""
    if x.dtype.char in "fd" and x.flags.c_contiguous:
        numbers = x.reshape(-1)
        if math.isfinite(np.vdot(numbers, numbers)):  # no notice is taken of an overflow
            return True
    return bool(np.isfinite(x).all())


def fits(shape: Shape, expected: BatchShape) -> bool:
    """Whether targets of this shape match outputs of the other one, in which rows and free axes (None) may vary."""
    if len(shape) != len(expected):
        return False
    pairs = zip(shape[1:], expected[1:], strict=True)
    return shape[1:] == expected[1:] or all(wanted in (None, length) for length, wanted in pairs)


def shaped(owner: object, targets: np.ndarray, output_shape: BatchShape, others: bool) -> np.ndarray:
    """Targets of as many axes as outputs; `ShapeError` for `others`, unless these are taken as they are."""
    if targets.ndim == 1 and output_shape[1:] == (1,):
        targets = targets[:, None]
    elif targets.ndim == len(output_shape) + 1 and targets.shape[-1] == 1:
        targets = targets[..., 0]
    if not others and not fits(targets.shape, output_shape):
        wanted = f"targets of shape {('batch', *output_shape[1:])}, as the outputs"
        raise ShapeError(f"{type(owner).__name__} needs {wanted}, got {targets.shape}")
    return targets
