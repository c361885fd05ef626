"""The section `search` of a config: the arguments that `nnlite tune` varies, and the objective."""

import math
from typing import Any, Literal

from nnlite.distributed.jobs import Backend
from nnlite.errors import ConfigError, did_you_mean
from nnlite.metrics import Metric
from nnlite.registry import Section

__all__ = ["Search"]

INTERVALS = ("uniform", "log_uniform", "int", "log_int")


class Search(Section):
    """Arguments of the config to vary, and the quantity by which trials are compared.

    Args:
        space: key of the config, spelled as for `--set` -> the values to try, one of
            `{uniform: [low, high]}` and `{log_uniform: [low, high]}`, numbers, the latter evenly over orders of
            magnitude; `{int: [low, high]}` and `{log_int: [low, high]}`, integers, both ends included;
            `{choice: [value, ...]}`, numbers, texts, true, false or null.
        metric: name in the logs of an epoch.
        direction: "minimize", "maximize", or "auto": that of the metric.
        pruner: which trials end early: "median" ends those whose best value so far is worse than the median of
            the earlier trials at the same epoch, from the fourth epoch and the sixth trial on; "hyperband" runs
            many trials for a few epochs and few trials for many; "none" lets all of them run to the end.
        backend: the joblib backend that runs trials in parallel, `--jobs` at a time; the result is the same with each;
            `null` for processes that ask for the next trial as soon as they have ended one.

    >>> Search({"fit.batch_size": {"int": [16, 128]}}, metric="val_accuracy").to_maximize
    True
    """

    space: dict[str, dict[str, list]]
    metric: str = "val_loss"
    direction: Literal["auto", "minimize", "maximize"] = "auto"
    pruner: Literal["median", "hyperband", "none"] = "median"
    backend: Backend | None = None

    def validate(self) -> None:
        if not self.space:
            raise ConfigError("expected one key of the config or more, such as fit.batch_size", ("space",))
        for key, domain in self.space.items():
            try:
                _check(domain)
            except ConfigError as error:
                raise error.within("space", key) from None
        _ = self.to_maximize  # which is an error where neither is known

    @property
    def to_maximize(self) -> bool:
        """Whether a larger value is better."""
        if self.direction != "auto":
            return self.direction == "maximize"
        name = self.metric.removeprefix("val_")
        if name in ("loss", "accuracy", "acc"):
            return name != "loss"
        try:
            return bool(Metric.get(name).higher_is_better)
        except ConfigError:
            message = f"it is not known whether {self.metric!r} is to rise or fall; state minimize or maximize"
            raise ConfigError(message, ("direction",)) from None

    def first_values(self) -> dict[str, Any]:
        """The first value of each key: the config that is checked before the search begins."""
        return {key: values[0] for key, domain in self.space.items() for values in domain.values()}


def _check(domain: dict[str, list]) -> None:
    """`ConfigError` unless `domain` says which values there are."""
    kinds = (*INTERVALS, "choice")
    if len(domain) != 1:
        raise ConfigError(f"expected one of {', '.join(kinds)}, got {', '.join(domain) or 'nothing'}")
    ((kind, values),) = domain.items()
    if kind not in kinds:
        raise ConfigError(f"unknown kind of values {kind!r}; {did_you_mean(kind, kinds)}")
    if kind == "choice":
        plain = all(value is None or isinstance(value, (bool, int, float, str)) for value in values)
        if not values or not plain:
            raise ConfigError(f"expected one or more numbers, texts, true, false or null, got {values}", (kind,))
        return
    _check_interval(kind, values)


def _check_interval(kind: str, values: list) -> None:
    whole = kind in ("int", "log_int")
    types = int if whole else (int, float)
    if len(values) != 2 or not all(isinstance(value, types) and not isinstance(value, bool) for value in values):
        raise ConfigError(f"expected [low, high], two {'integers' if whole else 'numbers'}, got {values}", (kind,))
    low, high = values
    if not (low < high and math.isfinite(low) and math.isfinite(high)):
        raise ConfigError(f"expected low < high, got {values}", (kind,))
    if kind.startswith("log") and low <= 0:
        raise ConfigError(f"orders of magnitude need low > 0, got {values}", (kind,))
