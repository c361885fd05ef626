"""Base of models: layers by name, weights, a summary, files, and access to its trainer and its derivatives."""

import functools
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnlite.arrays.tables import of_rank, only_array, with_columns
from nnlite.arrays.weights import EagerTensor
from nnlite.callbacks import History
from nnlite.data.batches import take_rows
from nnlite.derivatives import Derivatives
from nnlite.errors import ConfigError, did_you_mean
from nnlite.inference.predictor import Predictor
from nnlite.inference.quick import quick_outputs
from nnlite.layers import Layer, Program
from nnlite.layers.base.contract.assigned import pairs_inside
from nnlite.layers.base.variables.holders import layers_beside, succeed
from nnlite.layers.composite.chain import Chain
from nnlite.models import steps
from nnlite.models.copying import state_trees, surface
from nnlite.models.copying.calibrated import calibrated
from nnlite.models.copying.metrics import listed_metrics
from nnlite.models.doors import Evaluate, GivenLoss, ModelType, OfTrainer, Predict, SecondOrderDoors, door, stop_flag
from nnlite.models.drawn.ends import WithBatch, free_shapes, note_batch
from nnlite.models.fast import fast_predictor
from nnlite.models.files import model_state, pickled_state, unpickled
from nnlite.models.interpretation import Interpretation, Kept, read_encoder, read_target
from nnlite.models.storing import export, load_torch, load_weights, save, save_weights
from nnlite.models.summary import print_summary, summary_output, summary_table
from nnlite.ops.tape import active_tape
from nnlite.optimizers import Optimizer
from nnlite.parameters import Parameter, each_once
from nnlite.registry import outlives
from nnlite.registry.pickling import stamped, unstamped
from nnlite.training import Trainer
from nnlite.training.profile import Profile, profile_step
from nnlite.training.rates import find_learning_rate


