"""The table of layers that `model.summary()` prints, and a notebook shows."""

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from nnlite.charts import aligned, html_table, notebook
from nnlite.registry import snake_case

if TYPE_CHECKING:
    from nnlite.models.base import BaseModel

__all__ = ["print_summary", "summary_html", "summary_output", "summary_table"]

HEAD = ("Layer", "Output shape", "Params")


def print_summary(model: "BaseModel", print_fn: Callable[[str], Any] = print) -> None:
    """Print a table of layers, output shapes and numbers of parameters.

    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> Sequential([Input((2,)), Dense(3)], seed=0).summary()
    Model: sequential
    Layer          Output shape  Params
    -----------------------------------
    dense (Dense)  (None, 3)          9
    -----------------------------------
    Total params: 9  trainable: 9  non-trainable: 0
    """
    print_fn(summary_table(model))


def summary_output(model: "BaseModel") -> str:
    """What a notebook shows of a model."""
    return notebook(summary_html(model), width=800)


def summary_table(model: "BaseModel") -> str:
    """One line per layer: name, class, output shape and number of parameters, `?` where not known yet; the totals."""
    lines = aligned(HEAD, _rows(model), numbers=(2,)).split("\n")
    return "\n".join([_title(model), *lines, lines[1], *_totals(model)])


def summary_html(model: "BaseModel") -> str:
    """The same as a table of HTML."""
    totals = "".join(f"<p>{line}</p>" for line in _totals(model))
    return f"<p><b>{escape(_title(model))}</b></p>{html_table(HEAD, _rows(model), numbers=(2,))}{totals}"


def _title(model: "BaseModel") -> str:
    return f"Model: {model.name or snake_case(type(model).__name__)}"


def _rows(model: "BaseModel") -> list[tuple[str, str, str]]:
    rows = []
    for layer in model.layers:
        shape = str(layer.output_shape) if layer.built else "?"
        count = f"{layer.count_params():,}" if layer.built else "?"
        rows.append((f"{layer.name} ({type(layer).__name__})", shape, count))
    return rows


def _totals(model: "BaseModel") -> list[str]:
    if not model.built:
        return []
    total, trained = model.count_params(), sum(weight.size for weight in model.trainable_weights)
    return [f"Total params: {total:,}  trainable: {trained:,}  non-trainable: {total - trained:,}"]
