"""A config: data, model, and training; each section is a call of the public API."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np

from nnlite.data import Classes, Data, DataSource, InputEncoder, Labels, Prepared, Preprocessing
from nnlite.data.encoders.targets import TargetKind
from nnlite.documents import Document
from nnlite.documents.sections import within
from nnlite.errors import ConfigError, DataError
from nnlite.experiment.arguments import CompileArguments, FitArguments
from nnlite.experiment.automatic import suited_loss
from nnlite.experiment.column_names import tell_columns
from nnlite.experiment.graphs import ModelGraph
from nnlite.experiment.judging.calibration import check_calibration
from nnlite.experiment.running.plan import CheckpointPlan
from nnlite.experiment.search import Search
from nnlite.inference.calibration import CalibrationMethod
from nnlite.layers import Layer
from nnlite.losses import Loss
from nnlite.models import Model, Sequential
from nnlite.models.base import BaseModel
from nnlite.random import fresh_seed
from nnlite.registry import Section
from nnlite.registry.bounds import Range
from nnlite.registry.field_types import jsonable
from nnlite.registry.fields import Converted, FromSpec, Settled, Spec, option
from nnlite.trained.evaluation import show_in_units
from nnlite.training.full_batch import FullBatchSteps

TABLES = (".csv", ".tsv", ".tab", ".xlsx", ".xlsm", ".parquet", ".feather", ".arrow", ".jsonl")
WHERE_GIVEN = ("search", "calibrate")
TRIED_ROWS, ROUNDING = 256, 1e-5  # of a look at outputs before training


def _check_is_config(path: Path) -> None:
    """`ConfigError` for what users pass in place of a config: a run folder, or a table."""
    if path.is_dir():
        remedy = f"pass {path / 'config.yaml'}, or continue with: nnlite train --resume {path}"
        is_run = (path / "config.yaml").is_file()
        raise ConfigError(
            f"{path}: a {'run ' * is_run}folder, not a config; {remedy if is_run else 'pass a YAML file'}"
        )
    if path.suffix.lower() in TABLES and path.is_file():
        remedy = f"write one with: nnlite init {path} --target COLUMN"
        raise ConfigError(f"{path}: a table, not a config; {remedy}")


class Experiment(Section):
    """Everything that determines a training run; the fields are the keys of the YAML file.

    Args:
        data: arguments of `nnlite.data.Data`.
        model: the layers of a `Sequential`, in order, or the arguments of a `ModelGraph`.
        compile: arguments of `Sequential.compile`; a loss that is left out, or `auto`, is chosen by the target.
        fit: arguments of `Sequential.fit`, except the data.
        calibrate: how the probabilities are calibrated on the validation part after training, `temperature` or
            `isotonic`; `null` for none. See `Sequential.calibrated`.
        checkpoint: how often checkpoints are written, and how many are kept; `null` for none.
        seed: decides the split, initial weights, shuffling and dropout; drawn and recorded if not given.
        search: the arguments that `nnlite tune` varies; training ignores it.

    >>> experiment = Experiment.get({
    ...     "data": {"source": {"SklearnDataset": {"name": "iris"}}}, "seed": 0,
    ...     "model": ["Normalization", {"Dense": {"units": 3}}],
    ...     "compile": {"loss": {"SparseCategoricalCrossentropy": {"from_logits": True}}}})
    >>> model, data = experiment.prepare()
    >>> model.output_shape, data.parts["test"][0].shape
    ((None, 3), (30, 4))
    """

    data: FromSpec[Data]
    model: Converted[Sequence[Spec[Layer]] | Mapping[str, Any] | ModelGraph, list[Layer] | ModelGraph]
    compile: Converted[Mapping[str, Any], CompileArguments]
    fit: Converted[Mapping[str, Any], FitArguments] = option(default_factory=dict)
    checkpoint: Converted[Mapping[str, Any] | CheckpointPlan | None, CheckpointPlan | None] = option(
        default_factory=dict
    )
    calibrate: CalibrationMethod | None = option(default=None)
    seed: Settled[Annotated[int, Range(0, 2**31 - 1)]] = option(default=None)
    search: Converted[Search | Mapping[str, Any] | None, Search | None] = option(default=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.document: Document | None = None
        if self.seed is None:
            self.seed = fresh_seed()

    def validate(self) -> None:
        if not self.model:
            raise ConfigError("expected one layer or more", ("model",))

    @classmethod
    def from_file(cls, path: str | Path, overrides: Sequence[str] = ()) -> "Experiment":
        """Read a YAML file.

        Args:
            path: the file. Data files are looked up next to it, then in the current folder.
            overrides: changes such as `"fit.epochs=3"` or `"model.0.Dense.units=64"`.

        Raises:
            ConfigError: it names file, line, column and key; all errors of the file, where there are several.
        """
        _check_is_config(Path(path))
        document = Document(path, overrides)
        with document.explaining(), within():
            experiment = cls.get(document.values)
        experiment.document = document
        return experiment

    @property
    def name(self) -> str:
        """The config file's name without its extension."""
        return self.document.path.stem if self.document else "experiment"

    def get_config(self) -> dict:
        """All arguments as plain values, defaults included, the seed first; some only if they are set."""
        config = {"seed": self.seed, **super().get_config()}
        return {key: value for key, value in config.items() if key not in WHERE_GIVEN or value is not None}

    def rendered(self) -> dict:
        """The config with all defaults, and without a seed unless the file has one."""
        has_seed = self.document is None or self.document.values.get("seed") is not None
        return {**self.get_config(), "seed": self.seed if has_seed else None}

    def check(self) -> None:
        """Raise `ConfigError` for any error in the config that can be detected without its data."""
        with self.explaining():
            self._chain()

    def prepare(
        self,
        fitted: Preprocessing | None = None,
        fold: tuple[int, int] | None = None,
        prepared: Prepared | None = None,
    ) -> tuple[BaseModel, Prepared]:
        """A compiled model for the data's shape, its preprocessing layers adapted, and the data.

        Args:
            fitted: encoders from an earlier run.
            fold: `(i, k)` for the parts of round i of k of a cross-validation.
            prepared: the data, where an experiment with the same `data_key` has prepared them.

        Raises:
            ConfigError: arguments that do not fit together.
            DataError: data that cannot be used, or that does not fit the model.
        """
        with self.explaining(), within():
            chain, loss = self._chain(), self.compile["loss"]
            kind = "auto" if loss is None else cast(TargetKind, Loss.get(loss).target_kind)
            data = prepared or self._prepared_data(kind, fitted, fold)
            x, y = data.parts["training"]
            inputs = data.preprocessing.inputs
            model = self._graph(x, inputs) if chain is None else self._fed(chain, x, inputs)
            if loss is None:
                model.compile(**{**self.compile, "loss": suited_loss(data.kind, model)})
            self.interpret(model, data.preprocessing, data.data.source)
            self._compare(model, x)
            show_in_units(model, data.preprocessing.target)
            # One row through loss and metrics shows what does not fit before anything is written.
            with within("model"):
                model.test_on_batch(x[:1], y[:1])
            self._check_full_batch(model, x[:1], y[:1])
            check_calibration(model, data, self.calibrate)
            return model, data

    @staticmethod
    def _check_full_batch(model: BaseModel, x: np.ndarray, y: np.ndarray) -> None:
        """Refuse what a full-batch optimizer cannot train."""
        steps = model.trainer.ready_steps()
        if isinstance(steps, FullBatchSteps):
            try:
                steps.checked(model.trainer.one_batch(x, y))
            except ConfigError as error:
                raise error.within("compile", "optimizer") from None

    @property
    def data_key(self) -> str:
        """All parts of the config that determine the data of `prepare`, as text."""
        return json.dumps(jsonable([self.data.to_spec(), self.seed, self.compile["loss"]]), sort_keys=True)

    @staticmethod
    def interpret(model: BaseModel, learnt: Preprocessing, source: DataSource) -> None:
        """Attach the meaning of inputs and outputs to the model; `ShapeError` if the outputs do not fit."""
        model.encoder = learnt.inputs if learnt.inputs.takes_tables else None
        model.target = learnt.target
        model._interpretation.source = source.for_reading()
        model._interpretation.typical = learnt.typical

    def fit_arguments(self, data: Prepared) -> dict:
        """The arguments of `fit` for this data: in `class_weight`, labels become class numbers."""
        weights = self.fit["class_weight"]
        if not weights:
            return dict(self.fit)
        with self.explaining():
            target = data.preprocessing.target
            if isinstance(target, Labels):
                raise ConfigError(
                    "rows have several labels, so none has the weight of a class", ("fit", "class_weight")
                )
            if not isinstance(target, Classes):
                raise ConfigError("a regression has no classes", ("fit", "class_weight"))
            if isinstance(weights, str):  # "balanced", by the rows that are trained on
                return dict(self.fit)
            try:
                return {**self.fit, "class_weight": {target.code(label): weights[label] for label in weights}}
            except DataError as error:
                raise ConfigError(str(error), ("fit", "class_weight")) from None

    def explaining(self) -> AbstractContextManager[None]:
        """A context in which errors name the position of their cause in the file, if there is a file."""
        return self.document.explaining() if self.document else nullcontext()

    def _chain(self) -> Sequential | None:
        """The compiled model, where it is a list of layers, which need no data to be made."""
        if isinstance(self.model, ModelGraph):
            return None
        with within("model"):
            # Layers from their specs: a second run must not start from the weights of the first one.
            model = Sequential(jsonable(self.model), seed=self.seed)
        self._compile(model)
        return model

    def _compile(self, model: Sequential | Model) -> None:
        with within("compile"):
            model.compile(**self.compile)

    @staticmethod
    def _compare(model: BaseModel, x: np.ndarray) -> None:
        """Refuse outputs that predictions would call probabilities but that are not."""
        loss = model.trainer.loss
        with within("compile"):
            model.trainer.last_layer.compare(model.trainer.model, loss, strict=True)
        if loss.link is None or loss.from_logits:
            return
        outputs, link = model.predict_on_batch(x[:TRIED_ROWS]), cast(type, loss.link)
        low, high = outputs.min(), outputs.max()
        if low < -ROUNDING or high > 1 + ROUNDING:  # of layers whose range is not known
            raise ConfigError(
                f"{type(loss).__name__} takes the outputs for probabilities, and they reach from {low:.3g} to "
                f"{high:.3g}: let the model end in {link.__name__.lower()!r}",
                ("compile", "loss"),
            )

    @staticmethod
    def _fed(model: Sequential, x: np.ndarray, inputs: InputEncoder) -> BaseModel:
        """The chain, built for the inputs."""
        with within("model"):
            tell_columns(model, inputs)
        with within("model", "layers"):  # in a config, the field `layers` is the key `model`
            model.adapt(x)
        return model

    def _graph(self, x: np.ndarray, inputs: InputEncoder) -> BaseModel:
        """The compiled graph, drawn for the inputs."""
        assert isinstance(self.model, ModelGraph)
        with within("model"):
            model = self.model.build(x, inputs, self.seed)
            model.adapt(x)
        self._compile(model)
        return model

    def _prepared_data(
        self, target_kind: TargetKind, fitted: Preprocessing | None, fold: tuple[int, int] | None
    ) -> Prepared:
        with within("data"):
            return self.located_data().prepare(target_kind, self.seed, fitted, fold)

    def located_data(self) -> Data:
        """The data section with absolute paths; `DataError` if a file is missing."""
        return self.data.located(str(self.document.path.parent)) if self.document else self.data
