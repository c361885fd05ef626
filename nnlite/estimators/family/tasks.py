"""Common parts of the transformers: whether targets are classes, and the attributes of a fit."""

from typing import Any

from sklearn.utils.multiclass import type_of_target

from nnlite.errors import ConfigError

__all__ = ["names_classes", "take_columns"]


def names_classes(y: Any) -> bool:
    """Whether targets are classes, by scikit-learn's rules: strings, booleans and integers; not fractional numbers."""
    if y is None:
        raise ConfigError("requires y to be passed, but the target y is None: the features are learned for a target")
    return not type_of_target(y).startswith("continuous")


def take_columns(estimator: Any, inner: Any) -> None:
    """Copy the fitted column attributes of `inner` to `estimator`."""
    estimator.n_features_in_ = inner.n_features_in_
    vars(estimator).pop("feature_names_in_", None)
    if "feature_names_in_" in vars(inner):
        estimator.feature_names_in_ = inner.feature_names_in_
