"""Contents of the header of a model file, by the types of its fields."""

from collections.abc import Mapping
from typing import Any, Literal

from nnlite.errors import ConfigError, shown
from nnlite.registry import Section
from nnlite.registry.bounds import Count, Index

__all__ = ["InputShape", "ModelHeader", "form_of_data", "take_form_of_data"]

Lengths = tuple[Index | None, ...]
InputShape = Lengths | tuple[Lengths, ...]
MOST_ITERATIONS = 2**63 - 1  # as many as an array of integers can count


class ModelHeader(Section, abstract=True):
    """The header of a model file; any further entry indicates another format.

    Args:
        format: number of the format.
        content: what the file holds.
        model: the spec of the model.
        input_shape: the shape of its inputs, or of each of several, with None for the batch; None of a
            model without weights, in a `.keras` file.
        compile: the arguments of `compile`; None for a model that is not compiled.
        iterations: the optimizer's steps.
        encoder, target, source, typical, intervals, link: see `Interpretation`.
        input_kind: "strings" of a model that writes `call` and takes such.
        input_keys, input_arguments: of a model that writes `call`, the keys of the dict of its data, or the names of
            the arguments of `call` that are data, where there are several.
        input_form: of such a model, how its data are nested, each replaced by its number.
        draws_seed: whether the seed of the model was drawn, rather than given by the user.
        builds, compile_config: how user-defined classes are built and compiled, see `own_configs`.
        trainable: `trainable` of every layer, where one inside a frozen one is trained.
        training: where the training stands, in a checkpoint.
    """

    content: Literal["model"]
    model: dict[str, Any]
    input_shape: InputShape | None
    compile: dict[str, Any] | None
    format: Count = 1
    iterations: Index | None = None
    encoder: Any = None
    target: Any = None
    source: dict[str, Any] | None = None
    typical: dict[str, Any] | list[Any] | None = None
    intervals: dict[str, Any] | None = None
    link: str | None = None
    input_kind: Literal["strings"] | None = None
    input_keys: list[str] | None = None
    input_arguments: list[str] | None = None
    input_form: Any = None
    draws_seed: bool = False
    builds: dict[str, Any] | None = None
    compile_config: Any = None
    trainable: list[bool] | None = None
    training: Mapping[str, Any] | None = None

    def validate(self) -> None:
        if self.input_shape is not None and (not self.input_shape or () in self.input_shape):
            raise ConfigError(f"expected at least one length, got {list(self.input_shape)}", ("input_shape",))
        if self.compile is not None and self.iterations is None:
            raise ConfigError("missing argument 'iterations' of a compiled model")
        if self.iterations is not None and self.iterations > MOST_ITERATIONS:
            raise ConfigError(f"must be <= {MOST_ITERATIONS}, got {shown(self.iterations)}", ("iterations",))


def form_of_data(model: Any) -> dict[str, Any]:
    """Header entries on the data of a model whose `call` does not determine them."""
    form: dict[str, Any] = {}
    if model.input_kind == "strings" and model._kind_of_data != "numbers":
        form["input_kind"] = model.input_kind
    if model._data_keys:
        form["input_keys"] = list(model._data_keys)
    if model._data_form is not None:
        form["input_form"] = model._data_form
    if model._data_arguments:
        form["input_arguments"] = list(model._data_arguments)
    return form


def take_form_of_data(model: Any, header: ModelHeader) -> None:
    """Pass the result of `form_of_data` to an unbuilt model."""
    if header.input_kind is not None:
        model._kind_of_data = header.input_kind
    if header.input_form is not None:
        model._data_form, model.takes_several = header.input_form, True
    for attribute, names in (("_data_keys", header.input_keys), ("_data_arguments", header.input_arguments)):
        if names is not None:
            vars(model)[attribute], model.takes_several = tuple(names), True
