"""Synthetic data sets: small tasks with a known answer, for configs that need no file."""

from typing import ClassVar, cast

import numpy as np

from nnlite.data.encoders.targets import TargetKind
from nnlite.data.files.decoding import decode
from nnlite.data.files.dialects import AUTO
from nnlite.data.files.notes import Notes
from nnlite.data.frames.frame import Frame
from nnlite.data.safety.files import place_of, read_bytes
from nnlite.data.sources.base import Dataset, DataSource
from nnlite.data.table import Table
from nnlite.errors import DataError
from nnlite.random import stream
from nnlite.registry.bounds import Count, Index, NonNegative

__all__ = ["Agreement", "SeasonalSeries"]


class Agreement(DataSource):
    """Sentences that are grammatical or not: the last verb has to agree with the first noun.

    Between the two stand other nouns, singular or plural, some with a verb of their own: in `"the dog near the cats
    that the pilot hears runs"` the last verb is right. Neither the nearest noun nor counts of words tell. Half of
    the sentences are wrong by their last word.

    Shape: inputs `(rows,)` texts; target `"right"` or `"wrong"`.

    Args:
        rows: number of sentences.
        clauses: largest number of nouns between the first noun and the last verb.
        seed: decides the sentences.

    >>> dataset = Agreement(rows=3, clauses=1).load("auto")
    >>> print(dataset.inputs[0], dataset.target[0], sep=": ")
    the cat run: wrong
    """

    rows: Count = 2000
    clauses: Index = 3
    seed: Index = 0

    nouns: ClassVar[tuple] = ("dog", "cat", "child", "farmer", "pilot", "robot")
    verbs: ClassVar[tuple] = ("run", "see", "hear", "like", "follow")
    prepositions: ClassVar[tuple] = ("near", "behind", "beside")

    def load(self, target_kind: TargetKind) -> Dataset:
        if target_kind == "regression":
            raise DataError("Agreement has two classes; choose a loss of classes such as binary_crossentropy")
        generator = stream(self.seed, "agreement")
        right = generator.random(self.rows) < 0.5
        sentences = [self._sentence(generator, agrees) for agrees in right]
        return Dataset(np.array(sentences, dtype=object), np.where(right, "right", "wrong"), ["sentence"])

    def _sentence(self, generator, agrees) -> str:
        plural = generator.random() < 0.5
        words = ["the", self._noun(generator, plural)]
        for _ in range(generator.integers(self.clauses + 1)):
            other = generator.random() < 0.5
            noun = self._noun(generator, other)
            if generator.random() < 0.5:
                words += [self._any(generator, self.prepositions), "the", noun]
            else:
                words += ["that", "the", noun, self._verb(generator, other)]
        return " ".join([*words, self._verb(generator, plural if agrees else not plural)])

    def _noun(self, generator, plural) -> str:
        noun = self._any(generator, self.nouns)
        return {"child": "children"}.get(noun, f"{noun}s") if plural else noun

    def _verb(self, generator, plural) -> str:
        verb = self._any(generator, self.verbs)
        return verb if plural else f"{verb}s"

    @staticmethod
    def _any(generator, words) -> str:
        return words[generator.integers(len(words))]

    def read_inputs(self, path: str) -> np.ndarray:
        """Texts, one per line of a text file, or of standard input for `-`; empty lines are skipped."""
        location = place_of(path)
        lines = decode(read_bytes(path), AUTO, location, Notes())[0].splitlines()
        texts = [line.strip() for line in lines if line.strip()]
        if not texts:
            raise DataError(f"{location}: the file holds no text")
        return np.array(texts, dtype=object)


class SeasonalSeries(DataSource):
    """Windows of a series with two seasons, a trend and noise, and the values that follow.

    value(t) = sin(2 pi t / period) + sin(2 pi t / long_period) + trend * t + noise.

    Shape: inputs `(rows, window, 1)`, target `(rows, horizon)`. Windows overlap: split them in order
    (`shuffle: false`).

    Args:
        rows: number of windows.
        window: values that are known.
        horizon: values to predict.
        period, long_period: lengths of the seasons, in steps.
        trend: per step.
        noise: standard deviation of the noise.
        seed: decides the noise.

    >>> dataset = SeasonalSeries(rows=5, window=8, horizon=2).load("regression")
    >>> dataset.inputs.shape, dataset.target.shape
    ((5, 8, 1), (5, 2))
    """

    rows: Count = 1500
    window: Count = 60
    horizon: Count = 12
    period: Count = 12
    long_period: Count = 60
    trend: float = 0.0
    noise: NonNegative = 0.3
    seed: Index = 0

    def load(self, target_kind: TargetKind) -> Dataset:
        if target_kind not in ("regression", "auto"):
            raise DataError("SeasonalSeries has numbers to predict; choose a regression loss such as mse")
        time = np.arange(self.rows + self.window + self.horizon - 1)
        series = np.sin(2 * np.pi * time / self.period) + np.sin(2 * np.pi * time / self.long_period)
        series = series + self.trend * time + self.noise * stream(self.seed, "series").standard_normal(len(time))
        windows = np.lib.stride_tricks.sliding_window_view(series, self.window + self.horizon)
        names = [f"step_{step}" for step in range(1, self.horizon + 1)]
        last = np.repeat(windows[:, self.window - 1 : self.window], self.horizon, axis=1)
        return Dataset(windows[:, : self.window, None].copy(), windows[:, self.window :].copy(), names, last)

    def read_inputs(self, path: str) -> Table | Frame | np.ndarray:
        """Windows: the rows of a table with one column per step, or of an array with or without a last axis of 1."""
        windows = cast(np.ndarray, super().read_inputs(path))
        return windows if windows.ndim == 3 else windows[..., None]
