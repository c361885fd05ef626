"""Batches of sounds from the WAV files of a directory."""

import io
import wave
from typing import Any, Literal

import numpy as np

from nnlite.data.datasets.folders import from_directory
from nnlite.data.safety.files import read_bytes
from nnlite.errors import ConfigError
from nnlite.errors.boundary import reading
from nnlite.registry.bounds import BelowOne, Count, Index
from nnlite.registry.field_types import read_call

__all__ = ["audio_dataset_from_directory"]


def audio_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: Literal["int", "categorical", "binary"] | None = "int",
    class_names: list[str] | None = None,
    batch_size: Count | None = 32,
    sampling_rate: Count | None = None,
    output_sequence_length: Count | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: Index | None = None,
    validation_split: BelowOne | None = None,
    subset: Literal["training", "validation", "both"] | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Batches `(sounds, labels)` of the files `*.wav` below a directory, one subdirectory per class.

    Shape: sounds `(batch, steps, channels)`, float32 in [-1, 1), zeros behind the end of a shorter one; labels int32
    `(batch,)`, or float32 `(batch, classes)` for `categorical` and `(batch, 1)` for `binary`.

    Args:
        directory: with files of 8, 16, 24 or 32 bits without compression, all with the same number of channels.
        labels: `inferred` from the subdirectories, None, or one integer per file in the order of their paths.
        label_mode: how labels are written; None for sounds alone.
        class_names: the subdirectories to read, in the order of their numbers; all in alphabetical order when None.
        batch_size: sounds per batch; None for single ones.
        sampling_rate: samples per second that sounds are resampled to, by their Fourier transform; unchanged
            when None.
        output_sequence_length: steps that sounds are cut or filled up to; those of the longest of the batch when None.
        ragged: false; there are no ragged arrays.
        shuffle: another order in each epoch; else alphabetical order.
        seed: decides the order, and which files are set apart.
        validation_split: part of the files that is set apart, in [0, 1).
        subset: which part is wanted; `both` gives two.
        follow_links: whether to enter linked subdirectories.
        verbose: say how many files were found.

    Returns:
        `LazyBatches`, for `fit(dataset, epochs=...)`; two of them for `both`.

    Raises:
        ConfigError: arguments that do not fit together.
        DataError: no directory, no sounds, or not one label per file; a file that is not an uncompressed WAV.
    """
    arguments = dict(locals())
    arguments |= read_call(audio_dataset_from_directory, arguments)
    if ragged:
        raise ConfigError("ragged: there are no ragged arrays; shorter sounds are padded with zeros", ("ragged",))

    def joined(sounds: list[np.ndarray]) -> np.ndarray:
        steps = output_sequence_length or max(map(len, sounds))
        return np.stack([np.pad(sound[:steps], ((0, max(steps - len(sound), 0)), (0, 0))) for sound in sounds])

    return from_directory(arguments, (".wav",), lambda path: _sound(path, sampling_rate), joined)


def _sound(path: str, sampling_rate: int | None) -> np.ndarray:
    """The samples of a file, `(steps, channels)`."""
    with reading(path, "no WAV file without compression"), wave.open(io.BytesIO(read_bytes(path))) as file:
        width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
        raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8)
    frames = raw[: len(raw) // (width * channels) * width * channels].reshape(-1, channels, width).astype(np.int64)
    numbers = (frames << 8 * np.arange(width)).sum(axis=-1)
    half = 1 << (8 * width - 1)
    numbers = numbers - half if width == 1 else np.where(numbers < half, numbers, numbers - 2 * half)
    sound = numbers / half
    if sampling_rate is not None and rate != sampling_rate and len(sound):
        steps = max(round(len(sound) * sampling_rate / rate), 1)
        sound = np.fft.irfft(np.fft.rfft(sound, axis=0)[: steps // 2 + 1], steps, axis=0) * (steps / len(sound))
    return sound.astype(np.float32)
