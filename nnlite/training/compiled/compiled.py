"""The optimizer, loss and metrics that a trainer is compiled with."""

from collections.abc import Sequence
from typing import Any, Literal, cast

import numpy as np

from nnlite.errors import ConfigError, NotReadyError, TrainingWarning
from nnlite.errors.caller import warn_user
from nnlite.layers.base.contract.structure import kept
from nnlite.losses import Loss
from nnlite.losses.forms import scaled
from nnlite.metrics import Mean, Metric
from nnlite.metrics.state.together import CompileMetrics
from nnlite.optimizers import Optimizer
from nnlite.registry.bounds import Count
from nnlite.registry.field_types import jsonable, read, read_call
from nnlite.registry.fields import Spec
from nnlite.training.compiled.last_layer import LastLayerCheck
from nnlite.training.compiled.metrics import CompiledMetrics, GivenShapes, metrics_inside, of_single
from nnlite.training.compiled.signatures import Signatures
from nnlite.training.train_step import Steps, adds_to_loss, trained_weights
from nnlite.training.trainable import Trainable
from nnlite.training.written.batches import written_batch
from nnlite.training.written.steps import WrittenSteps

__all__ = ["AnyMetric", "Compiled", "read_weight"]

AnyMetric = Literal["accuracy", "acc"] | Spec[Metric]


def with_scaled_loss(model: Trainable, optimizer: Optimizer) -> Optimizer:
    """`optimizer`, wrapped in a `LossScaleOptimizer` for a model with the policy `"mixed_float16"`."""
    if model.dtype_policy.name != "mixed_float16":
        return optimizer
    from nnlite.optimizers import LossScaleOptimizer  # here, as few models need it

    return optimizer if isinstance(optimizer, LossScaleOptimizer) else LossScaleOptimizer(optimizer)


def read_factor(loss_weights: Any) -> float:
    """The argument `loss_weights` of a model with one output; `ConfigError` for anything but one number."""
    if isinstance(loss_weights, (list, tuple)) and len(loss_weights) == 1:
        (loss_weights,) = loss_weights
    return read_weight(loss_weights)


def read_weight(weight: Any) -> float:
    """The weight of the loss of one output; `ConfigError` unless it is a number."""
    try:
        return read(weight, float)
    except ConfigError as error:
        raise error.within("loss_weights") from None


