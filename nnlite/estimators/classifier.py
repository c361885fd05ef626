"""NNClassifier, a neural network classifier."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from nnlite.errors import ConfigError
from nnlite.estimators.base import BaseNetwork, Layers
from nnlite.estimators.class_predictions import ClassPredictions
from nnlite.estimators.fitting.failures import check_known, labels_of
from nnlite.estimators.fitting.targets import LabelTargets, Targets, read_classes
from nnlite.estimators.fitting.training import Judged
from nnlite.estimators.fitting.weights import class_weighted
from nnlite.estimators.specs.calibration import calibration_layers
from nnlite.layers import Layer
from nnlite.ops import ActivationFunction
from nnlite.optimizers import Optimizer
from nnlite.registry.fields import Spec
from nnlite.schedules import LearningRateSchedule

__all__ = ["NNClassifier"]


class NNClassifier(ClassifierMixin, ClassPredictions, BaseNetwork):
    """Neural networks for two or more classes, with defaults that need no tuning: five, averaged, up to 10,000 rows.

    Pass it the raw table: numbers, text, categories, dates, missing values. The defaults follow RealMLP (Holzmüller et
    al. 2024, arXiv:2407.04491); `docs/tables.md` describes them. Two classes are two outputs. Arrays are computed in
    their own precision, tables of columns in `nnlite.config.floatx()`. A sample weight of 2 is a row that occurs twice.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(128, 128, 128)
        Units of each hidden `Dense` layer; `()` makes a model that is linear in the scaled columns.
    layers : list of layers, str, callable or None, default=None
        A list takes the place of `hidden_layer_sizes`, `activation` and `dropout`: instances, names or
        `{name: {arguments}}`. A callable `(n_features, n_outputs) -> list` makes the whole stack and must end in
        a softmax over `n_outputs` classes.
        A string is a list in YAML, such as `"- Dense: {units: 64}"`, or the path of a file that ends in .yaml.
        Layers are copied by their configuration, so every fit starts from new weights.
    activation : "auto", str, dict or ActivationFunction, default="auto"
        Activation function of the hidden layers; `"auto"` is SELU; scikit-learn's names are understood too.
    dropout : "auto", float in [0, 1), dict or LearningRateSchedule, default="auto"
        Fraction of the outputs of each hidden layer that is dropped while training; `"auto"` is
        `FlatCosine(0.15)`.
    loss : "auto", str, dict, Loss or callable, default="auto"
        What is minimized; `"auto"` is the cross-entropy. A callable `(y_true, y_pred) -> losses` is made of functions
        of `nnlite.ops`.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes by label, 1 for one that is not named; `"balanced"` gives all the same sum of weights.
        For several labels a list of dicts, one for each.
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
        Share of the kernels taken away per unit of learning rate; `"auto"` is `FlatCosine(0.02)` for the default
        optimizer, else that of the optimizer.
    alpha : float, default=0.0
        Strength of the L2 penalty on kernels, `alpha / 2 * sum(kernel**2) / batch_size`, as in scikit-learn's MLP.
    epochs : "auto" or int, default="auto"
        Passes over the data; `"auto"` is 128 up to 2,000 rows, else 64.
    batch_size : "auto" or int, default="auto"
        Samples per training step; `"auto"` is the largest power of two up to a sixteenth of the rows, in 32 to 256.
        An optimizer of all rows, such as `LBFGS`, refuses fewer.
    shuffle : bool, default=True
        Whether the rows come in a new order in each epoch.
    standardize : bool, default=True
        Bring columns of numbers to a common scale by median and quartiles (`RobustScaling`). False leaves X to you,
        which a stack that begins with an `Embedding` needs.
    early_stopping : bool, default=True
        Judge each epoch by samples that are not learned from, and go back to the best one. Each of several members sets
        a fold of its own apart, so that all samples are learned from; a single network sets `validation_fraction`
        apart, and with the default optimizer, learning rate and layers gets the mean of its three best epochs. False
        learns from all samples until the last epoch, and leaves out the calibration.
    validation_fraction : float in (0, 1), default=0.2
        The part that a single network sets apart, with the mix of classes kept.
    tol : float, default=1e-4
        What an epoch must gain to count as better, with `n_iter_no_change`.
    n_iter_no_change : int or None, default=None
        Epochs without improvement, of the judging samples or else of the loss, after which training stops; with a
        ConvergenceWarning where `epochs` come to an end first. None trains for all epochs, which the schedule of the
        learning rate is made for.
    n_members : "auto" or int, default="auto"
        Number of networks, trained side by side and averaged; `"auto"` is 5 from 20 to 10,000 rows, else 1, and 1 with
        `layers`.
    calibration : "auto", "temperature", "isotonic" or None, default="auto"
        By the samples that some network did not learn from: one temperature for all logits (`TemperatureScaling`, also
        "auto", but for several labels), or a rising function of each probability (`IsotonicCalibration`).
    monotonic_cst : array-like of int of shape (n_features,), dict or None, default=None
        Columns of numbers or booleans that the probability of the second of two classes rises with (1), falls with
        (-1), or is free to follow (0), all others held: a number for each column, or a dict of some by name. It holds
        for all inputs, by construction: of `MonotonicDense` layers with tanh. Not with `layers`.
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
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    model_ : Sequential
        The fitted network, from the table to class probabilities; `model_.save(path)` writes it, `model_.encoder` reads
        raw tables.
    n_members_ : int
        Number of networks in it.
    oof_prediction_ : ndarray
        With several members, the class probabilities of each sample by the member that did not learn from it, as if it
        were new; NaN for samples of weight 0. Only after a `fit` that set folds apart.
    history_ : dict of str to list of float
        The logs of each epoch, means over the members: `"loss"`, `"accuracy"`, and with samples set apart
        `"val_loss"`, `"val_accuracy"`.
    loss_curve_, validation_loss_curve_ : list of float
        `history_["loss"]` and `history_["val_loss"]`; the latter None if all samples were learned from.
    validation_scores_ : list of float or None
        Accuracy of each epoch on the samples set apart.
    best_validation_score_ : float or None
        The largest of them.
    loss_ : float
        Training loss of the epoch whose weights were kept, the best one.
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
    target_names_ : ndarray of shape (n_labels,)
        The names of the labels, when y was a DataFrame.

    See Also
    --------
    NNRegressor : The same for numbers; MLPClassifier : with the arguments and attributes of scikit-learn's.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nnlite import NNClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = NNClassifier(random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.95, (model.oof_prediction_.argmax(axis=1) == y).mean() > 0.9
    (True, np.True_)
    """

    classes_: np.ndarray

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] | np.ndarray = (128, 128, 128),
        *,
        layers: Layers | str | Callable[[int, int], Layers] | None = None,
        activation: Spec[ActivationFunction] = "auto",
        dropout: float | Spec[LearningRateSchedule] = "auto",
        loss: Any = "auto",
        class_weight: Any = None,
        optimizer: Spec[Optimizer] = "auto",
        learning_rate: float | Spec[LearningRateSchedule] = "auto",
        weight_decay: float | Spec[LearningRateSchedule] = "auto",
        alpha: float = 0.0,
        epochs: int | str = "auto",
        batch_size: int | str = "auto",
        shuffle: bool = True,
        standardize: bool = True,
        early_stopping: bool = True,
        validation_fraction: float = 0.2,
        tol: float = 1e-4,
        n_iter_no_change: int | None = None,
        n_members: int | str = "auto",
        monotonic_cst: Any = None,
        calibration: str | None = "auto",
        callbacks: Any = None,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            layers=layers,
            activation=activation,
            dropout=dropout,
            loss=loss,
            optimizer=optimizer,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            alpha=alpha,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            standardize=standardize,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            n_members=n_members,
            monotonic_cst=monotonic_cst,
            callbacks=callbacks,
            warm_start=warm_start,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight, self.calibration = class_weight, calibration

    def fit(self, X: Any, y: Any, sample_weight: Any = None, X_val: Any = None, y_val: Any = None) -> "NNClassifier":
        """Train new networks; with `warm_start`, continue with the present ones.

        Parameters
        ----------
        X : table, array-like or sparse matrix of shape (n_samples, n_features)
            A DataFrame of pandas or Polars, or anything else that is a table: columns of numbers, booleans, text,
            categories and dates, with gaps.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Labels: numbers or text. Several columns of 0 and 1 are labels that do not exclude one another.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample, >= 0; a weight of 2 is the same as a sample that occurs twice.
        X_val, y_val : as X and y, default=None
            Samples that evaluate the epochs in place of a part of X; the weights are not trained on them.

        Returns
        -------
        self : NNClassifier
        """
        return self._fit(X, y, sample_weight, X_val, y_val)

    @available_if(BaseNetwork._learns_by_batches)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> "NNClassifier":
        """One pass over some samples, at a constant learning rate; the first call determines how columns are read.

        Nothing is set apart, so that probabilities are not calibrated.

        Parameters
        ----------
        X, y
            As in `fit`.
        classes : array-like of shape (n_classes,), default=None
            All labels that there will be; needed in the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            As in `fit`.

        Returns
        -------
        self : NNClassifier
        """
        known = self._targets.classes if self.__sklearn_is_fitted__() else None
        if known is None and classes is None:
            raise ConfigError("classes must be passed on the first call to partial_fit.")
        coming = None if classes is None else labels_of(classes)
        if known is not None and coming is not None and not np.array_equal(known, coming):
            raise ConfigError(f"classes={classes!r} is not the same as on last call to partial_fit, was: {known!r}")
        return self._partial_fit(X, y, sample_weight, coming)

    def _read_targets(
        self, n_rows: int, y: Any, known: Targets | None, classes: np.ndarray | None = None
    ) -> tuple[np.ndarray, Targets]:
        y, targets = read_classes(n_rows, y, self, classes)
        if known is not None:
            check_known(targets, known)
            targets = known
        self.classes_ = targets.classes
        return y, targets

    def _row_weights(self, sample_weight: Any, y: np.ndarray) -> np.ndarray | None:
        weights = super()._row_weights(sample_weight, y)
        return class_weighted(weights, self.class_weight, y, self.classes_)

    def _final_layers(self, judged: Judged | None) -> tuple[list[Layer], list[Layer]]:
        """Layers that calibrate the probabilities, fitted on rows that some network did not learn from."""
        automatic = not isinstance(self._targets, LabelTargets) and self._loss().target_kind == "sparse"
        recipe = self._trained_by
        method = None if recipe.online else self.calibration  # partial_fit sets no rows apart
        return calibration_layers(method, judged, self._targets, automatic, self._precision, recipe.problem.n_rows)

    def _output_names(self) -> tuple[str, list[Any] | None]:
        if isinstance(self._targets, LabelTargets) and self._targets.names is not None:
            return "label", self._targets.names
        return "class", self.classes_.tolist()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
