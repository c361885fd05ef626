"""Names that a config can use: the classes of each kind, with their arguments, as text."""

import inspect
import shutil
import textwrap
from collections.abc import Sequence
from typing import Any

from nnlite.callbacks import Callback
from nnlite.constraints import Constraint
from nnlite.data import DataSource
from nnlite.errors import ConfigError, did_you_mean
from nnlite.initializers import Initializer
from nnlite.layers import Layer
from nnlite.losses import Loss
from nnlite.metrics import Metric
from nnlite.ops import ActivationFunction
from nnlite.optimizers import Optimizer
from nnlite.registry import LISTED, Configurable, constructor_parameters, default_value, field_hints, normalized
from nnlite.registry.descriptions import argument_texts, spelled, summary_of, type_text
from nnlite.regularizers import Regularizer
from nnlite.schedules import LearningRateSchedule

__all__ = ["KINDS", "catalogue", "spelled_default"]

FAMILIES: tuple[type[Configurable], ...] = (
    Layer,
    Loss,
    Metric,
    Optimizer,
    Callback,
    LearningRateSchedule,
    DataSource,
    Initializer,
    Regularizer,
    Constraint,
    ActivationFunction,
)
KINDS = {LISTED[family._family]: family for family in FAMILIES}
WIDTH = 120
WIDEST = (99, 30, 18)  # of the columns before the last one; names stay whole


def catalogue(kind: str | None = None, name: str | None = None) -> str:
    """The kinds, or the classes of a kind, or the arguments of a class.

    Args:
        kind: `"layers"`, `"losses"` and so on; or a class, if its name is one of a single kind.
        name: a class of that kind, in any case and underscore style.

    Raises:
        ConfigError: no such kind or name.

    >>> print(catalogue("regularizers"))
    FunctionRegularizer    The penalty given by a user-defined function, made of...
    L1                     `penalty = l1 * sum(abs(values))`: drives values to...
    L1L2                   `penalty = l1 * sum(abs(values)) + l2 *...
    L2                     `penalty = l2 * sum(values**2)`: keeps values small
    OrthogonalRegularizer  `penalty = factor * mean of abs(cos(angle))`...
    """
    if kind is None:
        rows = [(kind, f"{len(family.members())}", summary_of(family)) for kind, family in KINDS.items()]
        return wrapped_rows(rows)
    if kind not in KINDS:
        kind, name = _kind_of(kind), kind
    members = KINDS[kind].members()
    if name is None:
        width = _width() - max(map(len, members)) - 2
        return wrapped_rows([(name, _cut(summary_of(member), width)) for name, member in members.items()])
    return _described(KINDS[kind]._lookup(name), KINDS[kind])


def _kind_of(name: str) -> str:
    """The only kind that has a class of that name; `ConfigError` if none has, or several have."""
    kinds = [kind for kind, family in KINDS.items() if normalized(name) in map(normalized, family.members())]
    if len(kinds) == 1:
        return kinds[0]
    if kinds:
        raise ConfigError(f"{name!r} is a class of several kinds; write one before it: {' or '.join(kinds)}")
    names = {*KINDS, *(name for family in KINDS.values() for name in family.members())}
    everything = f"The kinds: {', '.join(KINDS)}"
    raise ConfigError(f"unknown kind or class {name!r}; {did_you_mean(name, names, everything)}")


def _described(cls: type[Configurable], family: type[Configurable]) -> str:
    """The arguments of a class: name, type, default and meaning of each, below what the class is."""
    aliases = [key for key, member in family._members.items() if member is cls and key != normalized(cls.__name__)]
    title = f"{cls.__name__}: {summary_of(cls)}"
    lines = textwrap.wrap(title, _width()) + ([f"Also named {', '.join(aliases)}."] if aliases else [])
    hints, texts = field_hints(cls), argument_texts(cls)
    rows = [("ARGUMENT", "TYPE", "DEFAULT", "MEANING")]
    for name, parameter in constructor_parameters(cls).items():
        default = default_value(cls, name, parameter.default)
        rows.append((name, type_text(hints.get(name, Any)), spelled_default(default), texts.get(name, "")))
    return "\n".join([*lines, "", wrapped_rows(rows) if len(rows) > 1 else "It takes no arguments."])


def spelled_default(default: Any) -> str:
    """A default in config notation; a class without its arguments."""
    if default is inspect.Parameter.empty:
        return "required"
    if isinstance(default, dict) and len(default) == 1:
        return str(next(iter(default)))
    return spelled(default) or '""'


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3].rstrip()}..."


def _width() -> int:
    return max(min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH), 60)


def wrapped_rows(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells in columns; long cells are wrapped.

    >>> print(wrapped_rows([("a", "first"), ("long", "second")]))
    a     first
    long  second
    """
    count = len(rows[0])
    widths = [min(max(len(row[i]) for row in rows), WIDEST[i]) for i in range(count - 1)]
    widths.append(max(_width() - sum(widths) - 2 * len(widths), 24))
    lines = []
    for row in rows:
        cells = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, widths, strict=True)]
        for index in range(max(map(len, cells))):
            parts = [cell[index] if index < len(cell) else "" for cell in cells]
            lines.append("  ".join(f"{part:{width}}" for part, width in zip(parts, widths, strict=True)).rstrip())
    return "\n".join(lines)
