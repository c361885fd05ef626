"""compile, fit, evaluate and predict."""

from collections.abc import Sequence

import numpy as np

from nnlite.callbacks import CallbackList, History, ProgressBar
from nnlite.data.batches import (
    ArrayBatches,
    IterableBatches,
    check_finite,
    check_lengths,
    class_weights,
    hold_out,
    is_batches,
)
from nnlite.errors import ConfigError, DataError, NotReadyError
from nnlite.losses import Loss
from nnlite.metrics import Mean, Metric, resolve_accuracy
from nnlite.optimizers import Optimizer
from nnlite.reading import BelowOne, Count, Index, read
from nnlite.training.steps import Steps

PREDICTION_BATCH = 256


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
        optimizer: Optimizer = "rmsprop",
        loss: Loss | None = None,
        metrics: list | None = None,
        weighted_metrics: list | None = None,
    ) -> None:
        """Choose how to train; takes effect at once, also after `layer.trainable` has changed.

        Args:
            optimizer: an `Optimizer`, its name or `{name: {arguments}}`.
            loss: a `Loss`, its name or `{name: {arguments}}`; needed by `fit` and `evaluate`.
            metrics: `Metric`s or names; `"accuracy"` becomes the accuracy that fits loss and shapes.
            weighted_metrics: metrics that heed `sample_weight` and `class_weight`.

        Raises:
            ConfigError: unknown name or argument.
        """
        self.optimizer = _named("optimizer", Optimizer.get, optimizer)
        self.loss = None if loss is None else _named("loss", Loss.get, loss)
        self._metric_specs = [
            (_named("metrics", _metric, spec), weighted)
            for specs, weighted in ((metrics, False), (weighted_metrics, True))
            for spec in (specs if isinstance(specs, (list, tuple)) else [specs] if specs else [])
        ]
        self._metrics = None
        self._steps = None

    @property
    def compiled(self) -> bool:
        """Whether `compile` has been called."""
        return self.optimizer is not None

    @property
    def metrics(self) -> list[Metric]:
        """The metrics in use; known once the model is built and compiled."""
        return [metric for metric, _ in self._metrics or []]

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
        verbose: bool | int | str = "auto",
        callbacks: list | None = None,
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
            steps_per_epoch: batches per epoch, for a generator without end.
            validation_steps: the same for validation.
            validation_batch_size: examples per validation batch; `batch_size` when None.
            validation_freq: validate after every so many epochs.
            stratify: whether `validation_split` keeps the mix of classes.

        Returns:
            The `History`: `history.history["loss"]` and so on, one value per epoch.

        Raises:
            NotReadyError: before `compile`.
            DataError, ShapeError: data that does not fit the model or the loss, or is not finite.
        """
        self._need_loss("fit")
        _check_arguments(Trainer.fit, locals())
        if validation_split and (validation_data is not None or is_batches(x, y)):
            raise ConfigError("validation_split needs arrays, and no validation_data beside it")
        batch_size = batch_size or 32
        validation = validation_data
        if is_batches(x, y):
            batches = IterableBatches(x, self._prepared, steps_per_epoch)
        else:
            arrays = self._prepared(x, y, sample_weight, class_weight)
            if validation_split:
                labels = arrays[1].argmax(-1) if self.loss.target_kind == "categorical" else arrays[1]
                parts = hold_out(labels, len(arrays[0]), validation_split, self.seed, stratify)
                arrays, validation = (_take(arrays, rows) for rows in parts)
            batches = ArrayBatches(arrays, batch_size, self.seed if shuffle else None)
        if validation is not None:
            validation = self._validation(validation, validation_batch_size or batch_size, validation_steps)
        steps = steps_per_epoch or batches.steps
        listeners = self._callbacks(callbacks, verbose, [History()], steps=steps, epochs=epochs)
        self._train(batches, validation, listeners, range(initial_epoch, epochs), validation_freq)
        self.history = next(callback for callback in reversed(listeners.callbacks) if isinstance(callback, History))
        return self.history

    def _train(self, batches, validation, callbacks, epochs, validation_freq) -> None:
        steps = self._ready_steps()
        self.stop_training = False
        logs = {}
        callbacks.on_train_begin()
        try:
            for epoch in epochs:
                callbacks.on_epoch_begin(epoch)
                logs = self._run_epoch(batches, steps.train, callbacks, "train")
                callbacks.params["steps"] = callbacks.params["steps"] or self._steps_done
                if validation and (epoch + 1) % validation_freq == 0:
                    logs |= {f"val_{key}": value for key, value in self._test(validation, callbacks).items()}
                callbacks.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
        finally:
            callbacks.on_train_end(logs)

    def _run_epoch(self, batches, step, callbacks, phase) -> dict[str, float]:
        """Run `step` over all batches; returns the loss and the metrics over them."""
        begin, end = f"on_{phase}_batch_begin", f"on_{phase}_batch_end"
        on_begin = getattr(callbacks, begin) if callbacks.wants(begin) else None
        on_end = getattr(callbacks, end) if callbacks.wants(end) else None
        loss = Mean()
        for metric, _ in self._metrics:
            metric.reset_state()
        self._steps_done = 0
        for batch, (x, y, sample_weight) in enumerate(batches.epoch(self.optimizer.iterations)):
            if on_begin:
                on_begin(batch)
            value, outputs = step(x, y, sample_weight)
            loss.update_state(value, len(x))
            self._update_metrics(y, outputs, sample_weight)
            self._steps_done = batch + 1
            if on_end:
                on_end(batch, self._logs(loss))
                if self.stop_training:
                    break
        return self._logs(loss)

    def _update_metrics(self, y, outputs, sample_weight) -> None:
        if self._metrics:
            predictions = self._steps.predictions(outputs)
            for metric, weighted in self._metrics:
                metric.update_state(y, predictions, sample_weight if weighted else None)

    def _logs(self, loss) -> dict[str, float]:
        return {"loss": loss.result()} | {metric.name: metric.result() for metric, _ in self._metrics}

    def _test(self, batches, callbacks) -> dict[str, float]:
        callbacks.on_test_begin()
        logs = self._run_epoch(batches, self._steps.test, callbacks, "test")
        callbacks.on_test_end(logs)
        return logs

    def evaluate(
        self,
        x=None,
        y=None,
        batch_size: Count | None = None,
        verbose: bool | int | str = "auto",
        sample_weight=None,
        steps: Count | None = None,
        callbacks: list | None = None,
        return_dict: bool = False,
    ):
        """Loss and metrics over data that is not trained on; arguments as in `fit`.

        Returns:
            The loss, or `[loss, *metrics]`, or with `return_dict` a dict of them.
        """
        self._need_loss("evaluate")
        batches = self._validation(x if is_batches(x, y) else (x, y, sample_weight), batch_size or 32, steps)
        self._ready_steps()
        listeners = self._callbacks(callbacks, verbose, [], steps=steps or batches.steps)
        logs = self._test(batches, listeners)
        return _returned(logs, return_dict)

    def predict(
        self, x, batch_size: Count | None = None, verbose: bool | int | str = "auto", steps=None, callbacks=None
    ) -> np.ndarray:
        """The outputs for `x`, an array, a DataFrame or an iterable of batches; nothing is cached.

        Args:
            x: examples; targets in batches are ignored.
            batch_size: rows computed at once; 256 when None. It does not change the result.
            verbose, steps, callbacks: as in `fit`.

        Shape: `(rows, ...) -> (rows, *output_shape[1:])`.
        """
        if is_batches(x, None):
            batches = IterableBatches(x, lambda x, y, weight: (self._checked_inputs(x), None, None), steps)
        else:
            batches = ArrayBatches((self._checked_inputs(x), None, None), batch_size or PREDICTION_BATCH)
        listeners = self._callbacks(callbacks, verbose, [], steps=steps or batches.steps)
        listeners.on_predict_begin()
        outputs = []
        for batch, (inputs, _, _) in enumerate(batches.epoch()):
            listeners.on_predict_batch_begin(batch)
            outputs.append(self(inputs))
            listeners.on_predict_batch_end(batch)
        listeners.on_predict_end()
        return np.concatenate(outputs)

    def predict_on_batch(self, x) -> np.ndarray:
        """The outputs for one batch, without callbacks and progress."""
        return self(self._checked_inputs(x))

    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict: bool = False):
        """One training step; returns loss and metrics of this batch, as `evaluate` does."""
        return self._on_batch("train", (x, y, sample_weight, class_weight), return_dict)

    def test_on_batch(self, x, y=None, sample_weight=None, return_dict: bool = False):
        """Loss and metrics of one batch, without training."""
        return self._on_batch("test", (x, y, sample_weight), return_dict)

    def _on_batch(self, kind, data, return_dict):
        self._need_loss(f"{kind}_on_batch")
        batches = ArrayBatches(self._prepared(*data), len(data[0]))
        return _returned(
            self._run_epoch(batches, getattr(self._ready_steps(), kind), CallbackList(), kind), return_dict
        )

    def train_step(self, x, y, sample_weight=None) -> float:
        """The bare training step on arrays that already have the model's dtype; returns the loss, checks nothing."""
        return (self._steps or self._ready_steps()).train(x, y, sample_weight)[0]

    def _need_loss(self, method) -> None:
        if self.loss is None:
            raise NotReadyError(f"call compile(optimizer=..., loss=...) before {method}")

    def _ready_steps(self) -> Steps:
        """The steps for the model as it is now; made anew when it changed."""
        self.check_ready()
        if self._steps is None or not self._steps.current:
            self._steps = Steps(self)
        return self._steps

    def _callbacks(self, callbacks, verbose, own, **params) -> CallbackList:
        given = callbacks.callbacks if isinstance(callbacks, CallbackList) else callbacks
        several = isinstance(given, Sequence) and not isinstance(given, str)
        verbose = 1 if verbose in ("auto", True) else verbose
        if verbose not in (0, 1, 2):
            raise ConfigError(f"verbose must be 'auto', 0, 1 or 2, got {verbose!r}")
        listed = list(given) if several else [given] if given is not None else []
        return CallbackList([*listed, *own, *([ProgressBar()] if verbose else [])], self, verbose=verbose, **params)

    def _validation(self, data, batch_size, steps):
        if isinstance(data, (tuple, list)) and 2 <= len(data) <= 3 and not is_batches(data, None):
            return ArrayBatches(self._prepared(*data), batch_size)
        if not is_batches(data, None):
            raise DataError("validation_data must be (x, y), (x, y, sample_weight) or an iterable of batches")
        return IterableBatches(data, self._prepared, steps)

    def _checked_inputs(self, x) -> np.ndarray:
        inputs = self.as_input(x)
        check_finite(inputs)
        return inputs

    def _prepared(self, x, y, sample_weight=None, class_weight=None) -> tuple:
        """x, y and weights as the steps take them; built, checked and converted once."""
        if y is None:
            raise DataError("targets are missing: pass y, or batches of (x, y)")
        inputs = self._checked_inputs(x)
        targets = np.asarray(y)
        check_lengths(inputs, targets, sample_weight)
        if self._metrics is None:
            self._metrics = _resolved(self._metric_specs, self.loss, self.output_shape, targets.shape)
        targets = self.loss.prepare_targets(targets, self.output_shape, self.layers[-1].dtype)
        weights = None if sample_weight is None else np.asarray(sample_weight, dtype=self.layers[-1].dtype)
        if weights is not None and (weights.shape != (len(inputs),) or not np.isfinite(weights).all()):
            raise DataError(f"sample_weight must be {len(inputs)} finite numbers, got shape {weights.shape}")
        if class_weight:
            labels = targets.argmax(-1) if self.loss.target_kind == "categorical" else targets.reshape(len(targets), -1)
            by_class = class_weights(labels.reshape(len(targets), -1)[:, 0], class_weight).astype(inputs.dtype)
            weights = by_class if weights is None else weights * by_class
        return inputs, targets, weights


