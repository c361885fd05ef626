"""Meaning of a model's inputs and outputs: kept with its layers and weights, and written to its file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.errors.boundary import with_place
from nnlite.inference.conformal import ConformalIntervals
from nnlite.layers import Layer
from nnlite.ops import ActivationFunction
from nnlite.registry.fields import Spec

if TYPE_CHECKING:
    from nnlite.data import InputEncoder, TargetEncoder

__all__ = ["Interpretation", "Kept", "check_encoder", "interpret", "interpretation_header", "link_of", "linked"]


@dataclass
class Interpretation:
    """From raw data to the model's inputs, and from its outputs to answers.

    Args:
        encoder: makes the inputs of raw tables.
        target: makes labels or amounts of the outputs.
        source: the spec of the data source, by which further files are read as the first one was.
        typical: a typical row of the training data, as raw cells by column, or as an array in nested lists.
        intervals: what prediction intervals are made of.
        link: the activation that makes probabilities of outputs that are logits.
    """

    encoder: "InputEncoder | None" = None
    target: "TargetEncoder | None" = None
    source: dict[str, Any] | None = None
    typical: dict[str, Any] | list[Any] | None = None
    intervals: ConformalIntervals | None = None
    link: str | None = None

    def to_header(self) -> dict[str, Any]:
        """JSON values by the keys of a model file; None values are omitted."""
        entries = {
            "encoder": self.encoder and self.encoder.to_spec(),
            "target": self.target and self.target.to_spec(),
            "source": self.source,
            "typical": self.typical,
            "intervals": self.intervals and self.intervals.to_spec(),
            "link": self.link,
        }
        return {key: value for key, value in entries.items() if value is not None}


Accepted = TypeVar("Accepted")
Stored = TypeVar("Stored")


class Kept(Generic[Accepted, Stored]):
    """An attribute of models that is a field of their `Interpretation`, unless a layer of this name is assigned.

    Args:
        read: from model and value, what is stored; errors unless the value fits the model.
    """

    def __init__(self, read: Callable[[Any, Accepted], Stored]) -> None:
        self.read = read
        self.__doc__ = read.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, model: None, owner: Any) -> "Kept[Accepted, Stored]": ...
    @overload
    def __get__(self, model: object, owner: Any) -> Stored: ...
    def __get__(self, model: Any, owner: Any) -> Any:
        if model is None:
            return self
        return vars(model)[self.name] if self.name in vars(model) else vars(model._interpretation)[self.name]

    def __set__(self, model: Any, value: Accepted) -> None:
        if isinstance(value, Layer):  # of a subclass, which keeps its layers under names of its own
            vars(model)[self.name] = value
        else:
            vars(model._interpretation)[self.name] = self.read(model, value)


def read_encoder(model: Any, encoder: "Spec[InputEncoder] | None") -> "InputEncoder | None":
    """The encoder of raw tables as the model's inputs; None by default. It is saved with the model.

    With an encoder, methods that take inputs take raw tables too: DataFrames, dicts of columns, arrays of objects.
    Arrays of numbers are inputs already.
    """
    from nnlite.data import InputEncoder  # here, as whoever trains on arrays has none

    if encoder is not None and model.takes_several:
        raise ConfigError(f"{model.label} has several inputs, an encoder makes one", ("encoder",))
    return None if encoder is None else InputEncoder.get(encoder)


def check_encoder(model: Any) -> None:
    """`ShapeError` if a built model does not take the tables encoded by its encoder."""
    encoder = model._interpretation.encoder
    if encoder is not None and model.built and not _fits(encoder.row_shape, model.input_shape[1:]):
        rows = f"rows of shape {encoder.row_shape}, and {model.label} takes {model.input_shape[1:]}"
        raise ShapeError(f"encoder: makes {rows}")


def _fits(made: tuple[int, ...] | None, taken: tuple[int | None, ...]) -> bool:
    """Whether rows of one shape fit a model; what is not known of either fits."""
    if made is None:
        return True
    return len(made) == len(taken) and all(length in (None, size) for size, length in zip(made, taken, strict=True))


def read_target(model: Any, target: "Spec[TargetEncoder] | None") -> "TargetEncoder | None":
    """The decoder of outputs as labels or amounts, with their names; None by default. It is saved with the model.

    `nnlite.load` predicts by it; methods of the model give outputs as they are. To set a target that another number
    of outputs belongs to is a `ShapeError`.
    """
    from nnlite.data import TargetEncoder

    read = None if target is None else TargetEncoder.get(target)
    if read is not None and model.built:
        read.check_outputs(model.output_shape)
    return read


def read_intervals(model: Any, intervals: ConformalIntervals | Mapping[str, Any] | None) -> ConformalIntervals | None:
    """Residuals for prediction intervals; `ConfigError` unless there are residuals for each output."""
    read = None if intervals is None else ConformalIntervals.get(intervals)
    if read is not None and model.built and len(read.residuals) != model.output_shape[-1]:
        count = f"{model.output_shape[-1]} outputs, and residuals of {len(read.residuals)}"
        raise ConfigError(f"{model.label} has {count}", ("intervals",))
    return read


def link_of(model: Any) -> ActivationFunction | None:
    """The activation that turns the model's outputs into probabilities if they are logits.

    The compiled loss says so; in a file without the arguments of `compile`, an entry of its own.
    """
    loss = model.trainer.loss
    if loss is not None:
        return loss.link() if loss.from_logits and loss.link else None
    name = model._interpretation.link
    return None if name is None else ActivationFunction.get(name)


def linked(outputs: Any, link: ActivationFunction | None) -> Any:
    """Outputs after `link`, the result of `link_of`: probabilities if the outputs are logits, else unchanged."""
    return outputs if link is None else link.linearize(outputs)[0]


def interpretation_header(model: Any) -> dict[str, Any]:
    """Header entries of a model's file for the meaning of inputs and outputs."""
    link = link_of(model)
    return replace(model._interpretation, link=None if link is None else type(link).__name__).to_header()


def interpret(model: Any, header: Mapping[str, Any]) -> None:
    """Take over these header entries of a model file; errors name the key."""
    for key, read in (("encoder", read_encoder), ("target", read_target), ("intervals", read_intervals)):
        if key in header:
            try:
                vars(model._interpretation)[key] = read(model, header[key])
            except ConfigError as error:
                raise error if error.path[:1] == (key,) else error.within(key) from None
            except DataError as error:
                raise with_place(error, key) from None
    check_encoder(model)
    for key, kind in (("source", dict), ("typical", (dict, list)), ("link", str)):
        if not isinstance(header.get(key), (kind, type(None))):
            raise ConfigError(f"of a type that is not written there: {header[key]!r}", (key,))
        vars(model._interpretation)[key] = header.get(key)
    if header.get("link") is not None:
        ActivationFunction.get(header["link"])
