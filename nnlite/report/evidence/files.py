"""The files of a run folder that are read without its model: metrics, history, versions."""

import csv
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nnlite.documents import Document
from nnlite.errors import ConfigError, DataError

__all__ = ["Measured", "read_config", "read_history", "read_json", "read_metrics"]

Numbers = dict[str, float | None]
BESIDE_PARTS = ("baseline", "warnings", "calibration")  # keys of metrics.json that are not part of the data


@dataclass(frozen=True)
class Measured:
    """Contents of metrics.json.

    Args:
        parts: part -> name -> value, None if it is not finite.
        baseline: the same for the baseline, where it has been measured.
        warnings: sentences.
    """

    parts: dict[str, Numbers]
    baseline: dict[str, Numbers] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def judged(self) -> str:
        """The part on which a run is evaluated: test, else validation, else the existing one."""
        return next((part for part in ("test", "validation") if part in self.parts), next(iter(self.parts), ""))


def read_json(path: Path) -> Any:
    """The values of a JSON file; `DataError` if it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise DataError(f"{path}: damaged ({error})") from None


def read_metrics(folder: Path) -> Measured:
    """metrics.json of a run folder; `DataError` if it is missing or damaged."""
    path = folder / "metrics.json"
    values = read_json(path)
    if not isinstance(values, dict) or not all(
        isinstance(value, dict) for part, value in values.items() if part != "warnings"
    ):
        raise DataError(f"{path}: damaged (expected part -> name -> value)")
    parts = {part: value for part, value in values.items() if part not in BESIDE_PARTS}
    return Measured(parts, values.get("baseline", {}), list(values.get("warnings", [])))


def read_history(folder: Path) -> dict[str, list[float]]:
    """The columns of history.csv, NaN for an empty cell; `DataError` if it is missing or damaged."""
    path = folder / "history.csv"
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        history = {name: [float(row[name] or math.nan) for row in rows] for name in (rows[0] if rows else ())}
        if history and not all(map(float.is_integer, history.get("epoch", [math.nan]))):
            raise ValueError("the column `epoch` has to hold integers")
        return history
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, csv.Error) as error:
        raise DataError(f"{path}: damaged ({error})") from None


def read_config(folder: Path) -> dict[str, Any]:
    """The values of config.yaml; `DataError` if it is missing or damaged."""
    try:
        return Document(folder / "config.yaml").values
    except ConfigError as error:
        raise DataError(str(error)) from None
