"""compile, fit, evaluate and predict."""

import copy
from collections.abc import Sequence
from typing import Literal

import numpy as np

from nnlite.callbacks import Callback, CallbackList, History, ProgressBar
from nnlite.data.batches import ArrayBatches, count_rows, is_batches
from nnlite.errors import ConfigError, NotReadyError
from nnlite.losses import Loss
from nnlite.losses.masks import counted_rows
from nnlite.metrics import Mean, Metric, resolve_accuracy
from nnlite.optimizers import Optimizer
from nnlite.registry.field_types import BelowOne, Count, Index, read_call
from nnlite.registry.fields import Spec
from nnlite.training.epoch import run_epoch
from nnlite.training.inputs import checked_inputs, evaluation_batches, prediction_batches, prepared, training_batches
from nnlite.training.predict import joined, run_prediction
from nnlite.training.resources import suited
from nnlite.training.train_step import Steps

PREDICTION_BATCH = 256
AnyMetric = Literal["accuracy", "acc"] | Spec[Metric]
Verbose = Literal["auto", 0, 1, 2] | bool


class Trainer:
    """What a model needs to be trained; mixed into a `Layer` that has `layers`, `seed` and `chain`."""

    optimizer = None
    loss = None
    history = None
    stop_training = False
    _metric_specs = ()
    _metrics = None
    _steps = None

    def compile(
        self,
        optimizer: Spec[Optimizer] = "rmsprop",
        loss: Spec[Loss] | None = None,
        metrics: Sequence[AnyMetric] | None = None,
        weighted_metrics: Sequence[AnyMetric] | None = None,
    ) -> None:
        """Choose how to train; takes effect at once, also after `layer.trainable` has changed.

        Training starts anew: the optimizer forgets, shuffling and dropout begin at step 0. An optimizer that has
        trained another model is copied, without its memory.

        Args:
            optimizer: an `Optimizer`, its name or `{name: {arguments}}`.
            loss: a `Loss`, its name or `{name: {arguments}}`; needed by `fit` and `evaluate`.
            metrics: `Metric`s or names; `"accuracy"` becomes the accuracy that fits loss and shapes.
            weighted_metrics: metrics that heed `sample_weight` and `class_weight`.

        Raises:
            ConfigError: unknown name or argument.
        """
        arguments = read_call(Trainer.compile, locals())
        optimizer, loss = arguments["optimizer"], arguments["loss"]
        specs = [
            (spec, key == "weighted_metrics")
            for key in ("metrics", "weighted_metrics")
            for spec in arguments[key] or ()
        ]
        if loss is not None and loss.reduction in ("none", None):
            raise ConfigError('training needs a single number: choose another reduction than "none"', ("loss",))
        if any(isinstance(spec, Mean) for spec, _ in specs):
            raise ConfigError("Mean averages given values; it does not compare predictions with targets", ("metrics",))
        taken = optimizer.slots and optimizer is not self.optimizer
        self.optimizer = type(optimizer).from_config(optimizer.get_config()) if taken else optimizer
        self.loss, self._metric_specs, self._metrics, self._steps = loss, specs, None, None

    @property
    def compiled(self) -> bool:
        """Whether `compile` has been called."""
        return self.optimizer is not None

    @property
    def metrics(self) -> list[Metric]:
        """The metrics in use; known once the model is built and compiled."""
        return [metric for metric, _ in self._metrics or []]

    def resolve_metrics(self, target_shape: tuple) -> None:
        """Settle, at the first data, which metric the word accuracy means, and make all names unique."""
        if self._metrics is None:
            self._metrics, names = [], {}
            for spec, weighted in self._metric_specs:
                named = isinstance(spec, str)
                metric = resolve_accuracy(self.loss, self.output_shape, target_shape) if named else copy.copy(spec)
                metric.name = spec if named else metric.name
                names[metric.name] = names.get(metric.name, -1) + 1
                if names[metric.name]:
                    metric.name = f"{metric.name}_{names[metric.name]}"
                self._metrics.append((metric, weighted))

    def update_metrics(self, y, outputs, sample_weight) -> None:
        """Show one batch's targets and raw outputs to the metrics."""
        if self._metrics:
            y, predictions, weights = counted_rows(self._steps.mask, y, self._steps.predictions(outputs), sample_weight)
            for metric, weighted in self._metrics:
                metric.update_state(y, predictions, weights if weighted else None)

    def compile_config(self) -> dict:
        """The arguments of `compile` as plain values."""
        specs = {False: [], True: []}
        for metric, weighted in self._metric_specs:
            specs[weighted].append(metric if isinstance(metric, str) else metric.to_spec())
        return {
            "optimizer": self.optimizer.to_spec(),
            "loss": self.loss and self.loss.to_spec(),
            "metrics": specs[False],
            "weighted_metrics": specs[True],
        }

    def fit(
        self,
        x=None,
        y=None,
        batch_size: Count | None = None,
        epochs: Count = 1,
        verbose: Verbose = "auto",
        callbacks: Sequence[Spec[Callback]] | None = None,
        validation_split: BelowOne = 0.0,
        validation_data=None,
        shuffle: bool = True,
        class_weight: dict | None = None,
        sample_weight=None,
        initial_epoch: Index = 0,
        steps_per_epoch: Count | None = None,
        validation_steps: Count | None = None,
        validation_batch_size: Count | None = None,
        validation_freq: Count = 1,
        stratify: bool = False,
    ) -> History:
        """Train for `epochs` passes over the data.

        Args:
            x: array or DataFrame of examples, or an iterable of `(x, y[, sample_weight])` batches.
            y: targets, one row per example.
            batch_size: examples per step; 32 when None.
            epochs: the epoch to stop at.
            verbose: 0 is silent, 1 (and "auto") a progress bar, 2 one line per epoch.
            callbacks: `Callback`s, names or specs.
            validation_split: fraction of the examples set apart for validation. They are drawn at random by the
                model's seed, where Keras takes the last rows: files are often sorted.
            validation_data: `(x, y[, sample_weight])` or an iterable of batches, in place of `validation_split`.
            shuffle: a new order of the examples in each epoch.
            class_weight: weight of each class number in the loss.
            sample_weight: weight of each example in the loss.
            initial_epoch: the epoch to start at, to go on with an earlier run.
            steps_per_epoch: batches per epoch; needed by a generator without end. Arrays start anew each epoch.
            validation_steps, validation_batch_size: the same as `steps_per_epoch`, `batch_size`, for validation.
            validation_freq: validate after every so many epochs.
            stratify: whether `validation_split` keeps the mix of classes.

        Returns:
            The `History`: `history.history["loss"]` and so on, one value per epoch.

        Raises:
            NotReadyError: before `compile`.
            DataError, ShapeError: data that does not fit the model or the loss, or is not finite.
        """
        self._need_loss("fit")
        callbacks = [callbacks] if isinstance(callbacks, Callback) else callbacks
        options = read_call(Trainer.fit, locals())
        batches, held = training_batches(self, (x, y, sample_weight), options)
        validation = validation_data if held is None else held
        if validation is not None:
            size = validation_batch_size or batch_size
            validation = evaluation_batches(self, validation, size, validation_steps)
        params = {"steps": batches.steps, "epochs": epochs, "seed": self.seed, "validation_freq": validation_freq}
        listeners = self._callbacks([*(options["callbacks"] or ()), History()], verbose, **params)
        with suited(self, batch_size, (epochs - initial_epoch) * (batches.steps or 0)):
            self._train(batches, validation, listeners, range(initial_epoch, epochs), validation_freq)
        self.history = next(callback for callback in listeners.callbacks if isinstance(callback, History))
        return self.history

    def _train(self, batches, validation, callbacks, epochs, validation_freq) -> None:
        steps = self._ready_steps()
        self.stop_training = False
        logs = {}
        callbacks.on_train_begin()
        try:
            for epoch in epochs:
                callbacks.on_epoch_begin(epoch)
                logs, done = run_epoch(self, batches, steps.train, callbacks, "train")
                callbacks.params["steps"] = callbacks.params["steps"] or done
                if validation and (epoch + 1) % validation_freq == 0:
                    logs |= {f"val_{key}": value for key, value in self._test(validation, callbacks).items()}
                callbacks.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
        finally:
            callbacks.on_train_end(logs)

    def _test(self, batches, callbacks) -> dict[str, float]:
        callbacks.on_test_begin()
        logs, _ = run_epoch(self, batches, self._steps.test, callbacks, "test")
        callbacks.on_test_end(logs)
        return logs

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size: Count | None = None,
        verbose: Verbose = "auto",
        sample_weight=None,
        steps: Count | None = None,
        callbacks: Sequence[Spec[Callback]] | None = None,
        return_dict: bool = False,
    ):
        """Loss and metrics over data that is not trained on; arguments as in `fit`.

        Returns:
            The loss, or `[loss, *metrics]`, or with `return_dict` a dict of them.
        """
        self._need_loss("evaluate")
        read_call(Trainer.evaluate, locals())
        batches = evaluation_batches(self, x if is_batches(x, y) else (x, y, sample_weight), batch_size, steps)
        self._ready_steps()
        listeners = self._callbacks(callbacks, verbose, steps=batches.steps)
        with suited(self, batch_size):
            return _returned(self._test(batches, listeners), return_dict)

    def predict(
        self,
        x,
        batch_size: Count | None = None,
        verbose: Verbose = "auto",
        steps: Count | None = None,
        callbacks: Sequence[Spec[Callback]] | None = None,
        return_jacobian: bool = False,
    ):
        """The outputs for `x`, an array, a DataFrame or an iterable of batches; nothing is cached.

        Args:
            x: examples; targets in batches are ignored.
            batch_size: rows computed at once; 256 when None. It does not change the result.
            verbose, steps, callbacks: as in `fit`.
            return_jacobian: returns `(outputs, jacobian)`: for each row all derivatives of its outputs by its inputs.

        Shape: `(rows, ...) -> (rows, *output_shape[1:])`; the Jacobian `(rows, *output_shape[1:], *input_shape[1:])`.
        """
        read_call(Trainer.predict, locals())
        batches = prediction_batches(self, x, batch_size or PREDICTION_BATCH, steps)
        listeners = self._callbacks(callbacks, verbose, steps=batches.steps)
        with suited(self, batch_size or PREDICTION_BATCH):
            outputs, jacobians = run_prediction(self, batches, listeners, return_jacobian)
        return (joined(outputs), np.concatenate(jacobians)) if return_jacobian else joined(outputs)

    def predict_on_batch(self, x) -> np.ndarray:
        """The outputs for one batch, without callbacks and progress."""
        return self(checked_inputs(self, x))

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict: bool = False):
        """One training step; returns loss and metrics of this batch, as `evaluate` does."""
        return self._on_batch("train", (x, y, sample_weight, class_weight), return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict: bool = False):
        """Loss and metrics of one batch, without training."""
        return self._on_batch("test", (x, y, sample_weight), return_dict)

    def _on_batch(self, kind, data, return_dict):
        self._need_loss(f"{kind}_on_batch")
        arrays = prepared(self, *data)
        batches = ArrayBatches(arrays, count_rows(arrays[0]))
        logs, _ = run_epoch(self, batches, getattr(self._ready_steps(), kind), CallbackList(), kind)
        return _returned(logs, return_dict)

    def train_step(self, x, y, sample_weight=None) -> float:
        """The bare training step on arrays that already have the model's dtype; returns the loss, checks nothing."""
        return self._ready_steps().train(x, y, sample_weight)[0]

    def _need_loss(self, method) -> None:
        if self.loss is None:
            raise NotReadyError(f"call compile(optimizer=..., loss=...) before {method}")

    def _ready_steps(self) -> Steps:
        """The steps for the model as it is now; made anew when it changed."""
        if self._steps is None or not self._steps.current:
            self.check_ready()
            self._steps = Steps(self)
        return self._steps

    def _callbacks(self, callbacks, verbose, **params) -> CallbackList:
        verbose = 1 if verbose in ("auto", True) else int(verbose)
        return CallbackList([*(callbacks or ()), *[ProgressBar()][:verbose]], self, verbose=verbose, **params)


def _returned(logs, return_dict):
    values = list(logs.values())
    return logs if return_dict else values if len(values) > 1 else values[0]
