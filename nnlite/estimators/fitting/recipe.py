"""The default recipe: parameters that are "auto" become layers, an optimizer and a number of epochs.

All parts are available to custom models: layers, schedules, arguments of the optimizer. Sources:
Holzmüller et al. 2024, "Better by default" (arXiv:2407.04491); `docs/tables.md` says what each piece is worth.
"""

import functools
import math
from typing import Any, NamedTuple

from nnlite.callbacks import Callback
from nnlite.data.batches import suited_batch_size
from nnlite.errors import ConfigError
from nnlite.estimators.fitting.policies import RATE_POLICIES, is_full_batch, is_lbfgs, rate_of_policy
from nnlite.estimators.fitting.targets import Task
from nnlite.estimators.mlp.lbfgs import GradientsOnly
from nnlite.estimators.parameters import AUTO
from nnlite.estimators.specs.directions import Direction, bound
from nnlite.estimators.specs.members import with_members
from nnlite.estimators.specs.stacks import copies, layers_of, sizes_of
from nnlite.layers import Layer
from nnlite.optimizers import Optimizer
from nnlite.registry.field_types import jsonable
from nnlite.schedules import CosLog4, FlatCosine

__all__ = ["Problem", "Recipe"]

MEMBERS, MORE_MEMBERS = 5, 8  # the latter for numbers where rows are few
MOST_ROWS_FOR_MEMBERS = 10_000
LEAST_ROWS_FOR_MEMBERS = 20
LEAST_ROWS_TO_JUDGE = 10
LEAST_ROWS_FOR_MORE, FEW_ROWS = 100, 2_000
BEST_EPOCHS = 3
JUDGING_TEMPERATURE = 1.3
ITERATIONS = 500  # where each takes all rows
EMBEDDING_WIDTH = 8
INPUT_SCALE = "input_scale"
WAVES = {"frequencies": 8, "output_dim": 2, "name": "waves"}
MOST_WAVY_COLUMNS = 16
BINS, LEAST_ROWS_OF_A_BIN = 32, 20
NAMES_OF_SCIKIT_LEARN = {"identity": "linear", "logistic": "sigmoid"}  # of activation functions


class Problem(NamedTuple):
    """The task: what is predicted.

    Args:
        task: whether classes or numbers are predicted.
        n_rows: rows to learn from.
        width: columns of the encoded table.
        n_outputs: of the network.
        activation: after the last layer; None for numbers.
        code_sizes: the columns that hold codes of categories, and how many codes each has.
        numbers: the columns that hold numbers.
        directions: 1 or -1 for the columns that the outputs must rise or fall with, else 0; None if all are free.
    """

    task: Task
    n_rows: int
    width: int
    n_outputs: int
    activation: str | None
    code_sizes: dict[int, int]
    numbers: list[int]
    directions: list[Direction] | None = None


