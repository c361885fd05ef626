"""Losses as functions of targets and predictions, one value per row, under Keras's names."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.losses.base import CLASS_OF_FUNCTION, Loss
from nnlite.losses.classes import (
    CTC,
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    Circle,
    Dice,
    Tversky,
)
from nnlite.losses.classification import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from nnlite.losses.elementwise import (
    Hinge,
    LogCosh,
    MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError,
    Poisson,
    SquaredHinge,
)
from nnlite.losses.numbers import Gamma, GaussianNLL, Quantile, Tweedie
from nnlite.losses.regression import Huber, MeanAbsoluteError, MeanSquaredError
from nnlite.losses.rows import CategoricalHinge, CosineSimilarity, KLDivergence
from nnlite.ops.tracing import FUNCTIONS as DRAWN, UNLIKE_NUMPY, drawable
from nnlite.registry.modules import of_family

__all__ = [
    "bce",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "ctc",
    "deserialize",
    "dice",
    "gamma",
    "gaussian_nll",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "kld",
    "log_cosh",
    "logcosh",
    "mae",
    "mape",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "mse",
    "msle",
    "poisson",
    "quantile",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
    "tweedie",
]

OF_THE_CLASS = ("reduction", "name", "dtype")  # arguments of a loss that its function does not take


def _function(cls: type[Loss], name: str) -> Callable[..., Any]:
    """The function of a loss: its arguments are those of the class, its result is one value per row."""

    def compute(y_true: Any, y_pred: Any, *arguments: Any, **options: Any) -> Any:
        return cls(*arguments, **options, reduction="none")(y_true, y_pred)

    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = (
        f"`{cls.__name__}` of each row, a function of targets and predictions.\n\n"
        f"    Shape: y_true and y_pred as for `{cls.__name__}`, or a single row of them; the result is\n"
        f"    `(batch, ...)`. Further arguments are those of the class."
    )
    arguments = [inspect.Parameter(array, inspect.Parameter.POSITIONAL_OR_KEYWORD) for array in ("y_true", "y_pred")]
    of_class = [item for item in inspect.signature(cls).parameters.values() if item.name not in OF_THE_CLASS]
    vars(compute)["__signature__"] = inspect.Signature([*arguments, *of_class])
    drawn = f"losses.{name}"  # in graphs, where an op may have the same name
    function = drawable(compute, drawn)
    CLASS_OF_FUNCTION[id(function)], DRAWN[drawn] = cls, function
    UNLIKE_NUMPY.add(drawn)
    return function


def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80.0,
    margin: float = 0.4,
) -> Any:
    """`Circle` of each row.

    Shape: y_true `(batch,)` or `(batch, 1)`, y_pred `(batch, features)`; the result is `(batch,)`.

    Args:
        y_true: class numbers.
        y_pred: embeddings of unit length.
        ref_labels: class numbers `(references,)` of the embeddings that rows make pairs with; `y_true` when None.
        ref_embeddings: those embeddings, `(references, features)`; `y_pred` when None.
        remove_diagonal: whether a row makes no pair with the reference of its own number.
        gamma: > 0, how steep the loss is.
        margin: how far apart distances within a class and between classes shall be.
    """
    loss = Circle(gamma, margin, remove_diagonal, reduction="none")
    if ref_labels is not None or ref_embeddings is not None:
        labels = np.asarray(y_true if ref_labels is None else ref_labels).reshape(-1)
        loss.references = labels, None if ref_embeddings is None else np.asarray(ref_embeddings)
    return loss(y_true, y_pred)


CLASS_OF_FUNCTION[id(circle)] = Circle
binary_crossentropy = _function(BinaryCrossentropy, "binary_crossentropy")
binary_focal_crossentropy = _function(BinaryFocalCrossentropy, "binary_focal_crossentropy")
categorical_crossentropy = _function(CategoricalCrossentropy, "categorical_crossentropy")
categorical_focal_crossentropy = _function(CategoricalFocalCrossentropy, "categorical_focal_crossentropy")
categorical_generalized_cross_entropy = _function(
    CategoricalGeneralizedCrossEntropy, "categorical_generalized_cross_entropy"
)
categorical_hinge = _function(CategoricalHinge, "categorical_hinge")
cosine_similarity = _function(CosineSimilarity, "cosine_similarity")
ctc = _function(CTC, "ctc")
dice = _function(Dice, "dice")
gamma = _function(Gamma, "gamma")
gaussian_nll = _function(GaussianNLL, "gaussian_nll")
hinge = _function(Hinge, "hinge")
huber = _function(Huber, "huber")
kl_divergence = _function(KLDivergence, "kl_divergence")
log_cosh = _function(LogCosh, "log_cosh")
mean_absolute_error = _function(MeanAbsoluteError, "mean_absolute_error")
mean_absolute_percentage_error = _function(MeanAbsolutePercentageError, "mean_absolute_percentage_error")
mean_squared_error = _function(MeanSquaredError, "mean_squared_error")
mean_squared_logarithmic_error = _function(MeanSquaredLogarithmicError, "mean_squared_logarithmic_error")
poisson = _function(Poisson, "poisson")
quantile = _function(Quantile, "quantile")
sparse_categorical_crossentropy = _function(SparseCategoricalCrossentropy, "sparse_categorical_crossentropy")
squared_hinge = _function(SquaredHinge, "squared_hinge")
tversky = _function(Tversky, "tversky")
tweedie = _function(Tweedie, "tweedie")

bce = binary_crossentropy
kld = kl_divergence
logcosh = log_cosh
mae = mean_absolute_error
mape = mean_absolute_percentage_error
mse = mean_squared_error
msle = mean_squared_logarithmic_error


NO_LOSSES = ("deserialize", "get", "serialize")
FUNCTIONS = {name: globals()[name] for name in sorted(__all__, key=len, reverse=True) if name not in NO_LOSSES}
FUNCTIONS |= {name.upper(): FUNCTIONS[name] for name in ("bce", "kld", "mae", "mape", "mse", "msle")}
get, serialize, deserialize = of_family(Loss, FUNCTIONS)
