"""Fourier transforms: of arrays by NumPy's FFT, of traced values by products with sines and cosines."""

from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.errors import ConfigError, ShapeError, WrongTypeError
from nnlite.ops import functions as ops
from nnlite.ops.names.constants import convert_to_numpy, lengths
from nnlite.ops.names.neural import with_fill
from nnlite.ops.names.placed import extract_sequences, pad
from nnlite.ops.plain.results import by_float32
from nnlite.ops.tracing import Traced, drawable

__all__ = ["fft", "fft2", "ifft2", "irfft", "istft", "rfft", "stft"]

Pair = tuple[Any, Any] | list[Any]


def _parts(x: Pair) -> tuple[Any, Any, np.dtype]:
    """Real and imaginary parts, and their floating-point type."""
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise WrongTypeError(f"a Fourier transform takes a tuple of real and imaginary parts, got {type(x).__name__}")
    if lengths(x[0]) != lengths(x[1]):
        raise ShapeError(f"real and imaginary parts must have one shape, got {lengths(x[0])} and {lengths(x[1])}")
    kind = np.result_type(*(np.real(convert_to_numpy(part)).dtype for part in x))
    return x[0], x[1], kind if kind.kind == "f" else np.dtype(np.float32)


def _is_traced(*parts: Any) -> bool:
    return any(isinstance(part, Traced) for part in parts)


