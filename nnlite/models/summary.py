"""The table of layers that `model.summary()` prints, and a notebook shows."""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from nnlite.charts import aligned, html_table, notebook
from nnlite.registry import snake_case

if TYPE_CHECKING:
    from nnlite.models.base import BaseModel

__all__ = ["print_summary", "summary_html", "summary_output", "summary_table"]

HEAD = ("Layer", "Output shape", "Params")


def print_summary(
    model: "BaseModel",
    line_length: int | None = None,
    positions: Any = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print a table of layers, output shapes and numbers of parameters.

    Args:
        line_length: lines are cut to so many characters; None for whole lines.
        positions: accepted, as Keras has it; columns are as wide as they have to be.
        print_fn: called with the text; `print` when None.
        expand_nested: whether the layers of models inside are listed too.
        show_trainable: whether a column says which layers are trained.
        layer_range: names of the first and of the last layer to list; `ConfigError` for one that does not exist.

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
    rows = [*_listed(model, model._listed() if layer_range is None else _range(model, layer_range), expand_nested)]
    text = _table(model, rows, show_trainable)
    shown = "\n".join(line[:line_length] for line in text.split("\n")) if line_length else text
    (print_fn or print)(shown)


def _range(model: "BaseModel", names: Sequence[str]) -> list[Any]:
    listed = model._listed()
    first, last = (listed.index(model.get_layer(name)) for name in names)
    return listed[first : last + 1]


def _listed(model: Any, layers: Sequence[Any], nested: bool, depth: int = 0) -> Iterator[tuple[Any, int]]:
    """The layers with how deep they are, those of models inside after these."""
    for layer in layers:
        yield layer, depth
        if nested:
            yield from _listed(layer, layer._layers_inside(), True, depth + 1)


def summary_output(model: "BaseModel") -> str:
    """Output of a model's summary in a notebook."""
    return notebook(summary_html(model), width=800)


def summary_table(model: "BaseModel") -> str:
    """One line per layer: name, class, output shape and number of parameters, `?` where not known yet; the totals."""
    return _table(model, [(layer, 0) for layer in model._listed()])


def _table(model: "BaseModel", listed: Sequence[tuple[Any, int]], show_trainable: bool = False) -> str:
    rows = [_row(layer, depth) + ((("yes" if layer.trainable else "no"),) * show_trainable) for layer, depth in listed]
    head = (*HEAD, "Trainable") if show_trainable else HEAD
    lines = aligned(head, rows, numbers=(2,)).split("\n")
    return "\n".join([_title(model), *lines, lines[1], *_totals(model)])


def summary_html(model: "BaseModel") -> str:
    """The same as a table of HTML."""
    totals = "".join(f"<p>{line}</p>" for line in _totals(model))
    return f"<p><b>{escape(_title(model))}</b></p>{html_table(HEAD, _rows(model), numbers=(2,))}{totals}"


def _title(model: "BaseModel") -> str:
    return f"Model: {model._given_name or snake_case(type(model).__name__)}"


def _rows(model: "BaseModel") -> list[tuple[str, ...]]:
    return [_row(layer) for layer in model._listed()]


def _row(layer: Any, depth: int = 0) -> tuple[str, ...]:
    shape = str(layer.output_shape) if layer.output_shape is not None else "?"
    count = f"{layer.count_params():,}" if layer.built else "?"
    return f"{'  ' * depth}{layer.name} ({type(layer).__name__})", shape, count


def _totals(model: "BaseModel") -> list[str]:
    if not model.built:
        return []
    total, trained = model.count_params(), sum(weight.size for weight in model.trainable_weights)
    return [f"Total params: {total:,}  trainable: {trained:,}  non-trainable: {total - trained:,}"]
