"""The table of layers printed by `model.summary()` and displayed in notebooks."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.charts import aligned, boxed, html_table, notebook
from nnlite.errors import ConfigError
from nnlite.foreign.keras_graphs import is_graph, uses_of
from nnlite.layers import Input
from nnlite.layers.base.contract.structure import leaves_of
from nnlite.layers.base.symbolic import Symbol
from nnlite.layers.composite.operation import Operation

if TYPE_CHECKING:
    from nnlite.models.base import BaseModel

__all__ = ["print_summary", "summary_html", "summary_output", "summary_table"]

HEAD = ("Layer", "Output shape", "Params")
NARROWEST = 4  # characters of a column
UNITS = ("B", "KB", "MB", "GB", "TB")


def print_summary(
    model: "BaseModel",
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print a table of layers, output shapes and numbers of parameters, in Keras's layout.

    Args:
        line_length: width of the table in characters; 76 when None.
        positions: where the columns end, as parts of the width, such as `[0.4, 0.7, 1.0]`; Keras's when None.
        print_fn: called with the text; `print` when None.
        expand_nested: whether the layers of models inside are listed too.
        show_trainable: whether a column says which layers are trained.
        layer_range: names of the first and of the last layer to list; `ConfigError` for one that does not exist.

    Raises:
        ConfigError: another number of positions than of columns, or columns that would be too narrow.

    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> Sequential([Input((2,)), Dense(3)], name="net").summary(line_length=48)
    Model: "net"
    ┏━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┳━━━━━━━━━┓
    ┃ Layer (type)       ┃ Output Shape  ┃ Param # ┃
    ┡━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━╇━━━━━━━━━┩
    │ dense (Dense)      │ (None, 3)     │       9 │
    └────────────────────┴───────────────┴─────────┘
     Total params: 9 (36.00 B)
     Trainable params: 9 (36.00 B)
     Non-trainable params: 0 (0.00 B)
    """
    batch = _first_batch(model) if model.built else None
    listed = [*_listed(model, model._listed() if layer_range is None else _range(model, layer_range), expand_nested)]
    sources = _sources(model)
    titles, sides, ends = _columns(sources is not None, show_trainable, positions)
    rows = [_framed_row(layer, depth, sources, show_trainable, batch) for layer, depth in listed]
    table = boxed(titles, rows, _widths(ends, line_length or LENGTH), sides)
    text = "\n".join([f'Model: "{model.name}"', table, *_amounts(model)])
    write = print_fn or print
    try:
        write(text)
    except UnicodeEncodeError:  # a terminal, or a file, without such characters
        write(summary_table(model))


LENGTH = 76  # of the table in characters
POSITIONS = {False: (0.45, 0.8, 1.0), True: (0.3, 0.56, 0.74, 1.0)}  # where columns end, by whether calls are shown


def _columns(connected: bool, trainable: bool, stated: Sequence[float] | None) -> tuple[list[str], str, list[float]]:
    """The titles of the columns, the sides at which their texts are, and where they end, as parts of the width."""
    titles = ["Layer (type)", "Output Shape", "Param #"] + ["Connected to"] * connected + ["Trainable"] * trainable
    ends = [*(stated or POSITIONS[connected])]
    ends = [0.9 * end for end in ends] + [1.0] if trainable else ends
    if len(ends) != len(titles):
        raise ConfigError(f"the columns {', '.join(titles)} need {len(titles) - trainable} positions, got {stated}")
    return titles, "<<>" + "<" * connected + "^" * trainable, ends


def _widths(ends: Sequence[float], length: int) -> list[int]:
    """The widths of the columns in a table of this width, of which margins and frames take their part evenly."""
    stops = [int(end * length) for end in ends]
    widths = [stop - before for before, stop in itertools.pairwise((0, *stops))]
    if min(widths) < NARROWEST:
        raise ConfigError(f"a table of {length} characters is too narrow: its columns would have {widths}")
    excess = sum(widths) + 3 * len(widths) + 1 - length
    for index in range(len(widths)):
        cut = round(excess / (len(widths) - index))
        widths[index], excess = widths[index] - cut, excess - cut
    return widths


def _sources(model: Any) -> dict[int, list[str]] | None:
    """By `id` of each layer of a graph the values that its calls take; None for a chain of layers."""
    if not is_graph(model):
        return None
    inputs, uses, _ = uses_of(model)
    before = inputs[-1:]
    straight = len(inputs) == 1 and len({id(use.layer) for use in uses}) == len(uses)
    sources: dict[int, list[str]] = {}
    for use in uses:
        straight = straight and [id(source) for source, _ in use.taken] == [id(one) for one in before]
        before = [use]
        taken = [f"{source.layer.name}[{source.index}][{part}]" for source, part in use.taken]
        sources.setdefault(id(use.layer), []).extend(taken)
    return None if straight else sources


