"""Random initializers."""

import math
from dataclasses import field
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.errors import ConfigError
from nnlite.initializers.base import Initializer
from nnlite.random import truncated_standard_normal
from nnlite.registry.bounds import Index, NonNegative, Positive
from nnlite.registry.modules import take_by_position

__all__ = [
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "LecunNormal",
    "LecunUniform",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "compute_fans",
]

STDDEV_OF_TRUNCATED_NORMAL = 0.87962566103423978


class RandomNormal(Initializer, aliases=("normal",)):
    """Normally distributed with `mean` and `stddev`.

    Args:
        mean, stddev: mean and standard deviation, >= 0.
        seed: fixes the numbers, the same in every call; None leaves the choice to the model's seed.

    >>> values = RandomNormal(mean=1.0, stddev=0.1, seed=0)((200, 100))
    >>> print(f"{values.mean():.2f} {values.std():.2f}")
    1.00 0.10
    """

    mean: float = 0.0
    stddev: NonNegative = 0.05
    seed: Index | None = None

    def draw(self, shape: Shape, generator: np.random.Generator) -> np.ndarray:
        return generator.normal(self.mean, self.stddev, shape)


class RandomUniform(Initializer, aliases=("uniform",)):
    """Uniformly distributed in [minval, maxval).

    Args:
        minval, maxval: bounds; `maxval` itself is not drawn.
        seed: fixes the numbers, the same in every call; None leaves the choice to the model's seed.

    Raises:
        ConfigError: `minval` > `maxval`.

    >>> values = RandomUniform(0.0, 2.0, seed=0)((200, 100))
    >>> bool(values.min() >= 0), bool(values.max() < 2)
    (True, True)
    """

    minval: float = -0.05
    maxval: float = 0.05
    seed: Index | None = None

    def validate(self) -> None:
        if self.minval > self.maxval:
            raise ConfigError(f"must be <= maxval={self.maxval}, got {self.minval}", ("RandomUniform", "minval"))

    def draw(self, shape: Shape, generator: np.random.Generator) -> np.ndarray:
        return generator.uniform(self.minval, self.maxval, shape)


class TruncatedNormal(Initializer):
    """Normally distributed, with numbers further than 2 `stddev` from `mean` redrawn.

    The standard deviation of what remains is 0.8796 `stddev`.

    Args:
        mean, stddev: mean and standard deviation, >= 0, before the truncation.
        seed: fixes the numbers, the same in every call; None leaves the choice to the model's seed.

    >>> values = TruncatedNormal(stddev=0.5, seed=0)((200, 100))
    >>> bool(abs(values).max() <= 1)  # two standard deviations
    True
    """

    mean: float = 0.0
    stddev: NonNegative = 0.05
    seed: Index | None = None

    def draw(self, shape: Shape, generator: np.random.Generator) -> np.ndarray:
        return self.mean + self.stddev * truncated_standard_normal(shape, generator)


class FanScaled(Initializer, abstract=True):
    """Base of initializers with mean 0 and variance `scale / fan`: signals keep their size from layer to layer.

    Args:
        seed: fixes the numbers, the same in every call; None leaves the choice to the model's seed.
        input_axes, output_axes: the axes whose lengths, multiplied, are the number of inputs and of outputs, for
            kernels in which they stand elsewhere; None for the usual ones.
    """

    seed: Index | None = None
    input_axes: int | tuple[int, ...] | None = None
    output_axes: int | tuple[int, ...] | None = None

    if TYPE_CHECKING:  # fields of the subclasses, or theirs for all instances
        scale = cast(float, None)
        mode = cast(str, None)
        distribution = cast(str, None)

    def draw(self, shape: Shape, generator: np.random.Generator) -> np.ndarray:
        fan_in, fan_out = self.fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, fan))
        if self.distribution == "uniform":
            limit = math.sqrt(3.0) * stddev
            return generator.uniform(-limit, limit, shape)
        if self.distribution == "truncated_normal":
            return stddev / STDDEV_OF_TRUNCATED_NORMAL * truncated_standard_normal(shape, generator)
        return generator.normal(0.0, stddev, shape)

    def fans(self, shape: Shape) -> tuple[int, int]:
        """Number of inputs and of outputs of each unit."""
        named = compute_fans(shape)
        for index, axes in enumerate((self.input_axes, self.output_axes)):
            if axes is not None:
                if np.min(axes) < -len(shape) or np.max(axes) >= len(shape):
                    name = ("input_axes", "output_axes")[index]
                    raise ConfigError(f"is {axes}; the parameter has the shape {shape}", (type(self).__name__, name))
                count = math.prod(shape[axis] for axis in np.atleast_1d(axes))
                named = (count, named[1]) if index == 0 else (named[0], count)
        return named


class VarianceScaling(FanScaled):
    """Mean 0 and variance `scale / fan`, with one of three distributions.

    Args:
        scale: > 0; 1 suits linear, tanh and sigmoid units, 2 makes up for the half that ReLU cuts off.
        mode: `fan` is the number of inputs, of outputs, or the mean of both.
        distribution: `truncated_normal` has no number beyond 2 standard deviations of the uncut normal, which
            is widened so that the variance is `scale / fan` after the cut.
        seed: fixes the numbers, the same in every call; None leaves the choice to the model's seed.
        input_axes, output_axes: the axes whose lengths, multiplied, are the number of inputs and of outputs, for
            kernels in which they stand elsewhere; None for the usual ones.

    >>> values = VarianceScaling(scale=4.0, mode="fan_in", seed=0)((100, 200))
    >>> print(f"{values.std():.2f}")  # sqrt(4 / 100)
    0.20
    """

    scale: Positive = 1.0
    mode: Literal["fan_in", "fan_out", "fan_avg"] = "fan_in"
    distribution: Literal["truncated_normal", "untruncated_normal", "normal", "uniform"] = "truncated_normal"
    seed: Index | None = field(default=None, kw_only=True)
    _positional = ("scale", "mode", "distribution", "seed", "input_axes", "output_axes")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.distribution == "normal":  # its name before there were two
            self.distribution = "truncated_normal"


