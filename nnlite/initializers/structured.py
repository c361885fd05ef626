"""Structured initializers: the identity, active regions spread over the inputs, waves."""

import math
from typing import Literal

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.errors import ConfigError
from nnlite.initializers.base import Initializer
from nnlite.registry.bounds import Index, Positive

__all__ = ["Identity", "NguyenWidrow", "STFTInitializer"]


class Identity(Initializer, aliases=("IdentityInitializer",)):
    """`gain` on the diagonal of a matrix, 0 elsewhere.

    Args:
        gain: factor on the matrix.

    Raises:
        ConfigError: the parameter is not a matrix.

    >>> Identity(2.0)((2, 3)).tolist()
    [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    """

    gain: float = 1.0

    def draw(self, shape: Shape, generator: np.random.Generator) -> np.ndarray:
        if len(shape) != 2:
            raise ConfigError(f"initializes matrices, got a parameter of shape {shape}", ("Identity",))
        return self.gain * np.eye(*shape)


class NguyenWidrow(Initializer):
    """Kernels of tanh layers: each unit's weights have a random direction and the norm `scale * units ** (1 / inputs)`.

    So the units share the range of the inputs, -1 to 1, among them.

    Shape: `(inputs, units)`; of a kernel with more axes the last one is that of the units.

    Args:
        scale: > 0, the share of overlap.
        seed: fixes the numbers, the same in every call; None leaves the choice to the model's seed.

    Raises:
        ConfigError: the parameter has fewer than two axes.

    Reference: Nguyen & Widrow 1990, "Improving the learning speed of 2-layer neural networks".

    >>> kernel = NguyenWidrow(seed=0)((2, 4), "float64")
    >>> np.linalg.norm(kernel, axis=0).round(4).tolist()
    [1.4, 1.4, 1.4, 1.4]
    """

    scale: Positive = 0.7
    seed: Index | None = None

    def draw(self, shape: Shape, generator: np.random.Generator) -> np.ndarray:
        if len(shape) < 2:
            message = f"initializes parameters of at least two axes, got one of shape {shape}"
            raise ConfigError(message, ("NguyenWidrow",))
        inputs, units = math.prod(shape[:-1]), shape[-1]
        rows = generator.uniform(-1, 1, (inputs, units))
        norms = np.maximum(np.linalg.norm(rows, axis=0), np.finfo(np.float64).tiny)
        return (rows / norms * (self.scale * units ** (1 / max(inputs, 1)))).reshape(shape)


class STFTInitializer(Initializer, aliases=("STFT",)):
    """The real or the imaginary part of a short-time Fourier transform, as the kernel of a convolution.

    Shape: `(frame length, 1, frequencies)`, the frequencies 0 to 1/2 per step.

    Args:
        side: which part.
        window: a name, or one number for each step of the frame; None for no window.
        scaling: divides by the root of the sum of squares of the window, or by the sum of its absolute values.
        periodic: whether the window is one period, rather than symmetric.

    Raises:
        ConfigError: another shape, or a window of another length.

    >>> STFTInitializer("real", None, None)((4, 1, 3))[:, 0, 1].round(4).tolist()
    [1.0, 0.0, -1.0, -0.0]
    """

    side: Literal["real", "imag"] = "real"
    window: Literal["hann", "hamming", "blackman", "bartlett"] | list[float] | None = "hann"
    scaling: Literal["density", "spectrum"] | None = "density"
    periodic: bool = False

    def draw(self, shape: Shape, generator: np.random.Generator) -> np.ndarray:
        if len(shape) != 3 or shape[1] != 1 or shape[2] < 2:
            message = f"initializes parameters of shape (frame length, 1, frequencies), got {shape}"
            raise ConfigError(message, ("STFTInitializer",))
        frequencies = np.arange(shape[2]) / (2 * (shape[2] - 1))
        angles = -2 * math.pi * np.arange(shape[0])[:, None, None] * frequencies
        waves = np.cos(angles) if self.side == "real" else np.sin(angles)
        return waves if self.window is None else waves * self._window(shape[0])[:, None, None]

    def _window(self, length: int) -> np.ndarray:
        named = {"hann": np.hanning, "hamming": np.hamming, "blackman": np.blackman, "bartlett": np.bartlett}
        if isinstance(self.window, str):
            values = named[self.window](length + 1)[:-1] if self.periodic else named[self.window](length)
        else:
            values = np.asarray(self.window)
        if len(values) != length:
            message = f"has {len(values)} numbers for frames of {length} steps"
            raise ConfigError(message, ("STFTInitializer", "window"))
        if self.scaling is None:
            return values
        return values / (np.sqrt(np.square(values).sum()) if self.scaling == "density" else np.abs(values).sum())
