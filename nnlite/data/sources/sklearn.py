"""The data sets that come with scikit-learn."""

from typing import Any

import numpy as np

from nnlite.data.encoders.targets import TargetKind
from nnlite.data.sources.base import Dataset, DataSource
from nnlite.errors import ConfigError, DataError, did_you_mean, needed_for

__all__ = ["SklearnDataset"]

NAMES = ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine")


class SklearnDataset(DataSource):
    """One of the small data sets that come with scikit-learn; nothing is downloaded.

    Args:
        name: `"digits"`, `"iris"`, `"wine"`, `"breast_cancer"`, `"diabetes"` or `"linnerud"`.

    >>> dataset = SklearnDataset("iris").load("auto")
    >>> dataset.inputs.shape, str(dataset.target[0])
    ((150, 4), 'setosa')
    """

    name: str

    def validate(self) -> None:
        if self.name not in NAMES:  # known without loading scikit-learn, as configs are checked more often than loaded
            hint = did_you_mean(self.name, NAMES)
            raise ConfigError(f"unknown data set {self.name!r}; {hint}", ("SklearnDataset", "name"))

    def load(self, target_kind: TargetKind) -> Dataset:
        with needed_for("these data sets come with scikit-learn", "scikit-learn"):
            from sklearn import datasets

        bunch = getattr(datasets, f"load_{self.name}")()
        names, features = bunch.get("target_names"), list(map(str, bunch.feature_names))
        if target_kind == "regression" or (target_kind == "auto" and not self._has_classes(bunch)):
            target = bunch.target.reshape(len(bunch.target), -1).astype(float)
            return Dataset(bunch.data, target, list(names) if target.shape[1] > 1 else ["target"], input_names=features)
        if names is None or not self._has_classes(bunch):
            raise DataError(f"data set {self.name!r} has no classes; choose a regression loss such as mse")
        return Dataset(bunch.data, np.asarray(names)[bunch.target], ["target"], input_names=features)

    @staticmethod
    def _has_classes(bunch: Any) -> bool:
        return "target_names" in bunch and bunch.target.ndim == 1