def _as_pair(values: np.ndarray, kind: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    return np.real(values).astype(kind), np.imag(values).astype(kind)


def _waves(length: int, count: int, kind: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines of `count` frequencies at `length` points, `(length, count)`; angles are taken in one turn."""
    angles = 2 * np.pi * (np.outer(np.arange(length), np.arange(count)) % length) / length
    return np.cos(angles).astype(kind), np.sin(angles).astype(kind)


def _transformed(real: Any, imaginary: Any, axis: int, kind: np.dtype, inverse: bool = False) -> tuple[Any, Any]:
    """The transform along one axis of traced values."""
    length = lengths(real)[axis]
    cosines, sines = _waves(length, length, kind)
    sines = -sines if inverse else sines
    real, imaginary = ops.swapaxes(real, axis, -1), ops.swapaxes(imaginary, axis, -1)
    first = ops.add(ops.matmul(real, cosines), ops.matmul(imaginary, sines))
    second = ops.subtract(ops.matmul(imaginary, cosines), ops.matmul(real, sines))
    scale = 1 / length if inverse else 1.0
    scaled = [ops.multiply(part, scale) if inverse else part for part in (first, second)]
    return ops.swapaxes(scaled[0], axis, -1), ops.swapaxes(scaled[1], axis, -1)


@drawable
@by_float32
def fft(x: Pair) -> tuple[Any, Any]:
    """Fourier transform along the last axis, from and to pairs of real and imaginary parts."""
    real, imaginary, kind = _parts(x)
    if _is_traced(real, imaginary):
        return _transformed(real, imaginary, -1, kind)
    return _as_pair(np.fft.fft(convert_to_numpy(real) + 1j * convert_to_numpy(imaginary)), kind)


@drawable
@by_float32
def fft2(x: Pair) -> tuple[Any, Any]:
    """Fourier transform along the last two axes, from and to pairs of real and imaginary parts."""
    real, imaginary, kind = _parts(x)
    if _is_traced(real, imaginary):
        return _transformed(*_transformed(real, imaginary, -1, kind), -2, kind)
    return _as_pair(np.fft.fft2(convert_to_numpy(real) + 1j * convert_to_numpy(imaginary)), kind)


@drawable
@by_float32
def ifft2(x: Pair) -> tuple[Any, Any]:
    """The inverse of `fft2`."""
    real, imaginary, kind = _parts(x)
    if _is_traced(real, imaginary):
        return _transformed(*_transformed(real, imaginary, -1, kind, True), -2, kind, True)
    return _as_pair(np.fft.ifft2(convert_to_numpy(real) + 1j * convert_to_numpy(imaginary)), kind)


def _of_length(x: Any, length: int) -> Any:
    """x cut, or filled up by zeros, along the last axis."""
    size = lengths(x)[-1]
    if size < length:
        return pad(x, [(0, 0)] * (len(lengths(x)) - 1) + [(0, length - size)])
    return x if size == length else ops.getitem(x, (..., slice(0, length)))


@drawable
@by_float32
def rfft(x: Any, fft_length: int | None = None) -> tuple[Any, Any]:
    """Fourier transform of real numbers along the last axis: real and imaginary parts of the first half.

    Args:
        x: real numbers.
        fft_length: what x is cut to, or filled up to by zeros; its length when None.
    """
    kind = _parts((x, x))[2]
    if not _is_traced(x):
        return _as_pair(np.fft.rfft(convert_to_numpy(x), fft_length), kind)
    length = fft_length or lengths(x)[-1]
    cosines, sines = _waves(length, length // 2 + 1, kind)
    rows = _of_length(x, length)
    return ops.matmul(rows, cosines), ops.negative(ops.matmul(rows, sines))


@drawable
@by_float32
def irfft(x: Pair, fft_length: int | None = None) -> Any:
    """The inverse of `rfft`; `fft_length` is the length of the result, 2 * (frequencies - 1) when None."""
    real, imaginary, kind = _parts(x)
    length = 2 * (lengths(real)[-1] - 1) if fft_length is None else fft_length
    if not _is_traced(real, imaginary):
        halves = convert_to_numpy(real) + 1j * convert_to_numpy(imaginary)
        return np.fft.irfft(halves, length).astype(kind)
    count = length // 2 + 1
    cosines, sines = _waves(length, count, kind)
    twice = np.full((count, 1), 2 / length, kind)  # each frequency stands for its negative too, but for the ends
    twice[0] = 1 / length
    if length % 2 == 0:
        twice[-1] = 1 / length
    first = ops.matmul(_of_length(real, count), cosines.T * twice)
    return ops.subtract(first, ops.matmul(_of_length(imaginary, count), sines.T * twice))


def _window(window: str | ArrayLike | None, length: int, whole: int, kind: np.dtype) -> np.ndarray:
    """The weights of a window, in the middle of `whole` entries."""
    if isinstance(window, str) and window not in ("hann", "hamming"):
        raise ConfigError(f"must be 'hann', 'hamming', weights or None, got {window!r}", ("window",))
    before = (whole - length) // 2
    if window is None:
        return np.ones(whole, kind)
    if isinstance(window, str):
        share = 0.5 if window == "hann" else 0.54
        weights = share - (1 - share) * np.cos(2 * np.pi * np.arange(length) / length)
    else:
        weights = np.asarray(window)
    if weights.shape != (length,):
        raise ShapeError(f"a window has the shape (sequence_length,), here ({length},), got {weights.shape}")
    return np.pad(weights, (before, whole - length - before)).astype(kind)


@drawable
@by_float32
def stft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: str | ArrayLike | None = "hann",
    center: bool = True,
) -> tuple[Any, Any]:
    """Fourier transforms of windows, `(..., steps) -> (..., windows, fft_length // 2 + 1)`, real and imaginary parts.

    Args:
        x: real numbers.
        sequence_length: steps of a window.
        sequence_stride: steps from one window to the next.
        fft_length: what windows are filled up to by zeros on both sides, >= sequence_length.
        window: `"hann"`, `"hamming"`, weights `(sequence_length,)`, or None for none.
        center: whether x is reflected at its ends, so that windows have their middle at each stride.
    """
    kind = np.real(convert_to_numpy(x)).dtype
    if kind.kind != "f":
        raise WrongTypeError(f"stft takes floating-point numbers, got {kind}")
    if fft_length < sequence_length:
        raise ConfigError(f"must be >= sequence_length = {sequence_length}, got {fft_length}", ("fft_length",))
    if center:
        half = fft_length // 2
        x = pad(x, [(0, 0)] * (len(lengths(x)) - 1) + [(half, half)], "reflect")
    weights = _window(window, sequence_length, fft_length, kind)
    return rfft(ops.multiply(extract_sequences(x, fft_length, sequence_stride), weights))


@drawable
@by_float32
def istft(
    x: Pair,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: str | ArrayLike | None = "hann",
    center: bool = True,
) -> Any:
    """The inverse of `stft`: overlapping windows are added, and divided by the sum of their weights.

    Args:
        x: real and imaginary parts, `(..., windows, fft_length // 2 + 1)`.
        sequence_length, sequence_stride, fft_length, window, center: as of `stft`.
        length: of the result; all that there is when None.
    """
    kind = _parts(x)[2]
    weights = _window(window, sequence_length, fft_length, kind)
    *outer, count, _ = lengths(x[0])
    frames = ops.reshape(ops.multiply(irfft(x, fft_length), weights), (-1, count, fft_length))
    steps = fft_length + sequence_stride * (count - 1)
    places = np.arange(count)[:, None] * sequence_stride + np.arange(fft_length)
    total = _added_up(frames, places, steps)
    norm = np.bincount(places.ravel(), np.tile(weights.astype(np.float64) ** 2, count), steps)
    whole = ops.divide(total, np.where(norm > 1e-10, norm, 1).astype(kind))
    start = fft_length // 2 if center else 0
    stop = start + length if length is not None else steps - start if center else steps
    return ops.reshape(_of_range(whole, start, stop), (*outer, stop - start))


def _added_up(frames: Any, places: np.ndarray, steps: int) -> Any:
    """Frames added up at their positions in `steps` steps; those that do not overlap are written together."""
    count, width = places.shape
    stride = int(places[1, 0]) if count > 1 else width
    turns, total = -(-width // stride), None
    for turn in range(turns):
        grid = np.full(steps, -1)
        for frame in range(turn, count, turns):
            grid[places[frame]] = frame * width + np.arange(width)
        part = with_fill(ops.reshape(frames, (-1, count * width, 1)), grid, 0.0)
        total = part if total is None else ops.add(total, part)
    return ops.reshape(total, (-1, steps))


def _of_range(x: Any, start: int, stop: int) -> Any:
    """The steps from `start` to `stop`, zeros where there are none."""
    return ops.getitem(_of_length(x, max(stop, lengths(x)[-1])), (..., slice(start, stop)))
