"""The data sets that come with scikit-learn."""

import inspect
from typing import Any

import numpy as np

from nnlite.data.encoders.targets import TargetKind
from nnlite.data.sources.base import Dataset, DataSource
from nnlite.errors import ConfigError, DataError, did_you_mean, needed_for

__all__ = ["SklearnDataset"]


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
        if self.name not in self._loaders():
            hint = did_you_mean(self.name, self._loaders())
            raise ConfigError(f"unknown data set {self.name!r}; {hint}", ("SklearnDataset", "name"))

    def load(self, target_kind: TargetKind) -> Dataset:
        bunch = self._loaders()[self.name]()
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

    @staticmethod
    def _loaders() -> dict:
        with needed_for("these data sets come with scikit-learn", "scikit-learn"):
            from sklearn import datasets

        functions = {name[5:]: getattr(datasets, name) for name in datasets.__all__ if name.startswith("load_")}
        return {name: load for name, load in functions.items() if "return_X_y" in inspect.signature(load).parameters}
