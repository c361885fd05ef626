"""A config: data, model, and how to train; each section is a call of the public API."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from nnlite.data import Classes, Data, InputEncoder, Prepared, Preprocessing
from nnlite.data.encoders.targets import TargetKind
from nnlite.documents import Document
from nnlite.errors import ConfigError, DataError
from nnlite.experiment.arguments import read_arguments
from nnlite.experiment.column_names import tell_columns
from nnlite.experiment.search import Search
from nnlite.layers import Layer
from nnlite.models import Sequential
from nnlite.random import fresh_seed
from nnlite.registry import Section
from nnlite.registry.field_types import Range, jsonable
from nnlite.registry.fields import Converted, FromSpec, FromSpecs, Settled, option

# What `Experiment` itself hands to `fit`: the arrays, and how much is shown.
GIVEN_TO_FIT = ("x", "y", "sample_weight", "validation_data", "validation_split", "stratify", "verbose")


class Experiment(Section):
    """Everything that decides a training run; the fields are the keys of the YAML file.

    Args:
        data: arguments of `nnlite.data.Data`.
        model: the layers of a `Sequential`, in order.
        compile: arguments of `Sequential.compile`.
        fit: arguments of `Sequential.fit`, except the data.
        seed: decides the split, initial weights, shuffling and dropout; drawn and recorded if not given.
        search: which arguments `nnlite tune` tries; training itself has no use for it.

    >>> experiment = Experiment.get({
    ...     "data": {"source": {"SklearnDataset": {"name": "iris"}}}, "seed": 0,
    ...     "model": ["Normalization", {"Dense": {"units": 3}}],
    ...     "compile": {"loss": {"SparseCategoricalCrossentropy": {"from_logits": True}}}})
    >>> model, data = experiment.prepare()
    >>> model.output_shape, data.parts["test"][0].shape
    ((None, 3), (30, 4))
    """

    data: FromSpec[Data]
    model: FromSpecs[Layer]
    compile: dict
    fit: dict = field(default_factory=dict)
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
        for section, function, excluded in (("compile", Sequential.compile, ()), ("fit", Sequential.fit, GIVEN_TO_FIT)):
            try:
                setattr(self, section, read_arguments(function, getattr(self, section), excluded))
            except ConfigError as error:
                raise error.within(section) from None
        if self.compile["loss"] is None:
            raise ConfigError("missing argument 'loss'", ("compile",))

    @classmethod
    def from_file(cls, path: str | Path, overrides: Sequence[str] = ()) -> "Experiment":
        """Read a YAML file.

        Args:
            path: the file. Data files are sought beside it, then in the current folder.
            overrides: changes such as `"fit.epochs=3"` or `"model.0.Dense.units=64"`.

        Raises:
            ConfigError: it names file, line and key.
        """
        document = Document(path, overrides)
        with document.explaining():
            experiment = cls.get(document.values)
        experiment.document = document
        return experiment

    @property
    def name(self) -> str:
        """The config file's name without its ending."""
        return self.document.path.stem if self.document else "experiment"

    def get_config(self) -> dict:
        """All arguments as plain values, defaults included, the seed first; `search` only if there is one."""
        config = {"seed": self.seed, **super().get_config()}
        return {key: value for key, value in config.items() if key != "search" or value is not None}

    def prepare(self, fitted: Preprocessing | None = None) -> tuple[Sequential, Prepared]:
        """A compiled model of the data's shape, its preprocessing layers adapted, and the data.

        Args:
            fitted: encoders from an earlier run.

        Raises:
            ConfigError: arguments that do not fit together.
            DataError: data that cannot be used, or that does not fit the model.
        """
        with self.explaining():
            model = self._compiled()
            data = self._prepared_data(model.trainer.loss.target_kind, fitted)
            x, y = data.parts["training"]
            self._build(model, x, data.preprocessing.inputs)
            if data.preprocessing.inputs.takes_tables:
                model.encoder = data.preprocessing.inputs
            data.preprocessing.target.check_outputs(model.output_shape)
            # One row through loss and metrics shows what does not fit before anything is written.
            model.test_on_batch(x[:1], y[:1])
            return model, data

    def fit_arguments(self, data: Prepared) -> dict:
        """The arguments of `fit` for this data: in `class_weight`, labels become numbers of classes."""
        weights = self.fit["class_weight"]
        if not weights:
            return dict(self.fit)
        with self.explaining():
            target = data.preprocessing.target
            if not isinstance(target, Classes):
                raise ConfigError("a regression has no classes", ("fit", "class_weight"))
            try:
                return {**self.fit, "class_weight": {target.code(label): weights[label] for label in weights}}
            except DataError as error:
                raise ConfigError(str(error), ("fit", "class_weight")) from None

    def explaining(self) -> AbstractContextManager[None]:
        """A context in which errors say where in the file their cause stands, if there is a file."""
        return self.document.explaining() if self.document else nullcontext()

    def _compiled(self) -> Sequential:
        try:
            # Layers from their specs: a second run must not start from the weights of the first one.
            model = Sequential(jsonable(self.model), seed=self.seed)
        except ConfigError as error:
            raise error.within("model") from None
        try:
            model.compile(**self.compile)
        except ConfigError as error:
            raise error.within("compile") from None
        return model

    @staticmethod
    def _build(model: Sequential, x: np.ndarray, inputs: InputEncoder) -> None:
        try:
            tell_columns(model, inputs)
        except ConfigError as error:
            raise error.within("model") from None
        try:
            model.adapt(x)
        except ConfigError as error:
            error.path = ("model", *error.path[1:])  # in a config, the field `layers` is the key `model`
            raise

    def _prepared_data(self, target_kind: TargetKind, fitted: Preprocessing | None) -> Prepared:
        try:
            return self.located_data().prepare(target_kind, self.seed, fitted)
        except ConfigError as error:
            raise error.within("data") from None

    def located_data(self) -> Data:
        """The data section with absolute paths; `DataError` if a file is missing."""
        return self.data.located(str(self.document.path.parent)) if self.document else self.data
