"""NNRegressor, a neural network for regression."""

from typing import Any, Literal, overload

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if

from nnlite.errors import DataError
from nnlite.estimators.base import BaseNetwork
from nnlite.estimators.fitting.spread import LastLayer, last_layer_of
from nnlite.estimators.fitting.targets import NumberTargets, Targets, read_numbers
from nnlite.estimators.fitting.training import Judged
from nnlite.estimators.intervals import IntervalPredictions, intervals_of, out_of_fold_of
from nnlite.layers import Clip, Layer, Normalization

__all__ = ["NNRegressor"]


class NNRegressor(RegressorMixin, IntervalPredictions, BaseNetwork):
    """Neural networks for one or more numbers as targets, with defaults that need no tuning: several up to 10,000 rows.

    Pass it the raw table: numbers, text, categories, dates, missing values. The defaults follow RealMLP (Holzmüller et
    al. 2024, arXiv:2407.04491); `docs/tables.md` describes them. Arrays are computed in their
    own precision, tables of columns in `nnlite.config.floatx()`. A sample weight of 2 is a row that occurs twice.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(128, 128, 128)
        Units of each hidden `Dense` layer; `()` makes a model that is linear in the scaled columns.
    layers : list of layers, str, callable or None, default=None
        A list takes the place of `hidden_layer_sizes`, `activation` and `dropout`: instances, names or
        `{name: {arguments}}`. A callable `(n_features, n_outputs) -> list` makes the whole stack with its
        `n_outputs` outputs.
        A string is a list in YAML, such as `"- Dense: {units: 64}"`, or the path of a file that ends in .yaml.
        Layers are copied by their configuration, so every fit starts from new weights.
    activation : "auto", str, dict or ActivationFunction, default="auto"
        Activation function of the hidden layers; `"auto"` is Mish; scikit-learn's names are understood too.
    dropout : "auto", float in [0, 1), dict or LearningRateSchedule, default="auto"
        Fraction of the outputs of each hidden layer that is dropped while training; `"auto"` is
        `FlatCosine(0.15)`, and 0 for members from 2,001 rows on, unless there are monotonic constraints.
    loss : "auto", str, dict, Loss or callable, default="auto"
        What is minimized; `"auto"` is the squared error. A callable `(y_true, y_pred) -> losses` is made of functions
        of `nnlite.ops`.
    optimizer : "auto", "lbfgs", str, dict or Optimizer, default="auto"
        For example `"sgd"` or `{"AdamW": {"weight_decay": 0.01}}`; `"auto"` is Adam. `"lbfgs"` is L-BFGS on all rows
        at once, for small tables: a single network without dropout, an iteration in place of an epoch (500 by default),
        until no entry of the gradient exceeds `tol`. It has no learning rate, batches, weight decay or judging samples.
    learning_rate : "auto", float, dict, LearningRateSchedule or str, default="auto"
        `"auto"` belongs to the default optimizer: the schedule `CosLog4` with the parametrization of the layers that
        goes with it; other optimizers keep their own. `"constant"` is the optimizer's own number; `"invscaling"`
        divides it by the square root of the number of the training step; `"adaptive"` divides it by 5 each time that
        `n_iter_no_change` (10 for None) epochs gain less than `tol`, and ends the training below 1e-6.
    weight_decay : "auto", float, dict or LearningRateSchedule, default="auto"
        Share of the kernels taken away per unit of learning rate; `"auto"` is `FlatCosine(0.05)` for the default
        optimizer, else that of the optimizer.
    alpha : float, default=0.0
        Strength of the L2 penalty on kernels, `alpha / 2 * sum(kernel**2) / batch_size`, as in scikit-learn's MLP.
    epochs : "auto" or int, default="auto"
        Passes over the data; `"auto"` is 128 up to 2,000 rows, else 64; with up to 16 columns of numbers, 64 from 640
        rows on.
    batch_size : "auto" or int, default="auto"
        Samples per training step; `"auto"` is the largest power of two up to a sixteenth of the rows, in 32 to 256.
        An optimizer of all rows, such as `LBFGS`, refuses fewer.
    shuffle : bool, default=True
        Whether the rows come in a new order in each epoch.
    standardize : bool, default=True
        Bring columns of numbers to a common scale by median and quartiles (`RobustScaling`). False leaves X to you,
        which a stack that begins with an `Embedding` needs. Targets are always standardized.
    early_stopping : bool, default=True
        Judge each epoch by samples that are not learned from, and go back to the best one. Each of several members sets
        a fold of its own apart, so that all samples are learned from; a single network sets `validation_fraction`
        apart.
        False learns from all samples until the last epoch, and does not
        bound predictions by the targets seen.
    validation_fraction : float in (0, 1), default=0.2
        The part that a single network sets apart.
    tol : float, default=1e-4
        What an epoch must gain to count as better, with `n_iter_no_change`.
    n_iter_no_change : int or None, default=None
        Epochs without improvement, of the judging samples or else of the loss, after which training stops; with a
        ConvergenceWarning where `epochs` come to an end first. None trains for all epochs, which the schedule of the
        learning rate is made for.
    n_members : "auto" or int, default="auto"
        Number of networks, trained side by side and averaged; `"auto"` is 8 from 100 to 2,000 rows, else 5 from
        20 to 10,000 rows, else 1, and 1 with `layers`.
    monotonic_cst : array-like of int of shape (n_features,), dict or None, default=None
        Columns of numbers or booleans that predictions rise with (1), fall with (-1), or are free to follow (0), all
        others held: a number for each column, or a dict of some by name. It holds for all inputs, by construction: of
        `MonotonicDense` layers with tanh, without waves of such columns. Not with `layers`.
    callbacks : list of callbacks, default=None
        Instances of `nnlite.callbacks.Callback`, names or `{name: {arguments}}`.
    warm_start : bool, default=False
        Whether `fit` continues from the present weights, with the present columns and targets.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, shuffling, dropout and folds. An int gives the same fit every time.
    verbose : int, default=0
        1 shows a progress bar, 2 one line per epoch.

    Attributes
    ----------
    model_ : Sequential
        The fitted network, from the table to targets in their own units; `model_.save(path)` writes it,
        `model_.encoder` reads raw tables.
    n_members_ : int
        Number of networks in it.
    oof_prediction_ : ndarray
        With several members, the prediction of each sample by the member that did not learn from it, as if it were new;
        NaN for samples of weight 0. Only after a `fit` that set folds apart.
    history_ : dict of str to list of float
        The logs of each epoch, means over the members: `"loss"`, of the standardized targets, and with
        samples set apart `"val_loss"`.
    loss_curve_, validation_loss_curve_ : list of float
        `history_["loss"]` and `history_["val_loss"]`; the latter None if all samples were learned from.
    validation_scores_ : list of float or None
        R^2 (one minus the loss, of standardized targets) of each epoch on the samples set apart.
    best_validation_score_ : float or None
        The largest of them.
    loss_ : float
        Training loss of the epoch whose weights were kept.
    best_loss_ : float
        The least training loss of an epoch.
    n_iter_ : int
        Number of epochs run.
    t_ : int
        Number of samples seen in training.
    n_outputs_ : int
        Number of outputs of the network.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, when X was a DataFrame with text as column names.
    target_names_ : ndarray of shape (n_outputs_,)
        The names of the targets, when y was a DataFrame.

    See Also
    --------
    NNClassifier : The same for classes as targets.
    MLPRegressor : With the arguments and attributes of scikit-learn's.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from nnlite import NNRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = NNRegressor(random_state=0).fit(X, y)
    >>> targets, spread = model.predict(X[:3], return_std=True)
    >>> model.score(X, y) > 0.45, spread.shape
    (True, (3,))
    """

    _targets: NumberTargets

    def fit(self, X: Any, y: Any, sample_weight: Any = None, X_val: Any = None, y_val: Any = None) -> "NNRegressor":
        """Train new networks; with `warm_start`, continue with the present ones.

        Parameters
        ----------
        X : table, array-like or sparse matrix of shape (n_samples, n_features)
            A DataFrame of pandas or Polars, or anything else that is a table: columns of numbers, booleans, text,
            categories and dates, with gaps.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets; `predict` returns the same number of dimensions.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample, >= 0; a weight of 2 is the same as a sample that occurs twice.
        X_val, y_val : as X and y, default=None
            Samples that evaluate the epochs in place of a part of X; the weights are not trained on them.

        Returns
        -------
        self : NNRegressor
        """
        return self._fit(X, y, sample_weight, X_val, y_val)

    @available_if(BaseNetwork._learns_by_batches)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "NNRegressor":
        """One pass over some samples, at a constant learning rate; the first call determines how columns are read.

        Mean and scale of the targets are those of the first call.

        Parameters
        ----------
        X, y
            As in `fit`.
        sample_weight : array-like of shape (n_samples,), default=None
            As in `fit`.

        Returns
        -------
        self : NNRegressor
        """
        return self._partial_fit(X, y, sample_weight)

    def _read_targets(
        self, n_rows: int, y: Any, known: Targets | None, classes: np.ndarray | None = None
    ) -> tuple[np.ndarray, Targets]:
        y, targets = read_numbers(n_rows, y, self)
        if known is not None and known.n_outputs != targets.n_outputs:
            raise DataError(f"y has {targets.n_outputs} columns, the network was made for {known.n_outputs}")
        return y, known or targets

    def _final_layers(self, judged: Judged | None) -> tuple[list[Layer], list[Layer]]:
        """The range of the targets seen, then their own units."""
        targets = self._targets
        low, high = targets.encode(np.stack([targets.low, targets.high]))
        clip: list[Layer] = []
        if judged is not None:
            clip.append(Clip(low.tolist(), high.tolist(), dtype=self._precision))
        scale = {"mean": targets.mean, "variance": targets.scale**2, "dtype": targets.dtype}
        return clip, [Normalization(**scale, invert=True, name="restore_targets")]

    def _settle(self, network: Any, outcome: Any, rows: Any) -> None:
        super()._settle(network, outcome, rows)
        self._intervals = intervals_of(outcome.judged, self._targets)
        self._out_of_fold = out_of_fold_of(outcome.judged, self._targets)
        asked = self.n_members_ == 1 and not self._trained_by.online
        self._last_layer = last_layer_of(network, self._lesson(rows, None), outcome.judged) if asked else None

    def _spread(self, matrix: Any) -> np.ndarray:
        last: LastLayer | None = vars(self).get("_last_layer")
        if last is None:
            return super()._spread(matrix)
        return last.spread(self.model_, matrix, self._core.stop - 1) * self._targets.scale

    @overload
    def predict(
        self, X: Any, return_jacobian: Literal[False] = False, return_std: Literal[False] = False
    ) -> np.ndarray: ...
    @overload
    def predict(
        self, X: Any, return_jacobian: Literal[True], return_std: Literal[False] = False
    ) -> tuple[np.ndarray, np.ndarray]: ...
    @overload
    def predict(
        self, X: Any, return_jacobian: Literal[False] = False, *, return_std: Literal[True]
    ) -> tuple[np.ndarray, np.ndarray]: ...
    @overload
    def predict(self, X: Any, return_jacobian: bool = False, return_std: bool = False) -> Any: ...
    def predict(self, X: Any, return_jacobian: bool = False, return_std: bool = False) -> Any:
        """The expected targets, averaged over the members.

        Parameters
        ----------
        X : table, array-like or sparse matrix of shape (n_samples, n_features)
        return_jacobian : bool, default=False
            Whether to return the derivatives of the targets with respect to X as well, in units of y per unit of X.
        return_std : bool, default=False
            Whether to return standard deviations as well: of several members how far they disagree, of a single network
            what the rows of the fit leave open about its last layer, by the delta method: `s sqrt(h' (H'H + l I)^-1 h)`
            with what enters that layer, the deviation s of the errors and the most probable penalty l of the weights.
            A new target has s beside that.

        Returns
        -------
        targets : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        jacobian : ndarray of shape (n_samples, n_features) or (n_samples, n_outputs, n_features)
            With `return_jacobian`; NaN for features that are not numbers.
        std : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            With `return_std`.
        """
        outputs = self._outputs(X, return_jacobian, return_std)
        if return_jacobian or return_std:
            return tuple(self._targets.shaped(array) for array in outputs)
        return self._targets.shaped(outputs)

    def _output_names(self) -> tuple[str, list[Any] | None]:
        if self._targets.is_column:
            return "output", None
        return "output", self._targets.names or [f"y{index}" for index in range(self._targets.n_outputs)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
