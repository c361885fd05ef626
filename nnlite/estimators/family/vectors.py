"""The networks inside an embedder, which learn a vector for each level of some columns."""

from typing import Any

import numpy as np

from nnlite.data.encoders.columns import Ordinal
from nnlite.data.encoders.tables import TableEncoder
from nnlite.data.frames import Frame
from nnlite.estimators.classifier import NNClassifier
from nnlite.estimators.family.single import GivenEncoder
from nnlite.estimators.fitting.inputs import ONE_HOT_VALUE
from nnlite.estimators.fitting.recipe import Recipe
from nnlite.estimators.regressor import NNRegressor
from nnlite.layers import CategoryEmbedding, Layer
from nnlite.models import Sequential
from nnlite.registry.modules import given_arguments

__all__ = ["VectorClassifier", "VectorRegressor", "embedding_encoder", "learned_vectors"]


def embedding_encoder(frame: Frame, chosen: list[str], weights: np.ndarray | None, min_frequency: int) -> TableEncoder:
    """The encoder of a table that makes codes of the `chosen` columns, and encodes the others as usual.

    Args:
        weights: of each row; 1 when None.
        min_frequency: sum of weights from which on a level has a code of its own.
    """
    usual = TableEncoder.fit(frame, one_hot_value=ONE_HOT_VALUE)
    others = [column for column in usual.columns if column.name not in set(chosen)]
    codes = [_frequent(name, frame, weights, min_frequency) for name in chosen]
    return TableEncoder(frame.names, frame.named, [*others, *codes])


def _frequent(name: str, frame: Frame, weights: np.ndarray | None, least: int) -> Ordinal:
    column = frame.column(name, "category")
    everything = Ordinal(name, sorted(set(column.values[~column.missing])))
    sums = np.bincount(everything.codes(frame), weights, len(everything.categories) + 1)[1:]
    return Ordinal(name, [level for level, total in zip(everything.categories, sums, strict=True) if total >= least])


class VectorRecipe(Recipe):
    """A recipe with user-defined embedding lengths.

    Args:
        n_components: the length.
    """

    n_components: int

    def layers(self) -> list[Layer]:
        return [self._resized(layer) if isinstance(layer, CategoryEmbedding) else layer for layer in super().layers()]

    def _resized(self, layer: CategoryEmbedding) -> CategoryEmbedding:
        return CategoryEmbedding.from_config({**given_arguments(layer), "output_dim": self.n_components})


def with_vectors(recipe: Recipe, n_components: int) -> VectorRecipe:
    """The recipe with vectors of this length."""
    resized = VectorRecipe(recipe.parameters, recipe.problem, recipe.online)
    resized.n_components = n_components
    return resized


class VectorClassifier(GivenEncoder, NNClassifier):
    """For classes as targets."""

    def _recipe(self, rows: Any, goes_on: bool, online: bool = False) -> Recipe:
        return with_vectors(super()._recipe(rows, goes_on, online), self.n_components)


class VectorRegressor(GivenEncoder, NNRegressor):
    """For numbers as targets."""

    def _recipe(self, rows: Any, goes_on: bool, online: bool = False) -> Recipe:
        return with_vectors(super()._recipe(rows, goes_on, online), self.n_components)


def learned_vectors(
    model: Sequential, encoder: TableEncoder, frame: Frame, weights: np.ndarray | None, chosen: list[str]
) -> dict[str, np.ndarray]:
    """For each of the `chosen` columns the vectors by code, `(1 + levels, length)`.

    A column without gaps and rare levels in `frame` has nothing to learn the vector of code 0 from: it becomes the mean
    over the rows, in the model too.
    """
    layer = next(layer for layer in model.layers if isinstance(layer, CategoryEmbedding))
    codes = [column for column in encoder.columns if isinstance(column, Ordinal)]
    stops = np.cumsum([1 + len(column.categories) for column in codes])
    vectors = dict.fromkeys(chosen, layer.embeddings.value)  # in the order of the table
    for column, table in zip(codes, np.split(layer.embeddings.value, stops[:-1]), strict=True):
        sums = np.bincount(column.codes(frame), weights, len(table))
        if sums[0] == 0:
            table[0] = sums @ table / sums.sum()
        if column.name in vectors:
            vectors[column.name] = table.copy()
    return vectors
