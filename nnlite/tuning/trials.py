"""One trial: the config with values suggested by Optuna, trained and evaluated."""

import json
import math
import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nnlite.callbacks import LambdaCallback
from nnlite.data import Prepared
from nnlite.errors import NNLiteError, needed_for
from nnlite.experiment import Experiment
from nnlite.experiment.search import Search

__all__ = ["Trials", "Watch", "assignments", "is_alive", "optuna_library", "process_name"]


class Watch:
    """Reports the metric after each epoch, and stops trials that fall behind or diverge.

    Args:
        trial: of Optuna.
        metric: name in the logs.
        prunes: whether to ask the pruner if the trial has fallen behind, which takes some milliseconds.
    """

    def __init__(self, trial: Any, metric: str, prunes: bool = True) -> None:
        self.trial, self.metric, self.prunes = trial, metric, prunes
        self.last, self.pruned = math.nan, False
        self.callback = LambdaCallback(on_epoch_end=self._look)

    def _look(self, epoch: int, logs: dict[str, float]) -> None:
        if self.metric not in logs:  # an epoch without validation
            return
        self.last = float(logs[self.metric])
        if math.isfinite(self.last):
            self.trial.report(self.last, epoch)
            self.pruned = self.prunes and self.trial.should_prune()
        if self.pruned or not math.isfinite(self.last):
            self.callback.model.stop_training = True


class Trials:
    """The objective that Optuna calls for each trial.

    Args:
        path: the config.
        overrides: changes to it, as for `--set`.
        search: its section `search`.
        known: data that are prepared already, by their key.
    """

    def __init__(
        self, path: str | Path, overrides: Sequence[str], search: Search, prepared: Mapping[str, Prepared] | None = None
    ) -> None:
        self.path, self.overrides, self.search = path, overrides, search
        self._prepared = dict(prepared or {})  # those of the last trial, which most often serve again

    def __call__(self, trial: Any) -> float:
        """Train with suggested values; returns the metric of the final model."""
        import optuna

        trial.set_user_attr("process", process_name())
        params = {key: suggested(trial, key, domain) for key, domain in self.search.space.items()}
        twin = self._twin(trial)
        if twin is not None:
            trial.set_user_attr("same as", twin.number)
            return twin.value
        start = time.perf_counter()
        try:
            value, pruned = self._trained(trial, params)
        except Exception as error:  # of these values: the config as such was checked before
            trial.set_user_attr("error", str(error) if isinstance(error, NNLiteError) else repr(error))
            raise
        finally:
            trial.set_user_attr("seconds", time.perf_counter() - start)
        if pruned:
            raise optuna.TrialPruned
        if not math.isfinite(value):
            trial.set_user_attr("error", f"{self.search.metric} is {value}: the training diverged")
            return math.nan  # a failure to Optuna
        return value

    def _trained(self, trial: Any, params: dict[str, Any]) -> tuple[float, bool]:
        """The metric of the trained model, and whether training was ended because it fell behind."""
        experiment = Experiment.from_file(self.path, [*self.overrides, *assignments(params)])
        key = experiment.data_key
        last = self._prepared.get(key)
        if last is None:
            self._prepared.clear()  # before others take memory, too
        model, data = experiment.prepare(prepared=last)
        self._prepared[key] = data
        arguments = experiment.fit_arguments(data)
        watch = Watch(trial, self.search.metric, self.search.pruner != "none")
        arguments["callbacks"] = [*(arguments.get("callbacks") or ()), watch.callback]
        fit_data = data.for_fit()
        with experiment.explaining():
            model.fit(**fit_data, verbose=0, **arguments)
        validation = fit_data["validation_data"]
        name = self.search.metric.removeprefix("val_")
        if watch.pruned or name == self.search.metric or validation is None or not math.isfinite(watch.last):
            return watch.last, watch.pruned
        # The weights that are left: a callback may have put back those of the best epoch.
        return float(model.evaluate(*validation, return_dict=True, verbose=0)[name]), False

    def _twin(self, trial: Any) -> Any:
        """A complete trial of the same values: equal values and equal seed give an equal model."""
        import optuna

        complete = trial.study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        return next((other for other in complete if other.params == trial.params), None)


def suggested(trial: Any, key: str, domain: dict[str, list]) -> Any:
    """Optuna's next value for a key."""
    ((kind, values),) = domain.items()
    if kind == "choice":
        return trial.suggest_categorical(key, values)
    suggest = trial.suggest_int if kind in ("int", "log_int") else trial.suggest_float
    return suggest(key, *values, log=kind.startswith("log"))


def assignments(params: dict[str, Any]) -> list[str]:
    """The values as overrides of the config: `["fit.batch_size=16"]`; JSON is valid YAML."""
    return [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in params.items()]


def process_name() -> str:
    """An identifier of this process: machine, process number and, if known, start time."""
    return f"{socket.gethostname()}/{os.getpid()}/{_began(os.getpid())}"


def is_alive(name: str) -> bool:
    """Whether the process with this identifier is still running; assumed for processes of other machines."""
    machine, number, began = name.split("/")
    if machine != socket.gethostname():
        return True
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except OSError:  # a process of another user, or a system without signals
        return True
    return _began(int(number)) == began


def _began(number: int) -> str:
    """Start of a process, in the system's ticks; empty if that is not available."""
    try:
        text = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


def optuna_library() -> Any:
    """Optuna with its own log output disabled; `MissingLibraryError` if it is not installed."""
    with needed_for("nnlite tune searches by Optuna", "nnlite[tune]"):
        import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