class Recipe:
    """The meaning of an estimator's parameters for a problem.

    Args:
        parameters: of the estimator, by name.
        problem: what is to be learned.
        online: whether this is one pass over some of the rows, one of many, in place of a whole training.
        present: how many networks there are, where these are trained further; None if new ones are.
    """

    def __init__(
        self, parameters: dict[str, Any], problem: Problem, online: bool = False, present: int | None = None
    ) -> None:
        self.parameters, self.problem, self.online, self.present = parameters, problem, online, present

    def _get(self, name: str, automatic: Any) -> Any:
        value = self.parameters[name]
        return automatic if isinstance(value, str) and value == AUTO else value

    @property
    def is_tuned(self) -> bool:
        """Whether optimizer and learning rate are the recipe's own, on which its parametrization depends."""
        chosen = self._get("optimizer", None) is None and self._get("learning_rate", None) is None
        return chosen and self.parameters["layers"] is None

    @functools.cached_property
    def takes_all_rows(self) -> bool:
        """Whether a step takes all rows, so that there is a single, deterministic network: L-BFGS and its relatives."""
        optimizer = self._get("optimizer", None)
        return optimizer is not None and (is_lbfgs(optimizer) or is_full_batch(optimizer))

    @property
    def n_members(self) -> int:
        """Number of networks trained side by side; when training continues, the existing number."""
        if self.takes_all_rows and (self._get("n_members", 1) != 1 or self.present not in (None, 1)):
            message = f"optimizer={self.parameters['optimizer']!r} trains a single network: pass n_members=1"
            raise ConfigError(message, ("n_members",))
        if self.present is not None and self._get("n_members", self.present) != self.present:
            raise ConfigError(
                f"the fitted model, which is trained further, has {self.present} members and n_members="
                f"{self.parameters['n_members']}: pass n_members={self.present}, or a new fit with warm_start=False",
                ("n_members",),
            )
        if self.present is not None or self.takes_all_rows:
            return self.present or 1
        few, many = self.problem.n_rows < LEAST_ROWS_FOR_MEMBERS, self.problem.n_rows > MOST_ROWS_FOR_MEMBERS
        alone = few or many or self.parameters["layers"] is not None
        more = self.problem.task == "number" and LEAST_ROWS_FOR_MORE <= self.problem.n_rows <= FEW_ROWS
        return self._get("n_members", 1 if alone else MORE_MEMBERS if more else MEMBERS)

    @property
    def sets_apart(self) -> bool:
        """Whether some rows are held out to evaluate the epochs."""
        whole = self.online or is_lbfgs(self.parameters["optimizer"]) or self.problem.n_rows < LEAST_ROWS_TO_JUDGE
        return bool(self.parameters["early_stopping"]) and not whole

    @property
    def validation_fraction(self) -> float:
        """The fraction of the rows held out to evaluate a single network."""
        return self.parameters["validation_fraction"]

    @property
    def batch_size(self) -> int:
        """Rows of a training step of one member."""
        if self.takes_all_rows:
            return self._need_all_rows()
        apart = self.validation_fraction if self.n_members == 1 else 1 / self.n_members
        learnt = round(self.problem.n_rows * (1 - apart)) if self.sets_apart else self.problem.n_rows
        return min(self._get("batch_size", suited_batch_size(learnt)), self.problem.n_rows)

    def _need_all_rows(self) -> int:
        """The number of rows; `ConfigError` where fewer are asked for, which `"lbfgs"` ignores as in scikit-learn."""
        rows, optimizer = self.problem.n_rows, self.parameters["optimizer"]
        if self._get("batch_size", rows) < rows and not is_lbfgs(optimizer):
            raise ConfigError(f"optimizer={optimizer!r} takes all rows at once: leave batch_size out", ("batch_size",))
        return rows

    @property
    def epochs(self) -> int:
        """Passes over the rows."""
        if self.online:
            return 1
        if self.takes_all_rows:
            return self._get("epochs", ITERATIONS)
        few = self.problem.n_rows <= FEW_ROWS and not self.has_pieces  # which learn sooner
        return self._get("epochs", 128 if few else 64)

    @property
    def averaged_epochs(self) -> int:
        """Number of best epochs whose weights are averaged; not for ensembles or regression, which do not benefit."""
        return BEST_EPOCHS if self.is_tuned and self.n_members == 1 and self.problem.task == "class" else 1

    @property
    def judging_temperature(self) -> float:
        """Divides the logits of members that few rows judge, as their probabilities are calibrated afterwards."""
        calibrated = self.problem.activation == "softmax" and self.parameters.get("calibration") == AUTO
        few = self.problem.n_rows <= FEW_ROWS and self.n_members > 1
        return JUDGING_TEMPERATURE if calibrated and few and self.is_tuned else 1.0

    def fit_arguments(self) -> dict[str, Any]:
        """Arguments of `Sequential.fit`."""
        return {
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "shuffle": self.parameters["shuffle"],
            "verbose": self.verbosity,
        }

    @property
    def verbosity(self) -> Any:
        """The verbosity: 0, 1 or 2."""
        return min(int(self.parameters["verbose"]), 2)

    def callbacks(self) -> list[Callback]:
        """The callbacks of the user."""
        argument = self.parameters["callbacks"]
        listed = argument if isinstance(argument, (list, tuple)) else [] if argument is None else [argument]
        callbacks = []
        for index, item in enumerate(listed):
            try:
                callbacks.append(Callback.get(item))
            except ConfigError as error:
                raise error.within("callbacks", index) from None
        return callbacks

    def layers(self) -> list[Layer]:
        """The layers between the scaled columns and the outputs, new ones."""
        argument, problem = layers_of(self.parameters["layers"]), self.problem
        if callable(argument):
            made = argument(problem.width, problem.n_outputs)
            if not isinstance(made, (list, tuple)):
                raise ConfigError(f"the callable returned {made!r}, expected a list of layers", ("layers",))
            return self._as_members(copies(made))
        output = self._dense(problem.n_outputs, problem.activation)
        if argument is not None:
            return self._as_members([*copies(argument), Layer.get(output)])
        specs = [*self._hidden(), output]
        if problem.directions is not None:
            specs = bound(specs, problem.directions, problem.n_outputs, problem.activation == "softmax")
        return self._as_members([Layer.get(spec) for spec in specs])

    def _hidden(self) -> list[dict[str, Any]]:
        automatic = "selu" if self.problem.task == "class" else "mish"
        if self.problem.directions is not None:
            automatic = "tanh"  # rises, and bends both ways
        activation = self._get("activation", automatic)
        if isinstance(activation, str):
            activation = NAMES_OF_SCIKIT_LEARN.get(activation, activation)
        activation, rate = jsonable(activation), self.dropout
        specs: list[Any] = []
        if self.has_pieces:
            specs.append({"PiecewiseLinearEncoding": {"num_bins": BINS, "columns": self.problem.numbers}})
        if self.has_waves:
            specs.append({"PeriodicEmbedding": {**WAVES, "columns": self.problem.numbers}})
        if self.problem.code_sizes:
            sizes = {"sizes": self.problem.code_sizes, "output_dim": EMBEDDING_WIDTH}
            specs.append({"CategoryEmbedding": sizes})
        if self.is_tuned:
            specs.append({"Scale": {"name": INPUT_SCALE}})
        for units in sizes_of(self.parameters["hidden_layer_sizes"]):
            specs.append(self._dense(units, activation))
            if rate != 0:
                specs.append({"Dropout": {"rate": jsonable(rate)}})
        return specs

    @property
    def dropout(self) -> Any:
        """The rate of dropout of each hidden layer; 0 for members that learn numbers from many rows."""
        many = self.n_members > 1 and self.problem.n_rows > FEW_ROWS
        spared = many and self.problem.task == "number" and self.problem.directions is None
        automatic = 0.0 if spared or self.takes_all_rows else self._over_training(FlatCosine, 0.15)
        return self._get("dropout", automatic)

    @property
    def has_waves(self) -> bool:
        """Whether numbers get periodic embeddings: if they are few, and one of them has no direction."""
        directions = self.problem.directions
        free = directions is None or any(not directions[column] for column in self.problem.numbers)
        return self._has_few_numbers and free

    @property
    def has_pieces(self) -> bool:
        """Whether numbers also get piecewise linear encodings: if there are enough rows for each bin."""
        return self._has_few_numbers and self.problem.n_rows >= BINS * LEAST_ROWS_OF_A_BIN

    @property
    def _has_few_numbers(self) -> bool:
        return self.is_tuned and self.problem.task == "number" and 0 < len(self.problem.numbers) <= MOST_WAVY_COLUMNS

    def _dense(self, units: int, activation: Any) -> dict[str, Any]:
        options: dict[str, Any] = {"units": units, "activation": activation}
        if self.is_tuned:
            options |= {"parametrization": "ntk", "data_dependent_init": True}
        if self.parameters["alpha"]:
            options["kernel_regularizer"] = {"L2": {"l2": self.parameters["alpha"] / (2 * self.batch_size)}}
        return {"Dense": options}

    def _as_members(self, layers: list[Layer]) -> list[Layer]:
        """The layers for as many networks side by side as there are members."""
        return layers if self.n_members == 1 else [with_members(layer, self.n_members) for layer in layers]

    def optimizer(self) -> Optimizer:
        """A new optimizer, with the learning rate and the weight decay of the parameters."""
        if is_lbfgs(self.parameters["optimizer"]):
            return GradientsOnly()
        optimizer = Optimizer.get(jsonable(self._get("optimizer", "adam")))
        changes: dict[str, Any] = self._tuned_arguments() if self.is_tuned else {}
        rate = self._get("learning_rate", None)
        if isinstance(rate, str) and rate in RATE_POLICIES:
            changes["learning_rate"] = rate_of_policy(rate, optimizer)
        elif rate is not None:
            changes["learning_rate"] = jsonable(rate)
        decay = self._get("weight_decay", None)
        if decay is not None:
            changes["weight_decay"] = jsonable(decay)
        return type(optimizer).from_config({**optimizer.get_config(), **changes})

    def _tuned_arguments(self) -> dict[str, Any]:
        waves = {f"{WAVES['name']}/*": 0.1} if self.has_waves else {}
        peak = (0.04 if self.problem.task == "class" else 0.2) * math.sqrt(self.batch_size / 256)
        return {
            "learning_rate": self._over_training(CosLog4, peak),
            "beta_2": 0.95,
            "weight_decay": self._over_training(FlatCosine, 0.02 if self.problem.task == "class" else 0.05),
            "exclude_from_weight_decay": ["bias"],
            "learning_rate_multipliers": {f"{INPUT_SCALE}/*": 6.0, "bias": 0.1, **waves},
        }

    def _over_training(self, schedule: Any, value: float) -> Any:
        """The spec of a schedule over the whole training; online, where there is no end, the value itself."""
        return value if self.online else schedule(value).to_spec()
