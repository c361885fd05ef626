"""Operations that need a table in memory."""

from nnlite.data.encoders.choices import ColumnChoice
from nnlite.data.sources.base import DataSource
from nnlite.data.splits import Split
from nnlite.errors import ConfigError

__all__ = ["refuse_what_needs_memory"]

REMEDY = "leave it out, or set `stream: false` if the table fits into memory"


def refuse_what_needs_memory(
    source: DataSource, split: Split, fold: tuple[int, int] | None, weights: str | None, separator: str | None
) -> None:
    """`ConfigError` that names the first key that a streamed table does not support.

    Args:
        source: of the table.
        split: of its rows.
        fold: of a cross-validation.
        weights, target_separator: arguments of `Data`.
    """
    if fold is not None:
        raise ConfigError("a streamed table is not cross-validated: folds need its rows in memory", ("source",))
    settings = {
        ("weights",): weights,
        ("target_separator",): separator,
        ("split", "files"): split.files,
        ("split", "stratify"): split.stratify is True,
        **{("split", role): name for role, name in split.columns.items()},
    }
    for path, value in settings.items():
        if value:
            raise ConfigError(f"a streamed table has no {path[-1]}: rows are drawn one by one; {REMEDY}", path)
    for name, choice in source.choices().items():
        _refuse_choice(choice, ("source", type(source).__name__, "columns", name))


def _refuse_choice(choice: ColumnChoice, path: tuple[str, ...]) -> None:
    if choice.encoding == "target":
        raise ConfigError(f"a column of a streamed table is not encoded by the target; {REMEDY}", (*path, "encoding"))
    if choice.missing == "drop":
        raise ConfigError(f"rows of a streamed table are not dropped; {REMEDY}", (*path, "missing"))
