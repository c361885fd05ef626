"""Losses as functions of targets and predictions, one value per row, under Keras's names."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nnlite.losses.base import Loss
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
from nnlite.losses.regression import Huber, MeanAbsoluteError, MeanSquaredError
from nnlite.losses.rows import CategoricalHinge, CosineSimilarity, KLDivergence

__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]


def _function(cls: type[Loss], name: str) -> Callable[..., Any]:
    """The function of a loss: its arguments are those of the class, its result is one value per row."""

    def compute(y_true: Any, y_pred: Any, *arguments: Any, **options: Any) -> Any:
        outputs, targets = np.asarray(y_pred), np.asarray(y_true)
        loss = cls(*arguments, **options, reduction="none")
        if outputs.ndim == 1:  # a single row
            return loss(targets[None], outputs[None])[0]
        return loss(targets, outputs)

    compute.__name__ = compute.__qualname__ = name
    compute.__doc__ = (
        f"`{cls.__name__}` of each row, a function of targets and predictions.\n\n"
        f"    Shape: y_true and y_pred as for `{cls.__name__}`, or a single row of them; the result is\n"
        f"    `(batch, ...)`. Further arguments are those of the class."
    )
    return compute


binary_crossentropy = _function(BinaryCrossentropy, "binary_crossentropy")
categorical_crossentropy = _function(CategoricalCrossentropy, "categorical_crossentropy")
categorical_hinge = _function(CategoricalHinge, "categorical_hinge")
cosine_similarity = _function(CosineSimilarity, "cosine_similarity")
hinge = _function(Hinge, "hinge")
huber = _function(Huber, "huber")
kl_divergence = _function(KLDivergence, "kl_divergence")
log_cosh = _function(LogCosh, "log_cosh")
mean_absolute_error = _function(MeanAbsoluteError, "mean_absolute_error")
mean_absolute_percentage_error = _function(MeanAbsolutePercentageError, "mean_absolute_percentage_error")
mean_squared_error = _function(MeanSquaredError, "mean_squared_error")
mean_squared_logarithmic_error = _function(MeanSquaredLogarithmicError, "mean_squared_logarithmic_error")
poisson = _function(Poisson, "poisson")
sparse_categorical_crossentropy = _function(SparseCategoricalCrossentropy, "sparse_categorical_crossentropy")
squared_hinge = _function(SquaredHinge, "squared_hinge")


def get(identifier: Any) -> Loss | None:
    """The loss that a name, a class, a config, of Keras's form too, or an instance stands for; None for None.

    >>> get("mse"), get({"class_name": "Huber", "config": {"delta": 2.0}})
    (MeanSquaredError(), Huber(delta=2.0))
    """
    return None if identifier is None else Loss.get(plain_spec(identifier))


def serialize(loss: Loss) -> dict[str, Any]:
    """`{class name: {argument: value}}`, which `deserialize` reads."""
    return loss.to_spec()


def deserialize(config: Any) -> Loss | None:
    """The loss of such a dict, or of Keras's `{"class_name": ..., "config": ...}`."""
    return get(config)


def plain_spec(identifier: Any) -> Any:
    """Keras's `{"class_name": name, "config": {...}}` as `{name: {...}}`; anything else as it is."""
    if isinstance(identifier, Mapping) and "class_name" in identifier:
        return {identifier["class_name"]: dict(identifier.get("config") or {})}
    return identifier