def _check_arguments(function, given) -> None:
    """Read the arguments of `function` by their annotated types."""
    for name, hint in function.__annotations__.items():
        if name not in ("return", "verbose"):
            try:
                read(given[name], hint)
            except ConfigError as error:
                raise error.within(function.__name__, name) from None


def _named(argument, get, spec):
    try:
        return get(spec)
    except ConfigError as error:
        raise error.within(argument) from None


def _metric(spec):
    """A metric, or the word accuracy, which is settled when the shapes are known."""
    return spec if spec in ("accuracy", "acc") else Metric.get(spec)


def _resolved(specs, loss, output_shape, target_shape) -> list[tuple[Metric, bool]]:
    """Metrics with names that are unique, and whether each is weighted."""
    found, names = [], {}
    for spec, weighted in specs:
        metric = resolve_accuracy(loss, output_shape, target_shape) if isinstance(spec, str) else spec
        names[metric.name] = names.get(metric.name, -1) + 1
        if names[metric.name]:
            metric.name = f"{metric.name}_{names[metric.name]}"
        found.append((metric, weighted))
    return found


def _take(arrays, rows):
    return tuple(None if array is None else array[rows] for array in arrays)


def _returned(logs, return_dict):
    values = list(logs.values())
    return logs if return_dict else values if len(values) > 1 else values[0]
