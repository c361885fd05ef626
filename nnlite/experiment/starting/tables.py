"""A profile of a table before training."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnlite.data.files.opening import read_table_file
from nnlite.data.profile import TableProfile, TaskKind, profile_table, task_of
from nnlite.data.profile.cells import read_cells
from nnlite.data.profile.kinds import snake_name
from nnlite.errors import ConfigError, DataError
from nnlite.experiment.starting.config import config_text
from nnlite.experiment.starting.paths import seen_from

__all__ = ["init_config", "look_at"]

NAMES_OF_TARGETS = re.compile(
    r"(^|_)(target|label|labels|class|y|outcome|response|result|price|value|survived|churn|churned|default|income|salary"
    r"|rent|diagnosis|species|quality|fraud|score|rating)$"
)
SOURCES = {".xlsx": "Excel", ".xlsm": "Excel", ".json": "JsonLines", ".jsonl": "JsonLines", ".ndjson": "JsonLines"}
SOURCES |= {".parquet": "Parquet", ".pq": "Parquet", ".arrow": "Parquet", ".feather": "Parquet"}
FEWEST_ROWS = 10
SUGGESTIONS = 3


def _table(path: str) -> Any:
    """The table in a file, as `read_table_file`; `DataError` with a remedy for a folder."""
    if Path(path).is_dir():
        raise DataError(
            f"{path}: a folder, not a table; for images in one folder per class, `nnlite init {path}` writes a config"
        )
    return read_table_file(path)


def look_at(path: str, targets: str | Sequence[str] = (), task: TaskKind | None = None) -> TableProfile:
    """The profile of the table in a file.

    Args:
        path: the file.
        targets: the columns to predict, if any; in one string, the whole name of a column or names separated by
            commas.
        task: the task, if it should not be guessed from the targets.

    Raises:
        DataError: no such file, no table, no such column, or a target that cannot be learned.
    """
    table = _table(path)
    try:
        return profile_table(table, _names(targets, table.names) or None, task, source=path)
    except DataError as error:
        raise error if path in str(error) else DataError(f"{path}: {error}") from None


def _names(targets: str | Sequence[str], columns: Sequence[str]) -> list[str]:
    if not isinstance(targets, str):
        return list(targets)
    return [targets] if targets in columns else [name.strip() for name in targets.split(",") if name.strip()]


def init_config(
    path: str, targets: str | Sequence[str], task: TaskKind | None = None, out: str | None = None
) -> tuple[TableProfile, str]:
    """The profile of a table, and the text of a config that predicts `targets` from all other columns.

    Args:
        path: the file.
        targets: the columns to predict, as `look_at` takes them.
        task: the task, if it should not be guessed from the targets.
        out: where the config will stand; a relative path of the table is then relative to its folder.

    Raises:
        ConfigError: no targets; the message suggests some.
        DataError: as `look_at`, or too few rows, or no column to learn from.
    """
    if not targets:
        raise ConfigError(f"{path}: which column is to be predicted? {_suggestion(path)}")
    profile = look_at(path, targets, task)
    if profile.rows < FEWEST_ROWS:
        raise DataError(f"{path}: {profile.rows} rows are too few to learn from and to be judged by; {FEWEST_ROWS} do")
    if all(column.encoding == "drop" for column in profile.inputs):
        kinds = ", ".join(f"{column.name} ({column.kind}: {column.reason})" for column in profile.inputs[:5])
        raise DataError(
            f"{path}: no column is left to predict {profile.targets[0]!r} from: {kinds or 'there is no other'}"
        )
    name = Path(out).name if out else "config.yaml"
    source = SOURCES.get(Path(path).suffix.lower(), "Csv")
    return profile, config_text(profile, seen_from(path, out), name, source)


def _suggestion(path: str) -> str:
    """Likely targets: columns with the name of one, and the last."""
    table = _table(path)
    names = table.names
    called = [name for name in names if NAMES_OF_TARGETS.search(snake_name(name))]
    likely = []
    for name in dict.fromkeys([*called, *reversed(names)]):
        try:
            likely.append(f"--target {name} ({task_of([read_cells(table, name)]).kind})")
        except DataError:
            continue
        if len(likely) == SUGGESTIONS:
            break
    return f"Likely: {', '.join(likely)}" if likely else f"Columns: {', '.join(names[:20])}"
