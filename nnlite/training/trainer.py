"""compile, fit, evaluate and predict."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from nnlite.callbacks import Callback, History
from nnlite.data.batches import is_batches
from nnlite.errors import ConfigError, NotReadyError
from nnlite.losses import Loss
from nnlite.metrics import Metric
from nnlite.optimizers import Optimizer
from nnlite.registry.field_types import BelowOne, Count, Index, read_call
from nnlite.registry.fields import Spec
from nnlite.training.compiled_metrics import CompiledMetrics
from nnlite.training.epoch import Logs, Verbose, as_returned, callback_list, run_on_batch, run_test, run_training
from nnlite.training.inputs import (
    BatchSize,
    batch_arrays,
    batch_length,
    built_inputs,
    evaluation_batches,
    prediction_batches,
    prepared_targets,
)
from nnlite.training.members import Folds, out_of_fold, training_plan, training_step
from nnlite.training.predict import joined, run_prediction
from nnlite.training.resources import suited
from nnlite.training.train_step import Steps
from nnlite.training.trainable import Trainable

PREDICTION_BATCH = 256
AnyMetric = Literal["accuracy", "acc"] | Spec[Metric]


class Trainer:
    """How a model is trained: its optimizer, loss and metrics, and the loops of `fit`, `evaluate` and `predict`.

    `model.trainer` is one, and the model's methods of the same names are doors to it.

    Args:
        model: what is trained.

    Attributes:
        optimizer, loss, history: those of the last `compile`, and what the last `fit` returned; None before.
        to_units: turns targets and predictions into the unit that metrics are shown in; None for that of the loss.
        stop_training: a callback sets it to end the training after the batch.
        folds: `(training rows, validation rows)` of each member in the last `fit`; None unless it had `folds`.
        member_logs: what the last validation found of each member, name -> `(members,)`; None unless there are any.
    """

    def __init__(self, model: Trainable):
        self.model = model
        self.optimizer: Optimizer | None = None
        self.loss: Any = None  # a `Loss`, or the `OutputLosses` of a model of several outputs
        self.history: History | None = None
        self.stop_training = False
        self.folds: list[tuple[np.ndarray, np.ndarray]] | None = None
        self.member_logs: dict[str, np.ndarray] | None = None
        self._metrics = CompiledMetrics()
        self._steps: Steps | None = None
        self.to_units: Callable[[np.ndarray], np.ndarray] | None = None

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
        chosen: Optimizer = arguments["optimizer"]
        measure: Loss | None = arguments["loss"]
        if measure is not None and measure.reduction in ("none", None):
            raise ConfigError('training needs a single number: choose another reduction than "none"', ("loss",))
        in_use = CompiledMetrics.of_arguments(arguments["metrics"], arguments["weighted_metrics"])
        taken = chosen.slots and chosen is not self.optimizer
        self.optimizer = type(chosen).from_config(chosen.get_config()) if taken else chosen
        self.loss, self._metrics, self._steps = measure, in_use, None

    @property
    def metrics(self) -> list[Metric]:
        """The metrics in use; known once the model is built and compiled."""
        return self._metrics.in_use

    def config(self) -> dict[str, Any]:
        """The arguments of `compile` as plain values."""
        assert self.optimizer is not None  # the model is compiled
        loss = self.loss and self.loss.to_spec()
        return {"optimizer": self.optimizer.to_spec(), "loss": loss, **self._metrics.config()}

    def optimizer_state(self) -> dict[str, Any]:
        """A copy of what the optimizer remembers; without slots if layers were frozen or freed since `compile`."""
        assert self.optimizer is not None  # the model is compiled
        state, trainable = self.optimizer.get_state(), self.model.trainable_weights
        if self._steps and self._steps.store.size != sum(weight.size for weight in trainable):
            state["slots"] = []
        return state

    def forget_model(self) -> None:
        """The model's layers have changed: steps are made, and metrics settled, anew when they are needed."""
        self._metrics.forget()
        self._steps = None

    def as_targets(self, y: Any) -> Any:
        """`y` as an array; of a model of several outputs as a tuple of one array per output."""
        return np.asarray(y)

    def read_batch(self, x: Any, y: Any, sample_weight: Any = None, class_weight: dict | None = None) -> tuple:
        """What users pass as `(x, y, sample_weight)` for the steps; the first builds the model, settles the metrics."""
        inputs, targets = batch_arrays(self.model, x, y, self.as_targets)
        return self.with_targets(self.model.output_shape, inputs, targets, sample_weight, class_weight)

    def with_targets(
        self, output_shape: Any, inputs: Any, targets: Any, sample_weight: Any, class_weight: Any
    ) -> tuple:
        """`(x, y, sample_weight)` for the steps; targets belong to outputs of this shape, that of a member or all."""
        self._metrics.settle(self.loss, output_shape, targets)
        return inputs, *prepared_targets(self, output_shape, inputs, targets, sample_weight, class_weight)

    def update_metrics(self, y: Any, outputs: Any, sample_weight: np.ndarray | None) -> None:
        """Show the last batch's targets and raw outputs to the metrics."""
        metrics, steps = self._metrics, self._steps
        if metrics.settled and steps is not None:
            spared = metrics.take_logits and steps.ends_in_softmax
            predictions = outputs if spared else steps.predictions(outputs)
            if self.to_units is not None:
                y, predictions = self.to_units(y), self.to_units(predictions)
            metrics.update(steps.mask, y, predictions, sample_weight)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: BatchSize = None,
        epochs: Count = 1,
        verbose: Verbose = "auto",
        callbacks: Sequence[Spec[Callback]] | None = None,
        validation_split: BelowOne = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict | Literal["balanced"] | None = None,
        sample_weight: Any = None,
        initial_epoch: Index = 0,
        steps_per_epoch: Count | None = None,
        validation_steps: Count | None = None,
        validation_batch_size: Count | None = None,
        validation_freq: Count = 1,
        stratify: bool = False,
        folds: Folds = None,
    ) -> History:
        """Train for `epochs` passes over the data.

        Args:
            x: array or DataFrame of examples, or an iterable of `(x, y[, sample_weight])` batches.
            y: targets, one row per example.
            batch_size: examples per step; 32 when None. "auto" takes the largest power of two up to a sixteenth of
                the training examples, within 32 to 256.
            epochs, initial_epoch: the epoch to stop at, and that to start at, to go on with an earlier run.
            verbose: 0 is silent, 1 (and "auto") a progress bar, 2 one line per epoch.
            callbacks: `Callback`s, names or specs.
            validation_split: fraction of the examples set apart for validation. They are drawn at random by the
                model's seed, where Keras takes the last rows: files are often sorted.
            validation_data: `(x, y[, sample_weight])` or an iterable of batches, in place of `validation_split`.
            shuffle: a new order of the examples in each epoch.
            class_weight: weight of each class number in the loss; "balanced": rows / (classes * rows of the class).
            sample_weight: weight of each example in the loss.
            steps_per_epoch: batches per epoch; needed by a generator without end. Arrays start anew each epoch.
            validation_steps, validation_batch_size: the same as `steps_per_epoch`, `batch_size`, for validation.
            validation_freq, stratify: epochs from one validation to the next; whether a split keeps the mix of classes.
            folds: trains the members of a model, `(batch, members, *features) -> (batch, members, ...)`, on data of
                shape `(rows, *features)`, each as if alone and in its own order. A number, that of the members,
                divides the rows into so many folds, with the same mix of classes where the loss is one of classes:
                each member is trained on all but its own, and judged on that. A list has `(training rows, validation
                rows)` of each member. "all" trains each on all rows, and goes with `validation_split` or
                `validation_data`. Logs are means over the members.

        Returns:
            The `History`: `history.history["loss"]` and so on, one value per epoch.

        Raises:
            NotReadyError: before `compile`.
            DataError, ShapeError: data that does not fit the model or the loss, or is not finite.
        """
        self.need_loss("fit")
        callbacks = [callbacks] if isinstance(callbacks, Callback) else callbacks
        options = read_call(Trainer.fit, locals())
        batches, validate = training_plan(self, (x, y, sample_weight), options)
        params = {"steps": batches.steps, "epochs": epochs, "validation_freq": validation_freq, "seed": self.model.seed}
        listeners = callback_list(self.model, [*(options["callbacks"] or ()), History()], verbose, **params)
        size, count = batch_length(batches, options["batch_size"]), (epochs - initial_epoch) * (batches.steps or 0)
        with suited(self.model, size, count), training_step(self, batches) as step:
            run_training(self, batches, step, validate, listeners, range(initial_epoch, epochs), validation_freq)
        self.history = next(callback for callback in listeners.callbacks if isinstance(callback, History))
        return self.history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: Count | None = None,
        verbose: Verbose = "auto",
        sample_weight: Any = None,
        steps: Count | None = None,
        callbacks: Sequence[Spec[Callback]] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics over data that is not trained on; arguments as in `fit`.

        Returns:
            The loss, or `[loss, *metrics]`, or with `return_dict` a dict of them.
        """
        self.need_loss("evaluate")
        read_call(Trainer.evaluate, locals())
        batches = evaluation_batches(self, x if is_batches(x, y) else (x, y, sample_weight), batch_size, steps)
        step = self.ready_steps().test
        listeners = callback_list(self.model, callbacks, verbose, steps=batches.steps)
        with suited(self.model, batch_size):
            return as_returned(run_test(self, batches, step, listeners), return_dict)

    def predict(
        self,
        x: Any,
        batch_size: Count | None = None,
        verbose: Verbose = "auto",
        steps: Count | None = None,
        callbacks: Sequence[Spec[Callback]] | None = None,
        return_jacobian: bool = False,
    ) -> np.ndarray | Any:
        """The outputs for `x`, an array, a DataFrame or an iterable of batches; nothing is cached.

        Args:
            x: examples; targets in batches are ignored. `verbose`, `steps` and `callbacks` are as in `fit`.
            batch_size: rows computed at once; 256 when None. It does not change the result.
            return_jacobian: returns `(outputs, jacobian)`, the latter by rows, with respect to each row's inputs.

        Shape: `(rows, ...) -> (rows, *output_shape[1:])`; the Jacobian `(rows, *output_shape[1:], *input_shape[1:])`.
        """
        read_call(Trainer.predict, locals())
        batches = prediction_batches(self.model, x, batch_size or PREDICTION_BATCH, steps)
        listeners = callback_list(self.model, callbacks, verbose, steps=batches.steps)
        with suited(self.model, batch_size or PREDICTION_BATCH):
            outputs, jacobians = run_prediction(self.model, batches, listeners, return_jacobian)
        return (joined(outputs), np.concatenate(jacobians)) if return_jacobian else joined(outputs)

    def out_of_fold(self, x: Any) -> np.ndarray:
        """The outputs for the rows that `fit(folds=...)` was given, each from the member that was judged on it.

        Where several were, it is their mean; `DataError` where none was. Shape: `(rows, *features) -> (rows, ...)`.
        """
        return out_of_fold(self, x)

    def predict_on_batch(self, x: Any) -> np.ndarray | Any:
        """The outputs for one batch, without callbacks and progress."""
        return self.model(built_inputs(self.model, x))

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict | None = None,
        return_dict: bool = False,
    ) -> Logs:
        """One training step; returns loss and metrics of this batch, as `evaluate` does."""
        return run_on_batch(self, "train", (x, y, sample_weight, class_weight), return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Logs:
        """Loss and metrics of one batch, without training."""
        return run_on_batch(self, "test", (x, y, sample_weight), return_dict)

    def need_loss(self, method: str) -> None:
        """`NotReadyError` unless `compile` was given a loss, which `method` needs."""
        if self.loss is None:
            raise NotReadyError(f"call compile(optimizer=..., loss=...) before {method}")

    def ready_steps(self) -> Steps:
        """The steps for the model as it is now; made anew when it changed."""
        if self._steps is None or not self._steps.current:
            self.model._check_ready()
            self._steps = Steps(self)
        return self._steps

    def __repr__(self) -> str:
        return f"Trainer(of {self.model.label}, optimizer={self.optimizer!r}, loss={self.loss!r})"
