"""The arguments of a function as a section of a config."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from nnlite.errors import ConfigError, raise_all
from nnlite.models import Sequential
from nnlite.registry import wrong_keys
from nnlite.registry.field_types import Specified, annotations, jsonable, read

__all__ = ["CallArguments", "CompileArguments", "FitArguments", "call_parameters", "read_arguments"]

# What `Experiment` itself hands to `fit`: the arrays, and how much is shown.
GIVEN_TO_FIT = ("x", "y", "sample_weight", "validation_data", "validation_split", "stratify", "verbose",
                "resume", "resume_anyway")  # fmt: skip


@Specified.register
class CallArguments(dict[str, Any]):
    """All arguments of a function, as plain values: a section of a config.

    Attributes:
        function: whose annotations say what can be given.
        excluded: arguments that a config cannot give.
    """

    function: ClassVar[Callable]
    excluded: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def get(cls, spec: Any) -> "CallArguments":
        """The arguments in a mapping, validated, with defaults for the others."""
        return cls(read_arguments(cls.function, read(spec, dict), cls.excluded))

    def to_spec(self) -> dict[str, Any]:
        """The arguments as a plain mapping."""
        return dict(self)


class CompileArguments(CallArguments):
    """Arguments of `Sequential.compile`."""

    function = Sequential.compile

    @classmethod
    def get(cls, spec: Any) -> "CallArguments":
        """The same; a loss of `auto` becomes None, to be chosen by the target.

        A metric that is named by its class is logged as metrics of that class are: `R2Score` as `r2_score`.
        """
        section = {name: _of_classes(value) if "metrics" in name else value for name, value in read(spec, dict).items()}
        return super().get({**section, "loss": None} if section.get("loss") == "auto" else section)


class FitArguments(CallArguments):
    """Arguments of `Sequential.fit`, except the data."""

    function = Sequential.fit
    excluded = GIVEN_TO_FIT


def _of_classes(metrics: Any) -> Any:
    """The list with `{R2Score: {}}` for `R2Score`; anything else unchanged."""
    if not isinstance(metrics, list):
        return metrics
    return [{one: {}} if isinstance(one, str) and one[:1].isupper() else one for one in metrics]


def call_parameters(function: Callable, excluded: tuple[str, ...] = ()) -> Mapping[str, inspect.Parameter]:
    """The parameters of a method that a config can set."""
    parameters = inspect.signature(function).parameters
    return {name: parameters[name] for name in parameters if name not in ("self", *excluded)}


def read_arguments(function: Callable, section: dict, excluded: tuple[str, ...] = ()) -> dict:
    """All arguments of `function` as plain values: the `section` ones, checked by their annotations, and the defaults.

    Args:
        function: a method; its `self` is left out.
        section: argument -> value.
        excluded: arguments that a config cannot give, such as arrays.

    Raises:
        ConfigError: unknown or missing argument, value of the wrong type.
    """
    hints = annotations(function)
    parameters = call_parameters(function, excluded)
    errors, values = wrong_keys(section, parameters), {}
    for name, parameter in parameters.items():
        value = section.get(name, parameter.default)
        if value is not inspect.Parameter.empty:
            try:
                values[name] = jsonable(read(value, hints[name]))
            except ConfigError as error:
                errors.append(error.within(name))
    raise_all(errors)
    return values