class BaseModel(SecondOrderDoors, Layer, abstract=True, metaclass=ModelType):
    """A layer made of `layers` that can be trained, saved and loaded.

    It has a `trainer` and `derivatives`; both are asked by way of the model, whose methods are doors to theirs.
    A subclass has `layers`, `seed`, and a `chain`, the program that runs its layers, and says by `_until_loss` what of
    it training runs: it is a `nnlite.training.Trainable`.
    """

    _nested = _draws_seed = False  # a seed that no user gave
    _builds_itself = _names_outputs = True
    _kind_of_data = "numbers"  # of a class that writes `call`: whether it was built for numbers or for strings

    if TYPE_CHECKING:  # a subclass has these; `layers` and `seed` are fields of `Sequential`
        layers, seed, _with_state = cast("list[Layer]", None), cast(int, None), cast("list[Layer]", None)

        def _until_loss(self, loss: Any) -> tuple[Program, Any, Any]: ...

    @functools.cached_property
    def trainer(self) -> Trainer:
        """The trainer of the model: optimizer, loss, metrics and the training loops."""
        return Trainer(cast(Any, self))

    @functools.cached_property
    def derivatives(self) -> Derivatives:
        """The derivatives of the model, and of its loss."""
        return Derivatives(cast(Any, self), self.trainer)

    @functools.cached_property
    def _interpretation(self) -> Interpretation:
        """Meaning of inputs and outputs; it is saved with the model."""
        return Interpretation()

    input_shape, output_shape, _free_shapes = WithBatch(0), WithBatch(1), property(free_shapes)
    encoder, target = Kept(read_encoder), Kept(read_target)

    compile = door("trainer", Trainer.compile)
    fit = door("trainer", Trainer.fit)
    evaluate = cast(Evaluate, door("trainer", Trainer.evaluate))
    predict = cast(Predict, door("trainer", Trainer.predict))
    train_on_batch = door("trainer", Trainer.train_on_batch)
    test_on_batch = door("trainer", Trainer.test_on_batch)
    predict_on_batch = door("trainer", Trainer.predict_on_batch)

    jacobian = door("derivatives", Derivatives.jacobian)
    vjp = door("derivatives", Derivatives.vjp)
    per_example_gradients = door("derivatives", Derivatives.per_example_gradients)
    gradient = door("derivatives", Derivatives.gradient)
    hvp = door("derivatives", Derivatives.hvp)
    ggn_vp = door("derivatives", Derivatives.ggn_vp)
    explain = door("derivatives", Derivatives.explain)
    integrated_gradients = door("derivatives", Derivatives.integrated_gradients)

    def _encoded(self, inputs: Any) -> Any:
        """Raw tables as the encoder makes them, a Series as a column, an array in a list of one; others as they are."""
        encoder = self._interpretation.encoder
        if encoder is not None and encoder.accepts(inputs):
            return encoder.encode(inputs)
        inputs = with_columns(inputs)
        read = self.built and not self.takes_several and not self._writes_call
        return of_rank(only_array(inputs, self.input_shape), self.input_shape) if read else inputs

    def _as_input(self, inputs: Any) -> Any:
        return super()._as_input(self._encoded(inputs))

    def _as_returned(self, output: Any) -> Any:
        returned = super()._as_returned(output)
        return list(returned) if self._lists_outputs and isinstance(returned, tuple) else returned

    @property
    def _output_name(self) -> str | None:
        """The name of the output for arguments of `compile`: that of the layer that gives it, if it has one."""
        return self.layers[-1]._given_name if self.layers else None

    def _outputs_alone(self, x: Any) -> np.ndarray | None:
        """The outputs for a few rows, by a quicker way than `linearize`; None if there is none."""
        as_written = isinstance(self.chain, Chain) and type(self).linearize is BaseModel.linearize
        return quick_outputs(self, x) if as_written and self._interpretation.encoder is None else None

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        if len(inputs) == 1 and not options and not self._penalizes and active_tape() is None:
            outputs = self._outputs_alone(inputs[0])
            if outputs is not None:
                return outputs.view(EagerTensor)
        built, result = self.built, super().__call__(*inputs, **options)
        if not built:
            note_batch(self)
        return result

    __call__.__doc__ = Layer.__call__.__doc__

    def jvp(self, x: Any, tangent: Any = None, dparameters: Any = None) -> np.ndarray:
        """Forward mode: the change of the outputs at `x` for given changes of its arguments; see `Derivatives.jvp`."""
        return self.derivatives.jvp(x, tangent, dparameters)

    train_step, test_step, predict_step = steps.train_step, steps.test_step, steps.predict_step
    compute_loss, compute_metrics, calibrated = steps.compute_loss, steps.compute_metrics, calibrated
    get_metrics_result, zero_grad = steps.get_metrics_result, steps.zero_grad
    make_train_function, make_test_function = steps.make_train_function, steps.make_test_function
    make_predict_function, predict_function = steps.make_predict_function, steps.predict_function
    train_function, test_function = steps.train_function, steps.test_function
    get_state_tree, set_state_tree = state_trees.get_state_tree, state_trees.set_state_tree
    to_json, metrics_names, reset_metrics = surface.to_json, surface.metrics_names, steps.reset_metrics
    get_compile_config, compile_from_config = surface.get_compile_config, surface.compile_from_config

    _writes_evaluation = property(lambda self: type(self).evaluate is not BaseModel.evaluate)
    _writes_steps, _writes_prediction = steps.Writes(steps.STEPS), steps.Writes(("predict_step",))
    _reads_targets = steps.Writes(("train_step", "compute_loss"))
    _reads_batches = steps.Writes(("train_step", "test_step", "predict_step"))

    @property
    def compiled(self) -> bool:
        """Whether `compile` has been called."""
        return self.trainer.optimizer is not None

    @property
    def metrics(self) -> list[Any]:
        """The mean loss, the metrics of `compile` as one, and metrics that are attributes of the model."""
        return listed_metrics(self)

    optimizer = OfTrainer[Optimizer | Any]("optimizer", "The optimizer of `compile`; None before.")
    loss = GivenLoss("loss", "The loss as `compile` was given it, such as 'mse'; None before.")

    run_eagerly = OfTrainer[bool]("run_eagerly", "What `compile` was told; it changes nothing.")
    jit_compile = OfTrainer[bool]("jit_compile", "What `compile` was told; it changes nothing.")
    steps_per_execution = OfTrainer[int]("steps_per_execution", "Batches between calls of callbacks.")
    history = OfTrainer[History | Any]("history", "What the last `fit` returned; None before.")
    stop_training, stop_evaluating, stop_predicting = map(stop_flag, ("training", "evaluating", "predicting"))

    @property
    def label(self) -> str:
        return "the model" if self._given_name is None else f"model {self.name!r}"

    def _check_linearize(self) -> None:
        """Nothing to do: each layer was checked when it was built."""

    @outlives("call")  # a model runs its layers
    def linearize(
        self, inputs: Any, *parameters: np.ndarray, training: bool = False, random: Any = None, mask: Any = None
    ) -> tuple[Any, Any]:
        """The output and the Jacobians with respect to inputs and every parameter, in the order of `parameters`."""
        return self.chain.linearize(inputs, *parameters, training=training, random=random, mask=mask)

    def _state_pairs(self, state: tuple) -> Any:
        return pairs_inside(self._with_state, state) if state else ()

    def _layers_inside(self) -> list[Layer]:
        return self.layers

    def _listed(self) -> list[Layer]:
        """The rows of the summary: `layers` and, in a graph, the functions that it applies."""
        return self.layers

    @property
    def operations(self) -> list[Layer]:
        """The `layers` and the functions of `ops` that a graph applies, in order."""
        return self._listed()

    def _check_ready(self) -> None:
        for layer in self._layers_inside():
            layer._check_ready()

    @property
    def adapted(self) -> bool:
        return all(layer.adapted for layer in self._layers_inside())

    @property
    def trainable_weights(self) -> list[Parameter]:
        return [weight for weight in self.weights if weight.trainable] if self.trainable else []

    @property
    def weights(self) -> list[Parameter]:
        return each_once(layer.weights for layer in [*self._layers_inside(), *layers_beside(self)])

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs for `jacobian`."""
        return ["inputs"]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer with that name or index; give one of the two."""
        if (name is None) == (index is None):
            raise ConfigError(f"get_layer needs either a name or an index, got name={name!r}, index={index!r}")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ConfigError(f"there is no layer {index}; the model has {len(self.layers)}")
            return self.layers[index]
        by_name = {str(layer.name): layer for layer in reversed(self.layers)}  # the first of several
        if name not in by_name:
            raise ConfigError(f"there is no layer named {name!r}; {did_you_mean(name, by_name)}")
        return by_name[name]

    def compile_predict(self, batch_size: int | None = None) -> Predictor:
        """A function that predicts faster than the model, especially for few rows: `predictor(x)` returns the outputs.

        It holds the weights of this moment, with normalizations multiplied into them and dropout left out; its results
        agree with `predict` to rounding. Stateful layers begin each call with the states of this moment.

        Args:
            batch_size: rows to be ready for; any number of rows can be given later.

        >>> import numpy as np
        >>> from nnlite import Input, Sequential
        >>> from nnlite.layers import BatchNormalization, Dense, Dropout
        >>> model = Sequential([Input((3,)), BatchNormalization(), Dense(4, "relu"), Dropout(0.5), Dense(1)], seed=0)
        >>> model.compile_predict()
        Predictor(Product(3, 4), Product(4, 1))
        """
        self._need_built()
        self._check_ready()
        return fast_predictor(self, batch_size)

    def reset_states(self) -> None:
        """Reset the states of stateful layers to zeros."""
        from nnlite.layers.recurrent.wrappers import reset_states  # here, as most models have no recurrent layers

        reset_states(self)

    def profile(self, x: Any, y: Any, sample_weight: Any = None, batch_size: int = 32, steps: int = 50) -> Profile:
        """Profile a training step: forward, backward and update, layer by layer, compared with the minimum time.

        A copy of the model is trained; the model itself stays as it is.

        Args:
            x, y, sample_weight: data as for `fit`; the first `batch_size` rows are the batch.
            batch_size: examples in the step.
            steps: how many are measured.

        Returns:
            A table to print, with `rows`, `total` and `floor` in microseconds.
        """
        self.trainer.need_loss("profile")
        arrays = self.trainer.read_batch(x, y, sample_weight)
        self.trainer.ready_steps()
        return profile_step(self, *(take_rows(array, slice(0, batch_size)) for array in arrays), steps=steps)

    find_learning_rate, summary, _repr_html_ = find_learning_rate, print_summary, summary_output

    def __repr__(self) -> str:
        return summary_table(self)

    def count_params(self) -> int:
        """Number of scalars in all parameters; `NotReadyError` before `build`."""
        self._need_built()
        return super().count_params()

    _need_built, __setattr__ = surface.need_built, surface.refuse_layers
    save, save_weights, load_weights, load_torch, export = save, save_weights, load_weights, load_torch, export

    def file_state(self) -> tuple[dict, dict[str, np.ndarray]]:
        """Header and arrays of the file that `save` writes."""
        return model_state(self)

    def __getstate__(self) -> dict:
        return stamped(pickled_state(self))

    def __setstate__(self, state: dict) -> None:
        succeed(unpickled(unstamped(state, type(self))), self)
        self.trainer.model = cast(Any, self)
