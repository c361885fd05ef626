"""Dropout and its variants."""

import math
from typing import Any, Literal, cast

import numpy as np

from nnlite import kernels
from nnlite.arrays.types import Array, BatchShape, Shape
from nnlite.errors import ConfigError, ShapeError
from nnlite.jacobians import Diagonal, Identity, Jacobians
from nnlite.layers.base.contract.input_spec import Described, InputSpec
from nnlite.layers.base.inputs import floating
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.simplified import DenseDropout, Unchanged
from nnlite.layers.base.variables import seeds
from nnlite.random import RandomSource
from nnlite.registry.bounds import BelowOne, Fraction, Index
from nnlite.registry.fields import Converted, Spec
from nnlite.schedules import LearningRateSchedule, scheduled

__all__ = ["AlphaDropout", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"]

DataFormat = Literal["channels_last", "channels_first"] | None
Rate = Converted[float | Spec[LearningRateSchedule], Fraction | LearningRateSchedule]
LOWEST_SELU = -1.6732632423543772 * 1.0507009873554805


class Dropout(Layer):
    """During training, outputs = inputs * keep / (1 - rate); keep is 1 with probability 1 - rate, else 0.

    The scale keeps the expected value, so the layer does nothing at inference. The mask of a training step depends
    on the seed of the model, the position of the layer and the step, and on whether the layer is fused with the dense
    layers around it, which determines the order of the random bits.

    Args:
        rate: fraction of the inputs that is dropped, in [0, 1], in steps of 1 / 65536; or a schedule that gives it
            for each training step. At 0, nothing is dropped.
        noise_shape: shape of the mask, broadcast to the inputs; None in it stands for the inputs' own length.
        seed: draws from a stream of its own instead of the model's.

    Raises:
        ConfigError: in training, if a schedule gives a number that is not in [0, 1].

    Reference: Srivastava et al. 2014, JMLR 15.

    >>> from nnlite.schedules import PolynomialDecay
    >>> layer = Dropout(PolynomialDecay(0.5, decay_steps=100, end_learning_rate=0.0))
    >>> layer.rate_at(step=50), layer.rate_at(step=200)
    (0.25, 0.0)
    """

    rate: Rate
    noise_shape: tuple[int | None, ...] | None = None
    seed: Index | None = None

    _drawn_by = "rate"
    seed_generator, _next_random = seeds.seed_generator, seeds.next_random
    supports_masking = True
    _needs_no_building = True
    _fixes = "nothing"
    _keeps_values = True
    _kept_kinds = "biu"

    def validate(self) -> None:
        self.schedules = (self.rate,) if isinstance(self.rate, LearningRateSchedule) else ()
        check_lengths(self)

    def rate_at(self, step: int) -> float:
        """The fraction that is dropped at a step of training."""
        rate = scheduled(self.rate, step)
        if not 0 <= rate <= 1:
            raise ConfigError(f"{self.label}: rate must be in [0, 1], {self.rate!r} gives {rate} at step {step}")
        return rate

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        check_noise_shape(self, input_shape)
        return input_shape

    def at_inference(self) -> Unchanged:
        return Unchanged()

    def _dense_part(self) -> DenseDropout | None:
        if self.noise_shape is not None or self.rate == 0:
            return None
        return DenseDropout(*threshold_and_scale(1.0 if self.schedules else self.rate_at(0)))

    def infer(self, inputs: np.ndarray) -> np.ndarray:
        """The inputs, unchanged."""
        return inputs

    def linearize(self, inputs: np.ndarray, training: bool = False, random: Any = None) -> tuple[np.ndarray, Jacobians]:
        rate = self.rate_at(random.step) if training else 0
        if rate == 0:
            return inputs, Jacobians(Identity(inputs.shape))
        return drop(self, rate, floating(self, inputs), random, noise_shape(self.noise_shape, inputs.shape))


class _SpatialDropout(Layer, abstract=True):
    """Dropout of whole channels, whose neighbors tell too much of one another.

    Args:
        rate: fraction of the channels that is dropped, in [0, 1].
        seed: draws from a stream of its own instead of the model's.
    """

    rate: Fraction

    _drawn_by = "rate"
    seed_generator, _next_random = seeds.seed_generator, seeds.next_random
    supports_masking = True
    _needs_no_building = True
    _fixes = "rank"
    _kept_kinds = "biu"
    data_format = cast(DataFormat, None)
    spatial = 1

    input_spec = Described(lambda layer: InputSpec(ndim=layer.spatial + 2))

    def build(self, input_shape: BatchShape) -> None:
        if len(input_shape) != self.spatial + 2:
            raise ShapeError(f"{self.label} needs inputs of {self.spatial + 2} axes, got {input_shape}")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return input_shape

    def at_inference(self) -> Unchanged:
        return Unchanged()

    def linearize(self, inputs: np.ndarray, training: bool = False, random: Any = None) -> tuple[np.ndarray, Jacobians]:
        if not training or self.rate == 0:
            return inputs, Jacobians(Identity(inputs.shape))
        inputs, (batch, *inner) = floating(self, inputs), inputs.shape
        ones = [1] * self.spatial
        first = self.data_format == "channels_first"
        return drop(self, self.rate, inputs, random, (batch, inner[0], *ones) if first else (batch, *ones, inner[-1]))


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels. Shape: `(batch, steps, channels)`, unchanged.

    Reference: Tompson et al. 2014, arXiv:1411.4280.

    >>> import numpy as np
    >>> SpatialDropout1D(0.5, seed=0)(np.ones((1, 2, 6)), training=True).tolist()  # whole channels
    [[[2.0, 2.0, 2.0, 0.0, 2.0, 2.0], [2.0, 2.0, 2.0, 0.0, 2.0, 2.0]]]
    """

    seed: Index | None = None


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels. Shape: `(batch, rows, columns, channels)`, unchanged.

    Args:
        data_format: `channels_last`, the default, or `channels_first`.

    >>> import numpy as np
    >>> dropped = SpatialDropout2D(0.5, seed=0)(np.ones((1, 4, 4, 6)), training=True)
    >>> dropped[0, 0, 0].tolist(), bool((dropped == dropped[:, :1, :1]).all())  # whole channels
    ([2.0, 2.0, 2.0, 0.0, 2.0, 2.0], True)
    """

    data_format: DataFormat = None
    seed: Index | None = None

    spatial = 2


class SpatialDropout3D(_SpatialDropout):
    """Dropout of whole channels. Shape: `(batch, depth, rows, columns, channels)`, unchanged.

    Args:
        data_format: `channels_last`, the default, or `channels_first`.

    >>> import numpy as np
    >>> dropped = SpatialDropout3D(0.5, seed=0)(np.ones((1, 2, 2, 2, 6)), training=True)
    >>> dropped[0, 0, 0, 0].tolist(), bool((dropped == dropped[:, :1, :1, :1]).all())  # whole channels
    ([2.0, 2.0, 2.0, 0.0, 2.0, 2.0], True)
    """

    data_format: DataFormat = None
    seed: Index | None = None

    spatial = 3


class AlphaDropout(Layer):
    """During training, outputs = a * (inputs or alpha_p) + b, which keeps mean 0 and variance 1; for selu activations.

    Dropped inputs become `alpha_p = -1.7580993408473766`, the lower bound of selu;
    `a = 1 / sqrt((1 - rate) * (1 + rate * alpha_p ** 2))`, `b = -a * alpha_p * rate`.

    Args:
        rate: fraction of the inputs that is dropped, in [0, 1), in steps of 1 / 65536.
        noise_shape: shape of the mask, broadcast to the inputs; None in it stands for the inputs' own length.
        seed: draws from a stream of its own instead of the model's.

    Reference: Klambauer et al. 2017, arXiv:1706.02515.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(1000, 20))
    >>> dropped = AlphaDropout(0.5, seed=0)(x, training=True)
    >>> bool(abs(dropped.mean()) < 0.05), bool(abs(dropped.std() - 1) < 0.05)  # mean and deviation stay
    (True, True)
    """

    rate: BelowOne
    noise_shape: tuple[int | None, ...] | None = None
    seed: Index | None = None

    _drawn_by = "rate"
    seed_generator, _next_random = seeds.seed_generator, seeds.next_random
    supports_masking = True
    _needs_no_building = True
    _fixes = "nothing"
    _kept_kinds = "biu"

    def validate(self) -> None:
        check_lengths(self)

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        check_noise_shape(self, input_shape)
        return input_shape

    def at_inference(self) -> Unchanged:
        return Unchanged()

    def linearize(self, inputs: Array, training: bool = False, random: Any = None) -> tuple[np.ndarray, Jacobians]:
        if not training or self.rate == 0:
            return inputs, Jacobians(Identity(inputs.shape))
        inputs = floating(self, inputs)
        shape, dtype = noise_shape(self.noise_shape, inputs.shape), inputs.real.dtype
        kept = (random_bits(self, random, shape) >= round(self.rate * 65536)).astype(dtype)
        scale = 1 / math.sqrt((1 - self.rate) * (1 + self.rate * LOWEST_SELU**2))
        slopes = kept * scale
        outputs = inputs * slopes + (scale * LOWEST_SELU) * (1 - kept - self.rate)
        return outputs, Jacobians(Diagonal(slopes, inputs.shape, inputs.shape))


def drop(
    layer: Any, rate: float, inputs: np.ndarray, random: RandomSource, shape: Shape
) -> tuple[np.ndarray, Jacobians]:
    """`inputs` where a mask of `shape` is 1 / (1 - rate), else 0, and their `Jacobians`."""
    bits = random_bits(layer, random, shape)
    outputs, factors = kernels.dropout(inputs, bits, *threshold_and_scale(rate))
    return outputs, Jacobians(Diagonal(factors, inputs.shape, inputs.shape))


def threshold_and_scale(rate: float) -> tuple[int, float]:
    """The smallest 16-bit random number that keeps an entry, and the factor of kept entries."""
    return round(rate * 65536), 0.0 if rate == 1 else 1 / (1 - rate)


def noise_shape(argument: BatchShape | None, shape: Shape) -> Shape:
    """`shape`, with entries replaced by those of `argument` that are not None."""
    if argument is None:
        return shape
    return tuple(length if length is not None else n for length, n in zip(argument, shape, strict=True))


def check_lengths(layer: Any) -> None:
    """`ConfigError` unless each length in the layer's noise_shape is None or at least 1."""
    if any(length is not None and length < 1 for length in layer.noise_shape or ()):
        raise ConfigError(
            f"expected lengths >= 1, or None for that of the inputs, got {layer.noise_shape}",
            (type(layer).__name__, "noise_shape"),
        )


def check_noise_shape(layer: Any, input_shape: BatchShape) -> None:
    """`ConfigError` unless the layer's noise_shape has the rank of the inputs."""
    if layer.noise_shape is not None and len(layer.noise_shape) != len(input_shape):
        raise ConfigError(f"{layer.label}: noise_shape {layer.noise_shape} does not have the rank of {input_shape}")


def random_bits(layer: Any, random: RandomSource, shape: Shape) -> np.ndarray:
    """16 random bits for each entry: a quarter of the cost of uniform floats."""
    return random.seeded(layer.seed).bits("dropout", math.prod(shape)).reshape(shape)
