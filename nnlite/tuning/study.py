"""Results of a search: trials, their values, and the best trial."""

import json
import math
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from nnlite.charts import aligned_lines
from nnlite.errors import DataError

__all__ = ["Study", "Trial"]

State = Literal["complete", "pruned", "failed", "interrupted", "running", "waiting"]
SHOWN = 40


@dataclass(frozen=True)
class Trial:
    """One training run of a search.

    Args:
        number: from 0, in the order in which trials began.
        state: "complete"; "pruned", ended early because it fell behind; "failed", with the reason in `error`;
            "interrupted", whose process died, and which is repeated; "running"; "waiting".
        params: key of the config -> value.
        value: the metric of the final model; for a pruned trial, the last value before it was stopped.
        values: the metric after each epoch; None if it is not finite.
        seconds: how long it took; None until it has ended.
        error: why it failed.
    """

    number: int
    state: State
    params: dict[str, Any]
    value: float | None = None
    values: list[float | None] = field(default_factory=list)
    seconds: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Study:
    """The trials of one search; `str(study)` is a table of them.

    Args:
        name: of the config.
        metric: by which trials are compared.
        direction: "minimize" or "maximize".
        space: key of the config -> the values that are tried, as in the section `search`.
        trials: in the order in which they began.
        importances: key of the config -> share of the variance of the trials' ranks that it explains alone, in [0, 1];
            empty where too few trials are complete.

    >>> study = Study("c", "val_loss", "minimize", {"fit.batch_size": {"choice": [16, 32]}}, [
    ...     Trial(0, "complete", {"fit.batch_size": 16}, 0.5, [0.7, 0.5], 1.0),
    ...     Trial(1, "complete", {"fit.batch_size": 32}, 0.4, [0.6, 0.4], 1.0)])
    >>> study.best.params, study.best_values()
    ({'fit.batch_size': 32}, [0.5, 0.4])
    """

    name: str
    metric: str
    direction: Literal["minimize", "maximize"]
    space: dict[str, dict[str, list]]
    trials: list[Trial]
    importances: dict[str, float] = field(default_factory=dict)

    @property
    def best(self) -> Trial | None:
        """The completed trial with the best value, the first in case of ties; None if there is none."""
        complete = [trial for trial in self.trials if trial.state == "complete" and trial.value is not None]
        sign = -1 if self.direction == "maximize" else 1
        return min(complete, key=lambda trial: sign * (trial.value or 0.0), default=None)

    @property
    def finished(self) -> int:
        """Number of finished trials, excluding interrupted ones, which are repeated."""
        return sum(trial.state in ("complete", "pruned", "failed") for trial in self.trials)

    def best_values(self) -> list[float | None]:
        """The best value of the completed trials so far, after each trial."""
        better, best, values = max if self.direction == "maximize" else min, None, []
        for trial in self.trials:
            if trial.state == "complete" and trial.value is not None:
                best = trial.value if best is None else better(best, trial.value)
            values.append(best)
        return values

    def to_dict(self) -> dict[str, Any]:
        """The study as JSON values, with the number of the best trial and the best values over time."""
        best = self.best
        return {**asdict(self), "best": None if best is None else best.number, "best_values": self.best_values()}

    @classmethod
    def read(cls, path: str | Path) -> "Study":
        """The study that `tune` wrote as `study.json`, in this file or folder; Optuna is not needed to read it."""
        path = Path(path, "study.json") if Path(path).is_dir() else Path(path)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            trials = [Trial(**trial) for trial in values.pop("trials")]
            return cls(**{key: values[key] for key in values if key not in ("best", "best_values")}, trials=trials)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DataError(f"{path}: missing or damaged ({error})") from None

    def __str__(self) -> str:
        best = self.best
        rows = [("trial", "state", self.metric, "epochs", "seconds", *self.short_names().values())]
        rows += [self._row(trial, trial is best) for trial in self.shown()]
        lines = aligned_lines(rows)
        hidden = len(self.trials) - len(rows) + 1
        if hidden:
            lines.append(f"... and {hidden} more")
        count = Counter(trial.state for trial in self.trials)
        return "\n".join([*lines, ", ".join(f"{number} {state}" for state, number in count.items())])

    def shown(self) -> list[Trial]:
        """The trials for display: the best first, those without a value last."""
        sign = -1 if self.direction == "maximize" else 1
        order = sorted(
            self.trials,
            key=lambda trial: (trial.state != "complete", math.inf if trial.value is None else sign * trial.value),
        )
        return order[:SHOWN]

    def short_names(self) -> dict[str, str]:
        """Key of the config -> its shortest unambiguous suffix."""
        names = {}
        for count in range(1, 2 + max((key.count(".") for key in self.space), default=0)):
            names = {key: ".".join(key.split(".")[-count:]) for key in self.space}
            if len(set(names.values())) == len(names):
                break
        return names

    def _row(self, trial: Trial, is_best: bool) -> tuple[str, ...]:
        value = "-" if trial.value is None else f"{trial.value:.6g}"
        seconds = "-" if trial.seconds is None else f"{trial.seconds:.1f}"
        params = [_shown(trial.params.get(key)) for key in self.space]
        number = f"{trial.number} *" if is_best else f"{trial.number}"
        return number, trial.state, value, f"{len(trial.values)}", seconds, *params


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
