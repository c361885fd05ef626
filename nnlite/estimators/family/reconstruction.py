"""The regressor inside an autoencoder: its targets are the encoded table, and one of its layers is narrow."""

from typing import Any

import numpy as np

from nnlite.data.encoders.columns import OneHot, Ordinal
from nnlite.data.encoders.tables import TableEncoder
from nnlite.data.frames import Frame, read_frame
from nnlite.estimators.family.single import GivenEncoder
from nnlite.estimators.fitting.inputs import fitted_encoder, medians_of, number_columns
from nnlite.estimators.fitting.recipe import Recipe
from nnlite.estimators.fitting.targets import NumberTargets, Targets
from nnlite.estimators.fitting.training import Judged
from nnlite.estimators.regressor import NNRegressor
from nnlite.estimators.specs.stacks import sizes_of
from nnlite.layers import Dense, Dropout, Layer
from nnlite.registry.modules import given_arguments

__all__ = ["CODES", "MOST_LEVELS", "Reconstruction", "reconstructed_encoder", "weighted_quantile"]

CODES = "codes"
MOST_LEVELS = 64


def reconstructed_encoder(table: Any) -> TableEncoder | None:
    """The encoder of a table without columns of codes: of many levels, the most frequent have one column each."""
    if fitted_encoder(table) is None:
        return None
    frame = read_frame(table)
    encoder = TableEncoder.fit(frame, one_hot=MOST_LEVELS)
    columns = [_most_frequent(column, frame) if isinstance(column, Ordinal) else column for column in encoder.columns]
    return TableEncoder(encoder.names, encoder.named, columns)


def _most_frequent(encoder: Ordinal, frame: Frame) -> OneHot:
    counts = np.bincount(encoder.codes(frame), minlength=len(encoder.categories) + 1)[1:]
    kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_LEVELS])
    return OneHot(encoder.name, [encoder.categories[index] for index in kept])


class TableTargets(NumberTargets):
    """The columns of an encoded table: numbers by mean and deviation, columns of 0 and 1 unchanged.

    Args:
        numbers: which of the columns hold numbers.
        width: how many columns there are.
    """

    def __init__(self, numbers: list[int], width: int) -> None:
        super().__init__(width, is_column=False)
        self.numbers = numbers

    def learn(self, y: np.ndarray, weights: np.ndarray | None) -> None:
        super().learn(y, weights)
        others = np.setdiff1d(np.arange(self.n_outputs), self.numbers)
        self.mean[others], self.scale[others] = 0.0, 1.0


class NarrowRecipe(Recipe):
    """A recipe whose layers include one of few linear units.

    Args:
        place: which of the `Dense` layers, from 0.
    """

    place: int

    def layers(self) -> list[Layer]:
        layers = super().layers()
        index = [n for n, layer in enumerate(layers) if isinstance(layer, Dense)][self.place]
        codes = Dense.from_config({**given_arguments(layers[index]), "activation": None, "name": CODES})
        dropped = isinstance(layers[index + 1], Dropout)
        return [*layers[:index], codes, *layers[index + 1 + dropped :]]


class Reconstruction(GivenEncoder, NNRegressor):
    """A regressor whose hidden layers are those of an encoder, the codes, and those of a decoder."""

    place: int

    def fit_encoded(self, X: Any, matrix: np.ndarray, sample_weight: np.ndarray | None) -> None:
        """Learn to reconstruct `matrix`, the encoding of the table X."""
        sizes = sizes_of(self.hidden_layer_sizes)
        self.hidden_layer_sizes = [*sizes, self.n_components, *reversed(sizes)]
        self.place = len(sizes)
        self.fit(X, matrix, sample_weight)

    @property
    def medians(self) -> np.ndarray | None:
        """Values that fill missing values in a table of numbers; None if there are no columns of numbers."""
        return None if self._scaling is None else medians_of(self._scaling)

    @property
    def scale(self) -> np.ndarray:
        """Divisor of the errors of each column."""
        return self._targets.scale

    def _read_targets(
        self, n_rows: int, y: Any, known: Targets | None, classes: np.ndarray | None = None
    ) -> tuple[np.ndarray, Targets]:
        return y, TableTargets(number_columns(y.shape[1], self.given_encoder), y.shape[1])

    def _recipe(self, rows: Any, goes_on: bool, online: bool = False) -> Recipe:
        recipe = super()._recipe(rows, goes_on, online)
        narrow = NarrowRecipe(recipe.parameters, recipe.problem, online)
        narrow.place = self.place
        return narrow

    def _final_layers(self, judged: Judged | None) -> tuple[list[Layer], list[Layer]]:
        return [], super()._final_layers(None)[1]


def weighted_quantile(scores: np.ndarray, part: float, sample_weight: np.ndarray | None) -> float:
    """Score below which the weights add up to the fraction `part` of all, as nearly as whole samples allow.

    It lies midway between the scores on both sides, so that rounding does not decide.
    """
    weights = np.ones(len(scores)) if sample_weight is None else sample_weight.astype(np.float64)
    order = np.argsort(scores, kind="stable")
    sums = np.cumsum(weights[order])
    least = scores[order][np.searchsorted(sums, part * sums[-1] * (1 + 1e-9), side="right")]  # of the inliers
    below = scores[(scores < least - 1e-6 * abs(least)) & (weights > 0)]
    return float(least if not len(below) else (least + below.max()) / 2)
