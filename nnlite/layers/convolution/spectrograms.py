"""Layers that turn signals into spectrograms: with trainable kernels, or on the mel scale."""

import math
from typing import Any, Literal, cast

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.config import epsilon
from nnlite.errors import ConfigError, ShapeError
from nnlite.initializers import STFTInitializer
from nnlite.initializers.blank import allowance
from nnlite.layers.base.layer import Layer
from nnlite.layers.base.symbolic import is_numbers
from nnlite.ops import functions as ops
from nnlite.ops.names.neural import conv
from nnlite.ops.names.placed import pad
from nnlite.ops.names.smooth import arctan2
from nnlite.ops.signals import stft
from nnlite.ops.tape import is_trial
from nnlite.registry.bounds import Count, NonNegative, Positive

__all__ = ["MelSpectrogram", "STFTSpectrogram"]


class STFTSpectrogram(Layer):
    """Spectrograms by a short-time Fourier transform, whose two kernels are parameters like those of a convolution.

    With the real and imaginary parts re and im of each frame, outputs are `log` ln(magnitude), `magnitude`
    sqrt(max(re^2 + im^2, 1e-7)), `psd` re^2 + im^2, doubled for frequencies that stand for their negative too, `real`,
    `imag`, `angle` atan2(im, re), or `stft`, re and im after one another. Each channel has a spectrogram of its own.

    Shape: `(batch, steps, channels) -> (batch, frames, channels * frequencies)`, with `expand_dims`
    `(batch, frames, frequencies, channels)`; kernels `(frame_length, 1, fft_length / 2 + 1)`, frequencies as many,
    twice for `stft`. With channels first `(batch, channels, steps) -> (batch, channels * frequencies, frames)`, or
    `(batch, channels, frames, frequencies)`.

    Args:
        mode: what the outputs are.
        frame_length: steps of a frame.
        frame_step: steps from one frame to the next; half a frame when None.
        fft_length: decides the frequencies k / fft_length; the next power of two from `frame_length` on when None.
        window: the weights of the steps of a frame, a name or numbers; None for none.
        periodic: whether the window is one period, rather than symmetric.
        scaling: divides the window by the root of the sum of its squares, or by the sum of its absolute values.
        padding: "valid" for frames inside the signal alone, "same" adds zeros at both ends.
        expand_dims: whether frequencies have an axis of their own.
        data_format: `channels_last`, the default, or `channels_first`.

    Raises:
        ConfigError: a window of another length; `fft_length` below `frame_length`, `frame_step` above it.

    >>> import numpy as np
    >>> wave = np.sin(np.arange(64) * np.pi / 4).reshape(1, 64, 1)
    >>> STFTSpectrogram("psd", frame_length=16)(wave)[0].argmax(axis=-1).tolist()  # an eighth of 16 frequencies
    [2, 2, 2, 2, 2, 2, 2]
    """

    mode: Literal["log", "magnitude", "psd", "real", "imag", "angle", "stft"] = "log"
    frame_length: Count = 256
    frame_step: Count | None = None
    fft_length: Count | None = None
    window: Literal["hann", "hamming", "blackman", "bartlett"] | list[float] | None = "hann"
    periodic: bool = False
    scaling: Literal["density", "spectrum"] | None = "density"
    padding: Literal["valid", "same"] = "valid"
    expand_dims: bool = False
    data_format: Literal["channels_last", "channels_first"] | None = None

    takes_several = False

    def validate(self) -> None:
        if self.fft_length is not None and self.fft_length < self.frame_length:
            raise ConfigError(f"must be >= frame_length = {self.frame_length}, got {self.fft_length}", ("fft_length",))
        if self.frame_step is not None and self.frame_step > self.frame_length:
            raise ConfigError(f"must be <= frame_length = {self.frame_length}, got {self.frame_step}", ("frame_step",))
        if isinstance(self.window, list) and len(self.window) != self.frame_length:
            message = f"must have frame_length = {self.frame_length} numbers, got {len(self.window)}"
            raise ConfigError(message, ("window",))

    def build(self, input_shape: BatchShape) -> None:
        if len(input_shape) != 3:
            raise ShapeError(f"{self.label} needs signals (batch, steps, channels), got {input_shape}")
        steps = input_shape[2 if self.data_format == "channels_first" else 1]
        if self.padding == "valid" and steps is not None and steps < self.frame_length:
            raise ShapeError(f"{self.label} needs at least frame_length = {self.frame_length} steps, got {input_shape}")
        shape = (self.frame_length, 1, self._length // 2 + 1)
        for side, unused in (("real", "imag"), ("imag", "real")):
            if self.mode != unused:
                kernel = STFTInitializer(cast(Any, side), self.window, self.scaling, self.periodic)
                setattr(self, f"{side}_kernel", self.add_weight(shape, kernel, name=f"{side}_kernel"))

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        first, stride = self.data_format == "channels_first", self._stride
        count, *inner = input_shape
        channels, steps = inner if first else reversed(inner)
        covered = 0 if self.padding == "same" or steps is None else self.frame_length - 1
        frames = None if steps is None else -(-(steps - covered) // stride)
        bins = (2 if self.mode == "stft" else 1) * (self._length // 2 + 1)
        if self.expand_dims:
            return (count, channels, frames, bins) if first else (count, frames, bins, channels)
        beside = None if channels is None else channels * bins
        return (count, beside, frames) if first else (count, frames, beside)

    @property
    def _stride(self) -> int:
        return self.frame_step or max(self.frame_length // 2, 1)

    @property
    def _length(self) -> int:
        """Steps of a frame that is transformed."""
        return self.fft_length or 2 ** math.ceil(math.log2(self.frame_length))

    def call(self, inputs: Any) -> Any:
        """The spectrograms of a batch of signals."""
        first = self.data_format == "channels_first"
        signals = inputs if first else ops.transpose(inputs, (0, 2, 1))
        count, channels, steps = signals.shape
        rows = ops.reshape(signals, (count * channels, steps, 1))
        lacking = self.frame_length - steps if self.padding == "valid" else 0
        if lacking > 0:  # but in a trial with zeros, where the length of signals is not known yet
            if not is_trial():
                raise ShapeError(f"{self.label} needs at least frame_length = {self.frame_length} steps, got {steps}")
            rows = pad(rows, ((0, 0), (0, lacking), (0, 0)))
        kernels = {side: getattr(self, f"{side}_kernel") for side in ("real", "imag") if self.mode != _OTHER[side]}
        parts = [conv(rows, kernel, self._stride, self.padding, "channels_last") for kernel in kernels.values()]
        spectra = self._read(*parts)
        spectra = ops.reshape(spectra, (count, channels, *spectra.shape[1:]))
        if self.expand_dims:
            return spectra if first else ops.transpose(spectra, (0, 2, 3, 1))
        beside = ops.transpose(spectra, (0, 1, 3, 2) if first else (0, 2, 1, 3))
        frames = spectra.shape[2]
        return ops.reshape(beside, (count, -1, frames) if first else (count, frames, -1))

    def _read(self, real: Any, imaginary: Any = None) -> Any:
        """The outputs in the terms of the mode, of real and imaginary parts."""
        if self.mode in ("real", "imag"):
            return real
        if self.mode == "angle":
            return arctan2(imaginary, real)
        if self.mode == "stft":
            return ops.concatenate([real, imaginary], -1)
        power = ops.square(real) + ops.square(imaginary)
        if self.mode == "psd":
            twice = np.full(power.shape[-1], 2, power.dtype)
            twice[[0, -1]] = 1
            return twice * power
        power = ops.maximum(power, epsilon())
        return ops.sqrt(power) if self.mode == "magnitude" else 0.5 * ops.log(power)


_OTHER = {"real": "imag", "imag": "real"}


class MelSpectrogram(Layer):
    """Spectrograms of signals on the mel scale: |short-time Fourier transform| ** mag_exp, summed over mel bands.

    The middles of the bands are even in m = 1127 ln(1 + f / 700), each a triangle between its neighbors. In decibels
    outputs are 10 log10(max(power, min_power) / max(ref_power, min_power)), at least the largest of a batch - `top_db`.

    Shape: `(batch, steps) -> (batch, num_mel_bins, frames)`; in a call `(steps,) -> (num_mel_bins, frames)` too.

    Args:
        fft_length: steps of a frame that is transformed.
        sequence_stride: steps from one frame to the next.
        sequence_length: steps of the window in a frame; all of them when None.
        window: `"hann"`, `"hamming"`, or None for none.
        sampling_rate: steps a second.
        num_mel_bins: number of bands.
        min_freq, max_freq: where the bands begin and end, in Hertz; half the rate is the end when None.
        power_to_db: whether outputs are in decibels.
        top_db: the largest distance to the largest.
        mag_exp: 1 for magnitudes, 2 for power.
        min_power: below it power is not told apart.
        ref_power: the power of 0 decibels.

    >>> import numpy as np
    >>> wave = np.sin(2 * np.pi * 1000 * np.arange(4000) / 8000)
    >>> bands = MelSpectrogram(512, 256, sampling_rate=8000, num_mel_bins=40)(wave)
    >>> bands.shape, bands[:, 8].argmax().item()
    ((40, 16), 18)
    """

    fft_length: Count = 2048
    sequence_stride: Count = 512
    sequence_length: Count | None = None
    window: Literal["hann", "hamming"] | None = "hann"
    sampling_rate: Count = 16000
    num_mel_bins: Count = 128
    min_freq: NonNegative = 20.0
    max_freq: Positive | None = None
    power_to_db: bool = True
    top_db: Positive = 80.0
    mag_exp: Positive = 2.0
    min_power: Positive = 1e-10
    ref_power: Positive = 1.0

    takes_several = False
    _kept_kinds = ""

    def validate(self) -> None:
        if self.sequence_length is not None and self.sequence_length > self.fft_length:
            message = f"must be <= fft_length = {self.fft_length}, got {self.sequence_length}"
            raise ConfigError(message, ("sequence_length",))
        if self.min_freq >= self._highest():
            raise ConfigError(f"must be < max_freq = {self._highest():g}, got {self.min_freq:g}", ("min_freq",))

    def _keras_arguments(self) -> dict[str, Any]:
        ends = {"sequence_length": self.sequence_length or self.fft_length, "max_freq": self._highest()}
        return super()._keras_arguments() | ends

    def __call__(self, inputs: Any, **options: Any) -> Any:
        if is_numbers(inputs) and np.ndim(inputs) == 1:
            return super().__call__(np.asarray(inputs)[None], **options)[0]
        return super().__call__(inputs, **options)

    def build(self, input_shape: BatchShape) -> None:
        if len(input_shape) != 2:
            raise ShapeError(f"{self.label} needs signals (batch, steps), got {input_shape}")

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        steps = input_shape[-1]
        return (*input_shape[:-1], self.num_mel_bins, None if steps is None else steps // self.sequence_stride + 1)

    def call(self, inputs: Any) -> Any:
        """The spectrograms of a batch of signals."""
        if (room := allowance()) is not None:
            count = self.fft_length * max(self.num_mel_bins, *inputs.shape)
            room.check_count(count, f"{self.label} is tried on an example")
        window = self.sequence_length or self.fft_length
        real, imaginary = stft(inputs, window, self.sequence_stride, self.fft_length, self.window)
        power = ops.square(real) + ops.square(imaginary)
        if self.mag_exp != 2:
            power = ops.power(ops.maximum(power, np.finfo(power.dtype).tiny), self.mag_exp / 2)
        bands = ops.transpose(ops.matmul(power, self._weights().astype(power.dtype)), (0, 2, 1))
        if not self.power_to_db:
            return bands
        ratio = ops.maximum(bands, self.min_power) / max(self.ref_power, self.min_power)
        decibels = ops.log(ratio) * (10 / math.log(10))
        return ops.maximum(decibels, ops.max(decibels) - self.top_db)

    def _highest(self) -> float:
        return self.max_freq or self.sampling_rate / 2

    def _weights(self) -> np.ndarray:
        counts = self.num_mel_bins, self.fft_length // 2 + 1
        return self.linear_to_mel_weight_matrix(*counts, self.sampling_rate, self.min_freq, self._highest(), "float64")

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: float = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: str = "float32",
    ) -> np.ndarray:
        """The share of each frequency in each band, `(frequencies, bands)`; the mean, frequency 0, has none.

        The arguments stand for themselves: what the layer was given has no effect.

        Args:
            num_mel_bins: number of bands.
            num_spectrogram_bins: number of frequencies, from 0 to half of the sampling rate.
            sampling_rate: steps per second.
            lower_edge_hertz, upper_edge_hertz: where the first band begins and the last one ends.
            dtype: of the result.
        """
        hertz = np.linspace(0, sampling_rate / 2, num_spectrogram_bins)
        mel, low, high = (1127 * np.log1p(np.array(f) / 700) for f in (hertz, lower_edge_hertz, upper_edge_hertz))
        edges = np.linspace(low, high, num_mel_bins + 2)
        up = (mel[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
        down = (edges[2:] - mel[:, None]) / (edges[2:] - edges[1:-1])
        weights = np.maximum(0, np.minimum(up, down))
        weights[0] = 0
        return weights.astype(dtype)