take_by_position(VarianceScaling, ())


class GlorotUniform(FanScaled):
    """Uniform in [-limit, limit), `limit = sqrt(6 / (fan_in + fan_out))`; also called Xavier.

    Reference: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward networks".

    >>> bool(abs(GlorotUniform(seed=0)((300, 100))).max() <= (6 / (300 + 100)) ** 0.5)
    True
    """

    scale, mode, distribution = 1.0, "fan_avg", "uniform"


class GlorotNormal(FanScaled):
    """Truncated normal with `stddev = sqrt(2 / (fan_in + fan_out))`; also called Xavier.

    PyTorch's `xavier_normal_` is not truncated.

    Reference: Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward networks".

    >>> print(f"{GlorotNormal(seed=0)((300, 100)).std():.3f}")  # sqrt(2 / (300 + 100))
    0.071
    """

    scale, mode, distribution = 1.0, "fan_avg", "truncated_normal"


class HeUniform(FanScaled):
    """Uniform in [-limit, limit), `limit = sqrt(6 / fan_in)`; also called Kaiming, for ReLU layers.

    Reference: He et al. 2015, "Delving deep into rectifiers", arXiv:1502.01852.

    >>> bool(abs(HeUniform(seed=0)((600, 100))).max() <= (6 / 600) ** 0.5)
    True
    """

    scale, mode, distribution = 2.0, "fan_in", "uniform"


class HeNormal(FanScaled):
    """Truncated normal with `stddev = sqrt(2 / fan_in)`; also called Kaiming, for ReLU layers.

    PyTorch's `kaiming_normal_` is not truncated.

    Reference: He et al. 2015, "Delving deep into rectifiers", arXiv:1502.01852.

    >>> print(f"{HeNormal(seed=0)((200, 100)).std():.2f}")  # sqrt(2 / 200)
    0.10
    """

    scale, mode, distribution = 2.0, "fan_in", "truncated_normal"


class LecunUniform(FanScaled):
    """Uniform in [-limit, limit), `limit = sqrt(3 / fan_in)`.

    Reference: LeCun et al. 1998, "Efficient BackProp".

    >>> bool(abs(LecunUniform(seed=0)((300, 100))).max() <= (3 / 300) ** 0.5)
    True
    """

    scale, mode, distribution = 1.0, "fan_in", "uniform"


class LecunNormal(FanScaled):
    """Truncated normal with `stddev = sqrt(1 / fan_in)`, as SELU layers need it.

    Reference: Klambauer et al. 2017, "Self-normalizing neural networks", arXiv:1706.02515.

    >>> print(f"{LecunNormal(seed=0)((100, 200)).std():.2f}")  # sqrt(1 / 100)
    0.10
    """

    scale, mode, distribution = 1.0, "fan_in", "truncated_normal"


class Orthogonal(Initializer, aliases=("OrthogonalInitializer",)):
    """`gain` times a random matrix with orthonormal columns, or rows when it is wider than high.

    Shape: (..., columns) is drawn as a matrix of shape (product of ..., columns).

    Args:
        gain: factor on the matrix.
        seed: fixes the numbers, the same in every call; None leaves the choice to the model's seed.

    Raises:
        ConfigError: the parameter has fewer than two axes.

    Reference: Saxe et al. 2014, "Exact solutions to the nonlinear dynamics of learning", arXiv:1312.6120.

    >>> import numpy as np
    >>> kernel = Orthogonal(seed=0)((5, 3))
    >>> bool(np.allclose(kernel.T @ kernel, np.eye(3), atol=1e-6))
    True
    """

    gain: float = 1.0
    seed: Index | None = None

    def draw(self, shape: Shape, generator: np.random.Generator) -> np.ndarray:
        if len(shape) < 2:
            message = f"initializes parameters of at least two axes, got one of shape {shape}"
            raise ConfigError(message, ("Orthogonal",))
        rows, columns = math.prod(shape[:-1]), shape[-1]
        normal = generator.standard_normal((max(rows, columns), min(rows, columns)))
        orthogonal, triangular = np.linalg.qr(normal)
        # LAPACK chooses the signs of the diagonal; only with all of them positive is the result uniform.
        orthogonal *= np.copysign(1.0, np.diagonal(triangular))
        return self.gain * (orthogonal if rows >= columns else orthogonal.T).reshape(shape)


def compute_fans(shape: tuple) -> tuple[int, int]:
    """Number of inputs and of outputs of each unit: (fan_in, fan_out).

    Shape: (inputs, outputs) of a dense kernel; (..., inputs, outputs) of a convolution kernel, whose leading
    axes are its receptive field; (units,) counts as both.

    >>> compute_fans((3, 3, 16, 32))
    (144, 288)
    """
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    receptive_field = math.prod(shape[:-2])
    return shape[-2] * receptive_field, shape[-1] * receptive_field
