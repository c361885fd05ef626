"""The fit of a whole table."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from nnlite.data.encoders.choices import CATEGORIES, ColumnChoice
from nnlite.data.encoders.columns import Boolean, ColumnEncoder, GapIndicator
from nnlite.data.encoders.fitting.categories import category_encoders
from nnlite.data.encoders.fitting.column import Fit, indicator
from nnlite.data.encoders.fitting.numbers import date_encoders, number_encoders
from nnlite.data.encoders.hashing import HashedText
from nnlite.data.encoders.inputs import Columns, InputEncoder, Texts
from nnlite.data.frames.frame import Frame
from nnlite.data.frames.spelling import spells_truth
from nnlite.data.profile.cells import read_cells
from nnlite.data.profile.profile import profile_columns
from nnlite.data.table import Table
from nnlite.errors import ConfigError, DataError, did_you_mean

__all__ = ["fit_columns", "rows_without_gaps"]

TEXT_WIDTH = 128


def fit_columns(
    source: Table | Frame,
    rows: np.ndarray,
    targets: Sequence[str],
    choices: Mapping[str, ColumnChoice],
    target: np.ndarray | None = None,
) -> InputEncoder:
    """The encoder of all columns except the targets.

    Kinds are found from all rows, so that no later row is of another kind; all that is learned, such as means and
    levels, comes from the training rows alone.

    Args:
        source: the table; gaps of text are `""`, as `Frame.gaps_as_text` has them.
        rows: indices of the training rows.
        targets: the columns to predict.
        choices: what a config says of single columns.
        target: of all rows, for columns encoded by it: labels, or numbers of shape (rows, targets).

    Raises:
        ConfigError: a choice for a column that does not exist, or that does not suit what the column holds.
        DataError: no column is left.
    """
    names = source.names if isinstance(source, Frame) else list(source.columns)
    for name in choices:
        if name not in names or name in targets:
            hint = "it is the target" if name in targets else did_you_mean(name, set(names) - set(targets))
            raise ConfigError(f"no input column {name!r}; {hint}", ("columns", name))
    profiles = profile_columns(source, targets, target is not None and target.ndim == 1)
    fits = [
        Fit(profile, choices.get(profile.name, ColumnChoice()), source, rows, target)
        for profile in profiles
        if profile.name not in targets
    ]
    for fit in fits:
        if fit.profile.numeric_text is not None and fit.name not in choices:
            warnings.warn(f"column {fit.name!r} holds {fit.profile.numeric_text}", stacklevel=3)
    inputs = [fit for fit in fits if fit.encoding != "drop" or fit.choice.missing == "indicator"]
    if len(inputs) == 1 and inputs[0].encoding == "text" and inputs[0].choice.encoding is None:
        return Texts(inputs[0].name)
    encoders = [encoder for fit in inputs for encoder in _encoders(fit)]
    if not encoders:
        dropped = ", ".join(f"{fit.name} ({fit.profile.kind}: {fit.profile.reason})" for fit in fits[:5])
        raise DataError(f"no input columns are left beside the target: {dropped or 'there is no other column'}")
    return Columns(encoders)


def rows_without_gaps(source: Table | Frame, rows: np.ndarray, choices: Mapping[str, ColumnChoice]) -> np.ndarray:
    """The training `rows` that have a value in each column whose choice is `missing: drop`.

    Raises:
        DataError: no row is left.
    """
    remaining = rows
    for name, choice in choices.items():
        if choice.missing == "drop":
            remaining = remaining[~read_cells(source, name).missing[remaining]]
    if not len(remaining):
        raise DataError("no training row has a value in all columns with `missing: drop`; choose another way")
    return remaining


def _encoders(fit: Fit) -> list[ColumnEncoder]:
    encoding = fit.encoding
    if encoding == "drop":
        return [GapIndicator(fit.name, "any")]
    if fit.gaps.all():
        if fit.choice.to_spec():
            raise DataError(f"column {fit.name!r} has no value in the training part; drop it")
        return []
    if fit.holds_numbers:
        return number_encoders(fit, encoding)
    if fit.holds_dates and encoding in ("date_parts", "cyclic"):
        return date_encoders(fit, encoding)
    if encoding == "text":
        return [HashedText(fit.name, fit.choice.width or TEXT_WIDTH)]
    if encoding == "two_valued" and spells_truth(fit.profile.levels):
        return [Boolean(fit.name, words=True), *indicator(fit, fit.choice.missing == "indicator")]
    assert encoding in CATEGORIES  # all others stand above
    return category_encoders(fit, encoding)
