"""The contract between training and models: everything that trainers and derivatives use of a model."""

from typing import Any, Protocol, runtime_checkable

import numpy as np

from nnlite.config import DTypePolicy
from nnlite.layers import Layer, Program
from nnlite.parameters import Parameter

__all__ = ["Trainable"]


@runtime_checkable
class Trainable(Protocol):
    """A model as seen by `Trainer` and `Derivatives`; `Sequential` and `Model` implement it.

    Shapes have None for the batch. With several inputs, or outputs, a shape is a tuple of shapes, and data are tuples
    of arrays.

    Attributes:
        label: how errors call the model.
        seed: decides shuffling, splits and dropout.
        input_names: what `jacobian` calls the inputs.
        _output_name: how arguments of `compile` may name the output, if there is one; None for no name.
        _names_outputs: whether several outputs have names, which begin those of their losses and metrics in logs.
        _output_dtype: type of the outputs.
        built: whether shapes are known, and there are weights.
        takes_several: whether `inputs` is a tuple of arrays.
        input_kind: what the inputs are, see `read_inputs`.
        input_shape, output_shape: None before the model is built.
        layers: those that the model is made of, each once.
        parameters: of all layers, in the order in which `linearize` takes their values.
        dtype_policy: of the model.
        values: the parameters' arrays.
        _writes_steps: whether `fit` and `evaluate` call methods of the model's class, rather than steps of the trainer.
        _draws_seed: whether `seed` was drawn, as no user gave one.
        _reads_targets: whether what targets mean is up to a method of the model's class.
        _writes_prediction: whether `predict` calls `predict_step` of the model's class.
        metrics: those in use.
        losses: penalties of weights and outputs, as the last call left them.
        stop_training: set to true to end the training.
        trainable_weights: the parameters that training changes; none in a frozen model.
        chain: the program that runs the layers, a `Chain` or a `Graph`; None before the model is built.
    """

    seed: int
    output_shape: Any
    layers: list[Layer]
    parameters: list[Parameter]
    chain: Any
    _structure: Any
    stop_training: bool
    _draws_seed: bool
    _losses: tuple[float, ...]

    @property
    def built(self) -> bool: ...
    @property
    def _writes_steps(self) -> bool: ...
    @property
    def _reads_targets(self) -> bool: ...
    @property
    def _writes_prediction(self) -> bool: ...
    @property
    def _writes_evaluation(self) -> bool: ...
    @property
    def metrics(self) -> list[Any]: ...
    @property
    def losses(self) -> list[Any]: ...
    @property
    def takes_several(self) -> Any: ...
    @property
    def input_kind(self) -> Any: ...
    @property
    def input_shape(self) -> Any: ...
    @property
    def label(self) -> str: ...
    @property
    def input_names(self) -> list[str]: ...
    @property
    def _output_name(self) -> str | None: ...
    @property
    def _names_outputs(self) -> bool: ...
    @property
    def _output_dtype(self) -> str: ...
    @property
    def dtype_policy(self) -> DTypePolicy: ...
    @property
    def values(self) -> list[np.ndarray]: ...
    def compute_output_shape(self, input_shape: Any) -> Any: ...
    @property
    def trainable_weights(self) -> list[Parameter]: ...

    def _outputs_alone(self, x: Any) -> np.ndarray | None:
        """The outputs for a few rows, by a quicker way than `linearize`; None if there is none."""
        ...

    def _as_input(self, inputs: Any) -> np.ndarray | tuple[np.ndarray, ...]:
        """Data as users pass them, as arrays that `linearize` takes; the model is built for them if it is not yet."""
        ...

    @property
    def adapted(self) -> bool:
        """Whether no layer has anything left to learn from data by `adapt`."""
        ...

    def adapt(self, data: Any) -> None:
        """Let each layer that is not yet `adapted` see the data, as passed on by the layers before it."""
        ...

    def _check_ready(self) -> None:
        """`NotReadyError` while a layer lacks something other than `build`, such as `adapt`."""
        ...

    def linearize(self, inputs: Any, *parameters: np.ndarray, training: bool = False) -> tuple[Any, Any]:
        """The outputs and their Jacobians with respect to the inputs and every parameter; pure."""
        ...

    def _as_returned(self, output: Any) -> Any:
        """The output of `linearize` as a call returns it."""
        ...

    def update_state(self, state: Any) -> None:
        """Store the `state` of the Jacobians."""
        ...

    def _until_loss(self, loss: Any) -> tuple[Program, Any, Any]:
        """The parts that training runs, as `(program, loss, activation)`.

        The program stops before a final activation that `loss` takes over; the returned loss starts from what it gives,
        and `activation` turns that into predictions (None if nothing was taken over).
        """
        ...

    def file_state(self) -> tuple[dict, dict[str, np.ndarray]]:
        """Header and arrays of the model's file."""
        ...

    def to_spec(self) -> Any:
        """The model as a plain value, from which a copy can be made."""
        ...

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights."""
        ...

    def set_weights(self, weights: Any) -> None:
        """Replace all weights."""
        ...

    def load_weights(self, filepath: Any) -> None:
        """Read weights from a file."""
        ...

    def count_params(self) -> int:
        """Number of scalars in all parameters; `NotReadyError` before the model is built."""
        ...

    def make_train_function(self) -> Any:
        """Have a `train_function`."""
        ...

    def make_test_function(self) -> Any:
        """Have a `test_function`."""
        ...

    def make_predict_function(self) -> Any:
        """Have a `predict_function`."""
        ...

    def train_step(self, x: Any) -> Any:
        """One step of training on a batch, as the class writes it; returns its logs."""
        ...

    def test_step(self, data: Any) -> Any:
        """One step of testing."""
        ...

    def predict_step(self, data: Any) -> Any:
        """The outputs for a batch."""
        ...

    def reset_metrics(self) -> None:
        """Reset all metrics."""
        ...

    def evaluate(self, *args: Any, **options: Any) -> Any:
        """Loss and metrics on data, as the class may write it."""
        ...

    def __call__(self, inputs: Any) -> np.ndarray | tuple[np.ndarray, ...]:
        """The outputs alone."""
        ...
