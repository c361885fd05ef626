"""The door from configs to estimators and back."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from nnlite.estimators.recipe import Recipe
from nnlite.estimators.specs.configs import config_of, parameters_of

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator as Host
else:
    Host = object

__all__ = ["ConfigDoor"]

Own = TypeVar("Own", bound="ConfigDoor")


class ConfigDoor(Host):
    """Estimators made from configs of `nnlite train`, and configs made from estimators."""

    _trained_by: Recipe

    @classmethod
    def from_config(cls: type[Own], config: str | Path | Mapping[str, Any], **parameters: Any) -> Own:
        """A new estimator that trains as a config of `nnlite train` says.

        `model` becomes `layers`, a callable that makes the whole stack: its last layer, which must be a `Dense`, gets
        as many outputs as the targets need, with the activation that they need. Of `compile`, the optimizer and the
        loss are taken; metrics change nothing and are left out. Of `fit`, the number of epochs, the batch size,
        `shuffle`, `class_weight` and the callbacks; an `EarlyStopping` on `"val_loss"` becomes `early_stopping`,
        `n_iter_no_change` and `tol`, and without a callback that watches validation data all samples are learnt from.
        `seed` becomes `random_state`. A model that scales its inputs itself sets `standardize` to False. The section
        `data` is not used.

        Parameters
        ----------
        config : path-like or dict
            A YAML file, or what it holds.
        **parameters : dict
            Parameters of the estimator that come before those of the config.

        Returns
        -------
        estimator : NNClassifier or NNRegressor

        Raises
        ------
        ConfigError
            A section or argument that no parameter stands for; it names file and line.

        Examples
        --------
        >>> from nnlite import NNRegressor
        >>> model = NNRegressor.from_config({
        ...     "model": [{"Dense": {"units": 8, "activation": "relu"}}, {"Dense": {"units": 1}}],
        ...     "compile": {"optimizer": "adam", "loss": "mse"}, "fit": {"epochs": 3}})
        >>> model.layers, model.epochs, model.early_stopping
        (WholeStack(Dense, Dense), 3, False)
        """
        task = "class" if is_classifier(cls()) else "number"
        return cls(**{**parameters_of(config, task), **parameters})

    def to_config(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A config of `nnlite train`, with the layers that were fitted and what they were trained by.

        It trains one network, also where the estimator has several members. The scaling of the columns is left to
        the data section: a `Csv` source standardises them.

        Parameters
        ----------
        data : dict, default=None
            The section `data`, such as `{"source": {"Csv": {"path": "table.csv", "target": "price"}}}`. The share of
            validation data is that of the estimator where it has no `split`. None leaves the section out.

        Returns
        -------
        config : dict
            `Experiment.get` and, written as YAML, `nnlite train` read it.

        Raises
        ------
        NotFittedError
            Before `fit`, in which "auto" parameters are settled.
        ConfigError
            What a config cannot hold: a function as the loss, callbacks that are not registered, and layers that
            belong to the encoder of a table with categories of many levels.
        """
        check_is_fitted(self)
        return config_of(self, self._trained_by, data)