class Compiled:
    """A model with the optimizer, the loss and the metrics of `compile`: the base of `Trainer`.

    Args:
        model: what is trained.

    Attributes:
        optimizer, loss: those of the last `compile`; None before.
        loss_mean: the mean of the losses since the epoch began.
        given_shapes: those of the last data, as users gave them.
        run_eagerly, jit_compile, steps_per_execution: as `compile` was told.
        last_layer: the check of the model's last layer against the loss.
    """

    def __init__(self, model: Trainable):
        self.model = model
        self.optimizer: Optimizer | None = None
        self._loss_weights: Any = None
        self.given: dict[str, Any] = {}  # the arguments of `compile` but the optimizer
        self._loss: Any = None
        self.loss_mean = Mean(name="loss")
        self.given_shapes = GivenShapes()
        self.run_eagerly: bool | None = False
        self.jit_compile, self.steps_per_execution = False, 1
        self.train_function = self.test_function = self.predict_function = None  # in Keras, what runs a batch
        self.last_layer = LastLayerCheck()
        self._metrics, self._of_layers = CompiledMetrics(), []
        self._steps: Any = None  # `Steps`, or `WrittenSteps`
        self._signatures: Signatures | None = None  # of the batches that came one by one

    def compile(
        self,
        optimizer: Spec[Optimizer] = "rmsprop",
        loss: Spec[Loss] | None = None,
        metrics: Sequence[AnyMetric] | None = None,
        weighted_metrics: Sequence[AnyMetric] | None = None,
        loss_weights: Any = None,
        run_eagerly: bool | None = False,
        steps_per_execution: Count = 1,
        jit_compile: bool | Literal["auto"] | None = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Configure training; takes effect immediately, also after `layer.trainable` has changed.

        Training restarts: the optimizer forgets, shuffling and dropout begin at step 0. An optimizer that has
        trained another model is copied, without its memory.

        Args:
            optimizer: an `Optimizer`, its name or `{name: {arguments}}`.
            loss: a `Loss`, its name or `{name: {arguments}}`; needed by `fit` and `evaluate`.
            metrics: `Metric`s or names; `"accuracy"` becomes the accuracy that fits loss and shapes.
            weighted_metrics: metrics that use `sample_weight` and `class_weight`.
            loss_weights: factor of the loss, a number or a list of one.
            run_eagerly, jit_compile: Keras's; accepted without effect: steps run as written.
            steps_per_execution: how many batches there are from one call of the callbacks' hooks of batches to the
                next.
            auto_scale_loss: whether the optimizer of a model of the policy `"mixed_float16"` is put into a
                `LossScaleOptimizer`.

        Raises:
            ConfigError: unknown name or argument, or a last layer and a loss that can only be wrong together.
        """
        originals = {name: value for name, value in locals().items() if name not in ("self", "optimizer")}
        of_output = of_single(self.model._output_name, loss, loss_weights, metrics, weighted_metrics)
        loss, loss_weights, metrics, weighted_metrics = of_output
        arguments = read_call(Compiled.compile, locals())
        chosen: Optimizer = arguments["optimizer"]
        measure: Loss | None = arguments["loss"]
        if measure is not None and measure.reduction in ("none", None):
            raise ConfigError('training needs a single number: choose another reduction than "none"', ("loss",))
        self._loss_weights = loss_weights
        if measure is not None and loss_weights is not None:
            measure = scaled(measure, read_factor(loss_weights))
        in_use = CompiledMetrics.of_arguments(arguments["metrics"], arguments["weighted_metrics"])
        chosen = with_scaled_loss(self.model, chosen) if auto_scale_loss else chosen
        taken = chosen.slots and chosen is not self.optimizer
        self.optimizer = type(chosen).from_config(chosen.get_config()) if taken else chosen
        self._take(measure, in_use)
        self.given = originals | ({"loss": self.loss} if isinstance(loss, dict) else {})
        self.run_eagerly, self.steps_per_execution = run_eagerly, steps_per_execution
        self.jit_compile = jit_compile is True and not run_eagerly

    def _take(self, loss: Any, metrics: CompiledMetrics) -> None:
        """Use a loss and metrics from now on, compared with the last layer as soon as there is one."""
        self.last_layer.renew(self.model, loss)
        self.loss, self._metrics, self._steps = loss, metrics, None
        self.train_function = self.test_function = self.predict_function = None
        self.loss_mean = Mean(name="loss")

    @property
    def loss(self) -> Any:
        """A `Loss`, or the `OutputLosses` of a model of several outputs; assigned, it is what `compile` was given."""
        return self._loss

    @loss.setter
    def loss(self, loss: Any) -> None:
        self._loss, self.given = loss, {**self.given, "loss": loss}

    @property
    def metrics(self) -> list[Metric]:
        """The metrics in use, known once the model is built and compiled, and those that layers keep."""
        return [*self._metrics.in_use, *self._of_layers]

    @property
    def names_of_outputs(self) -> list[str]:
        """The names of the metrics of single outputs; empty for a single output."""
        return self._metrics.names_of_outputs

    @property
    def listed_metrics(self) -> list[Any]:
        """The metrics that Keras lists first: the mean loss, those of `compile` as one, those of outputs."""
        if self.optimizer is None:
            return []
        metrics = self._metrics
        together = CompileMetrics(lambda: metrics.of_users, lambda *batch: self.written_steps().update_metrics(*batch))
        return [self.loss_mean, *([together] if metrics.named else []), *metrics.of_losses]

    def config(self) -> dict[str, Any]:
        """The arguments of `compile` as plain values."""
        assert self.optimizer is not None  # the model is compiled
        loss = self.loss and self.loss.to_spec()
        weights = {} if self._loss_weights is None else {"loss_weights": self._loss_weights}
        return {"optimizer": self.optimizer.to_spec(), "loss": loss, **weights, **self._metrics.config()}

    def config_as_given(self) -> dict[str, Any]:
        """As `config`, with the losses and metrics that `compile` was given by name, or as None, left as they were."""
        names = [name for name in ("loss", "metrics", "weighted_metrics") if _are_words(self.given[name])]
        config = self.config() | {name: jsonable(self.given[name]) for name in names}
        return config if self.steps_per_execution == 1 else config | {"steps_per_execution": self.steps_per_execution}

    def optimizer_state(self) -> dict[str, Any]:
        """A copy of the optimizer's state; without slots if layers were frozen or unfrozen since `compile`."""
        assert self.optimizer is not None  # the model is compiled
        state, trained = self.optimizer.get_state(), trained_weights(self.model)
        if isinstance(self._steps, Steps) and self._steps.store.size != sum(weight.size for weight in trained):
            state["slots"] = []
        return state

    def forget_model(self) -> None:
        """The model's layers have changed: steps and metrics are rebuilt on demand."""
        self._metrics.forget()
        self.last_layer.forget()
        self._steps = None

    def read_batch(self, x: Any, y: Any, sample_weight: Any = None, class_weight: dict | None = None) -> tuple:
        """User data `(x, y, sample_weight)` in the form that the steps take; see `Trainer`."""
        raise NotImplementedError

    def need_loss(self, method: str) -> None:
        """`NotReadyError` unless `compile` was given a loss, which `method` needs."""
        if self.loss is None:
            raise NotReadyError(f"call compile(optimizer=..., loss=...) before {method}")

    def settle(self, output_shape: Any, targets: Any, sample_weight: Any = None) -> None:
        """With the first data, compare the last layer with the loss, and choose the metric for "accuracy"."""
        self.last_layer.compare(self.model, self.loss)
        self._metrics.settle(self.loss, output_shape, targets)
        shapes = [array.shape[1:] for array in (targets if isinstance(targets, tuple) else (targets,))]
        self.given_shapes = GivenShapes(shapes, isinstance(sample_weight, np.ndarray) and sample_weight.ndim == 2)

    def step_batch(self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: dict | None = None) -> tuple:
        """As `read_batch`; if the model has its own steps, targets are passed through and may be missing."""
        read = written_batch if self.writes_steps else type(self).read_batch
        return read(cast(Any, self), x, y, sample_weight, class_weight)

    def one_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict | None = None,
        method: str = "train_on_batch",
    ) -> tuple:
        """As `step_batch`, for single batches from users: arrays like earlier ones are not checked in full."""
        known, steps = self._signatures, self._steps
        plain = sample_weight is None and class_weight is None and y is not None
        if plain and known is not None and known.steps is steps and steps.current and (taken := known.take(x, y)):
            return taken
        self.need_steps(method)
        arrays = self.step_batch(x, y, sample_weight, class_weight)
        if plain and isinstance(steps := self.ready_steps(), Steps):
            if known is None or known.steps is not steps:
                known = self._signatures = Signatures(cast(Any, self), steps)
            known.learn(x, y, *arrays[:2])
        return arrays

    def ready_steps(self) -> Any:
        """The steps for the model in its current state; rebuilt when it has changed."""
        if self._steps is None or not self._steps.current:
            self.model._check_ready()
            attributes = [] if self.model._writes_steps else kept(self.model, Metric)
            self._of_layers = [*attributes, *metrics_inside(self.model)]
            self._steps = WrittenSteps(cast(Any, self)) if self.writes_steps else self.new_steps()
        return self._steps

    def new_steps(self) -> Steps:
        """The steps of the compiled loss for the current model."""
        return Steps(cast(Any, self))

    def written_steps(self) -> WrittenSteps:
        """Steps that call the methods of the model, even if it does not override any."""
        steps = self._steps
        if not isinstance(steps, WrittenSteps) or not steps.current:
            steps = WrittenSteps(cast(Any, self))
            if self.writes_steps:
                self._steps = steps
        return steps

    def bare_steps(self) -> Steps:
        """The steps of the compiled loss, whatever the model overrides: for derivatives."""
        steps = self.ready_steps()
        return steps if isinstance(steps, Steps) else self.new_steps()

    def need_steps(self, method: str) -> None:
        """`NotReadyError` unless `compile` has set everything that `method` needs.

        That is a loss, if the model has neither a step of its own nor layers or weights that add to the loss.
        """
        if self.optimizer is None and self.model._writes_steps:
            raise NotReadyError(f"call compile(optimizer=...) before {method}")
        writes = self.writes_steps  # first: with a loss the layers need not be asked at each batch
        if not (writes and (self.model._writes_steps or not self.model.built or adds_to_loss(self.model))):
            self.need_loss(method)
        if method == "fit" and isinstance(self._steps, Steps) and self._steps.current:
            self._compare_trained(self._steps)

    def _compare_trained(self, steps: Steps) -> None:
        """Issue a warning where layers have been frozen or unfrozen since `compile`, which decided what is trained."""
        trained = {id(weight) for pack in steps.store.packs for weight in pack.parameters}
        if trained != set(map(id, trained_weights(self.model))):
            warn_user(
                f"{self.model.label}: trainable of layers has changed since compile(), which decides what is trained; "
                "call compile() again to let it take effect",
                TrainingWarning,
            )

    @property
    def writes_steps(self) -> bool:
        """Whether steps call methods of the model: overridden ones, or if layers alone provide the loss."""
        return self.model._writes_steps or (self.loss is None and self.optimizer is not None)


def _are_words(value: Any) -> bool:
    """Whether an argument of `compile` consists of names alone."""
    return value is None or isinstance(value, str) or (isinstance(value, (list, tuple)) and all(map(_are_words, value)))
