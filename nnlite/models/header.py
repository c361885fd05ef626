"""Contents of the header of a model file, by the types of its fields."""

from collections.abc import Mapping
from typing import Any, Literal

from nnlite.errors import ConfigError, shown
from nnlite.registry import Section
from nnlite.registry.bounds import Count, Index

__all__ = ["InputShape", "ModelHeader"]

Lengths = tuple[Index | None, ...]
InputShape = Lengths | tuple[Lengths, ...]
MOST_ITERATIONS = 2**63 - 1  # as many as an array of integers can count


class ModelHeader(Section, abstract=True):
    """The header of a model file; an entry that is not among these belongs to another format.

    Args:
        format: number of the format.
        content: what the file holds.
        model: the spec of the model.
        input_shape: the shape of its inputs, or of each of several, with None for the batch.
        compile: the arguments of `compile`; None for a model that is not compiled.
        iterations: the optimizer's steps.
        encoder, target, source, typical, intervals, link: see `Interpretation`.
        input_kind: "strings" of a model that writes `call` and takes such.
        training: where the training stands, in a checkpoint.
    """

    content: Literal["model"]
    model: dict[str, Any]
    input_shape: InputShape
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
    training: Mapping[str, Any] | None = None

    def validate(self) -> None:
        if not self.input_shape or () in self.input_shape:
            raise ConfigError(f"expected at least one length, got {list(self.input_shape)}", ("input_shape",))
        if self.compile is not None and self.iterations is None:
            raise ConfigError("missing argument 'iterations' of a compiled model")
        if self.iterations is not None and self.iterations > MOST_ITERATIONS:
            raise ConfigError(f"must be <= {MOST_ITERATIONS}, got {shown(self.iterations)}", ("iterations",))
