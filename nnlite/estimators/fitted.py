"""Methods of a fitted estimator: outputs, their derivatives and spread, sensitivities to columns."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from nnlite.config import FloatType
from nnlite.data.encoders.tables import TableEncoder
from nnlite.errors import ConfigError
from nnlite.estimators.fitting.assembly import up_to_average
from nnlite.estimators.fitting.inputs import as_matrix, medians_of, read_inputs
from nnlite.estimators.fitting.policies import is_full_batch
from nnlite.estimators.fitting.recipe import Recipe
from nnlite.estimators.fitting.targets import Targets
from nnlite.estimators.fitting.training import rows_at_once
from nnlite.estimators.pickling import state_of, take_state
from nnlite.estimators.sensitivities import by_raw_columns, column_groups, sensitivities_of
from nnlite.estimators.specs.configs import config_of, parameters_of
from nnlite.estimators.tables import labelled_table
from nnlite.inference.quick import quick_outputs
from nnlite.layers import RobustScaling
from nnlite.models import Sequential

if TYPE_CHECKING:
    import pandas as pd


Own = TypeVar("Own", bound="FittedNetwork")


class FittedNetwork(BaseEstimator):
    """The model of an estimator, its encoding of raw tables, and its configs; a base of `BaseNetwork`."""

    __metadata_request__predict = {"return_jacobian": UNUSED, "return_std": UNUSED}  # say what to return: no metadata

    model_: Sequential
    n_features_in_: int
    n_members_: int
    history_: dict[str, list[float]]
    loss_: float
    n_iter_: int
    oof_prediction_: Any
    _targets: Targets
    _encoder: TableEncoder | None
    _scaling: RobustScaling | None
    _precision: FloatType
    _trained_by: Recipe

    def __getstate__(self) -> dict[str, Any]:
        state = state_of(self)  # with the scaling once: as a layer of the model
        inside = "model_" in state and state["_scaling"] is state["model_"].layers[0]
        return {name: value for name, value in state.items() if not (inside and name == "_scaling")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        take_state(self, state)
        if "model_" in state and "_scaling" not in state:
            self._scaling = cast(RobustScaling, self.model_.layers[0])

    @classmethod
    def from_config(cls: type[Own], config: str | Path | Mapping[str, Any], **parameters: Any) -> Own:
        """A new estimator that trains like a config of `nnlite train`.

        `model` becomes `layers`, a callable that makes the whole stack: its last layer, which must be a `Dense`, gets
        as many outputs as the targets need, with the activation that they need. Of `compile`, the optimizer and the
        loss are taken; metrics change nothing and are left out. Of `fit`, the number of epochs, the batch size,
        `shuffle`, `class_weight` and the callbacks; an `EarlyStopping` on `"val_loss"` becomes `early_stopping`,
        `n_iter_no_change` and `tol`, and without a callback that watches validation data all samples are learned from.
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

    def export(self, filepath: str | PathLike) -> list[str]:
        """Write the fitted model, with its encoding of tables and its labels, to run without nnlite.

        Parameters
        ----------
        filepath : path-like
            Ends in `.onnx`, in `.py` for one Python file that needs NumPy alone, or in `.h` for a C header.

        Returns
        -------
        paths : list of str
            The files that were written.

        Raises
        ------
        ConfigError
            Another ending, or something that has no form in the format; see `Sequential.export`.
        """
        check_is_fitted(self)
        return self.model_.export(filepath)

    def to_config(self, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A config of `nnlite train` with the fitted layers and their training.

        It trains one network, also where the estimator has several members. The scaling of the columns is left to
        the data section: a `Csv` source standardizes them.

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

    def _matrix(self, table: Any) -> Any:
        """The result of `read_inputs` as the model takes it."""
        return as_matrix(table, self._encoder, None if self._scaling is None else medians_of(self._scaling))

    def _outputs(self, X: Any, return_jacobian: bool = False, return_std: bool = False) -> Any:
        """The model's outputs for X; a tuple with their derivatives and their spread where these are asked for."""
        if "model_" not in vars(self):  # to ask is quicker than the check, which takes a tenth of a small prediction
            check_is_fitted(self)
        matrix = self._matrix(read_inputs(self, X, False))
        if not (return_jacobian or return_std):
            quick = quick_outputs(self.model_, matrix)
            return self._predicted(matrix) if quick is None else quick
        results = [self._predicted(matrix, return_jacobian=return_jacobian)]
        if return_jacobian:
            outputs, slopes = results.pop()
            results += [outputs, by_raw_columns(slopes, self._encoder)]
        if return_std:
            results.append(self._spread(matrix))
        return tuple(results)

    def _predicted(self, matrix: Any, model: Sequential | None = None, return_jacobian: bool = False) -> Any:
        """Predictions of the model, or of a part of it, in pieces that fit the width of the rows."""
        at_once = rows_at_once(matrix.shape[1] * self.n_members_)
        return (model or self.model_).predict(matrix, at_once, verbose=0, return_jacobian=return_jacobian)

    def _spread(self, matrix: np.ndarray) -> np.ndarray:
        """The standard deviation of the members' outputs; of a single network none is known here."""
        if self.n_members_ == 1:
            way, optimizer = "fit with n_members of 2 or more", self.get_params(deep=False)["optimizer"]
            if is_full_batch(optimizer):
                way = f"optimizer={optimizer!r} trains no more; compile model_ and ask model_.uncertainty(X, y)"
            raise ConfigError(f"a single network has no spread: {way}", ("return_std",))
        return self._by_members(matrix).std(axis=1)

    def _by_members(self, matrix: np.ndarray) -> np.ndarray:
        """Predictions of each of several members, `(rows, members, outputs)`."""
        members, after = up_to_average(self.model_)
        outputs = self._predicted(matrix, members)
        flat = outputs.reshape(-1, outputs.shape[-1])
        for layer in after:
            flat = layer(flat)
        return flat.reshape(outputs.shape)

    def sensitivities(self, X: Any) -> "pd.DataFrame | Any":
        """Sensitivities of the outputs to each column of the raw table, summarized over samples.

        For a column of numbers these are derivatives of `model_`, in units of the output (those of `predict`, or
        probabilities) per unit of the column. For another column they are differences: how the outputs change when a
        sample takes the value of another sample, over all values (100 of them at most) by how often they occur.

        Parameters
        ----------
        X : table or array-like of shape (n_samples, n_features)
            The samples to sum up over.

        Returns
        -------
        table : DataFrame, or LabelledTable where pandas is not installed
            One row per column of X. Columns are the `mean`, the `mean_absolute` and the `root_mean_square` of the
            derivative or difference over the samples, for each class or output in turn where there are several.
        """
        check_is_fitted(self)
        matrix = self._matrix(read_inputs(self, X, False))
        names = list(vars(self).get("feature_names_in_", [f"x{index}" for index in range(self.n_features_in_)]))
        statistics = sensitivities_of(self.model_, matrix, column_groups(self._encoder, names))
        level, outputs = self._output_names()
        return labelled_table(statistics, names, outputs, level)

    def _output_names(self) -> tuple[str, list[Any] | None]:
        """Kind and names of the outputs; None for a single one without a name."""
        raise NotImplementedError

    def __sklearn_is_fitted__(self) -> bool:
        return "model_" in vars(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.sparse = True
        tags.input_tags.string = tags.input_tags.categorical = True
        return tags