def _first_batch(model: Any) -> int | None:
    """The number of examples of the first data of a model that writes `call`, or that its `build` was told.

    A chain or graph is drawn for the number that it states, so that the shapes of its layers have it.
    """
    if model._stated_ends() or not model._traced:
        return None
    return leaves_of(model._built_on or model._told_shape or (None,))[0]


def _framed_row(
    layer: Any, depth: int, sources: dict[int, list[str]] | None, trainable: bool, batch: int | None
) -> list[str]:
    kind = type(layer).__name__
    if isinstance(layer, Operation):
        kind = layer.function.title().replace("_", "")  # as Keras calls the function's class
    shape = str(_shape(layer, batch)) if layer.output_shape is not None else "?"
    count = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
    connected = [] if sources is None else [", ".join(sources.get(id(layer), [])) or "-"]
    trained = ("Y" if layer.trainable else "N") if layer.built and layer.weights else "-"
    name = f"{layer.name} ({kind})"
    return [f"{'   ' * depth}└ {name}" if depth else name, shape, count, *connected, *([trained] if trainable else [])]


def _shape(layer: Any, batch: int | None) -> Any:
    """The shape of a layer's output, with the number of examples that an `Input` or the first data state."""
    output = layer if isinstance(layer, Input) else layer._node and layer._node[1]
    if isinstance(output, (Input, Symbol)):
        return output.shape
    shape = layer.output_shape
    if isinstance(next(iter(shape), None), tuple):
        return [(batch, *lengths[1:]) for lengths in shape]
    return (batch, *shape[1:]) if shape else shape


def _amounts(model: "BaseModel") -> list[str]:
    """The numbers of parameters, and the bytes that they take."""
    optimizer = model.optimizer.variables if model.compiled and model.optimizer.built else []
    amounts = {
        "Total": [*model.weights, *optimizer],
        "Trainable": model.trainable_weights,
        "Non-trainable": model.non_trainable_weights,
        **({"Optimizer": optimizer} if optimizer else {}),
    }
    return [f" {what} params: {_amount(variables)}" for what, variables in amounts.items()]


def _amount(variables: Iterable[Any]) -> str:
    arrays = [np.asarray(variable) for variable in variables]
    size = float(sum(array.nbytes for array in arrays))
    unit = 0
    while size >= 1024 and unit < len(UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{sum(array.size for array in arrays):,} ({size:.2f} {UNITS[unit]})"


def _range(model: "BaseModel", names: Sequence[str]) -> list[Any]:
    listed = model._listed()
    first, last = (listed.index(model.get_layer(name)) for name in names)
    return listed[first : last + 1]


def _listed(model: Any, layers: Sequence[Any], nested: bool, depth: int = 0) -> Iterator[tuple[Any, int]]:
    """The layers with how deep they are, those of models inside after these."""
    for layer in layers:
        yield layer, depth
        if nested:
            yield from _listed(layer, layer.layers if is_graph(layer) else layer._layers_inside(), True, depth + 1)


def summary_output(model: "BaseModel") -> str:
    """Output of a model's summary in a notebook."""
    return notebook(summary_html(model), width=800)


def summary_table(model: "BaseModel") -> str:
    """One line per layer: name, class, output shape and number of parameters, `?` if not yet known; the totals."""
    lines = aligned(HEAD, _rows(model), numbers=(2,)).split("\n")
    return "\n".join([_title(model), *lines, lines[1], *_totals(model)])


def summary_html(model: "BaseModel") -> str:
    """The same as a table of HTML."""
    totals = "".join(f"<p>{line}</p>" for line in _totals(model))
    return f"<p><b>{escape(_title(model))}</b></p>{html_table(HEAD, _rows(model), numbers=(2,))}{totals}"


def _title(model: "BaseModel") -> str:
    return f"Model: {model.name}"


def _rows(model: "BaseModel") -> list[tuple[str, ...]]:
    return [_row(layer) for layer in model._listed()]


def _row(layer: Any) -> tuple[str, ...]:
    shape = str(layer.output_shape) if layer.output_shape is not None else "?"
    count = f"{layer.count_params():,}" if layer.built else "?"
    return f"{layer.name} ({type(layer).__name__})", shape, count


def _totals(model: "BaseModel") -> list[str]:
    if not model.built:
        return []
    total, trained = model.count_params(), sum(weight.size for weight in model.trainable_weights)
    return [f"Total params: {total:,}  trainable: {trained:,}  non-trainable: {total - trained:,}"]
