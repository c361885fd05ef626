"""Global switches: `epsilon`, verbosity of `fit`, limits on its length, and those of Keras that do nothing here."""

import math
import os
import warnings
from numbers import Real
from typing import Any

from nnlite.errors import ConfigError

__all__ = [
    "disable_flash_attention",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "enable_flash_attention",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "enable_unsafe_deserialization",
    "epsilon",
    "is_flash_attention_enabled",
    "is_interactive_logging_enabled",
    "is_nnx_enabled",
    "is_traceback_filtering_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "set_backend",
    "set_epsilon",
    "set_max_epochs",
    "set_max_steps_per_epoch",
    "within_limit",
]

_switches: dict[str, Any] = {"interactive_logging": True, "traceback_filtering": True, "flash_attention": None}
LIMITS = {"max_epochs": "NNLITE_MAX_EPOCHS", "max_steps_per_epoch": "NNLITE_MAX_STEPS_PER_EPOCH"}
_epsilon = 1e-7


def epsilon() -> float:
    """A small number by which formulas keep denominators and logarithms from 0: 1e-7 unless `set_epsilon` changed it.

    Losses, metrics, constraints and functions of `nnlite.ops` read it where Keras's do, but for metrics that are exact
    without it. The arguments `epsilon` of layers and optimizers do not follow it.
    """
    return _epsilon


def set_epsilon(value: float) -> None:
    """Set the return value of `epsilon()`.

    Raises:
        ConfigError: not a finite number > 0.
    """
    global _epsilon
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 < value < math.inf:
        raise ConfigError(f"epsilon must be a finite number > 0, got {value!r}")
    _epsilon = float(value)


def enable_interactive_logging() -> None:
    """Let `verbose="auto"` of `fit`, `evaluate` and `predict` draw a progress bar; the default."""
    _switches["interactive_logging"] = True


def disable_interactive_logging() -> None:
    """Let `verbose="auto"` of `fit`, `evaluate` and `predict` print a line per epoch, as `verbose=2` does.

    >>> disable_interactive_logging()
    >>> is_interactive_logging_enabled()
    False
    >>> enable_interactive_logging()
    """
    _switches["interactive_logging"] = False


def is_interactive_logging_enabled() -> bool:
    """Whether `verbose="auto"` draws a bar."""
    return _switches["interactive_logging"]


def max_epochs() -> int | None:
    """The largest number of epochs of a call of `fit`; None if there is no limit."""
    return _limit("max_epochs")


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of each `fit`, to try a long program; also by the environment variable `NNLITE_MAX_EPOCHS`.

    Args:
        max_epochs: an integer >= 1; None for no limit.

    Raises:
        ConfigError: anything else.

    >>> set_max_epochs(2)
    >>> max_epochs()
    2
    >>> set_max_epochs(None)
    """
    _set_limit("max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """The largest number of batches of an epoch, an evaluation or a prediction; None if there is no limit."""
    return _limit("max_steps_per_epoch")


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the batches of each epoch of `fit`, and those of `evaluate` and `predict`, to try a long program.

    The environment variable `NNLITE_MAX_STEPS_PER_EPOCH` does the same.

    Args:
        max_steps_per_epoch: an integer >= 1; None for no limit.

    Raises:
        ConfigError: anything else.
    """
    _set_limit("max_steps_per_epoch", max_steps_per_epoch)


def within_limit(steps: int | None) -> Any:
    """The given number of steps (None: all), or `max_steps_per_epoch()` if that is smaller."""
    limit = max_steps_per_epoch()
    return steps if limit is None else min(steps or limit, limit)


def _set_limit(name: str, value: int | None) -> None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise ConfigError(f"{name} must be an integer >= 1 or None, got {value!r}")
    _switches[name] = value


def _limit(name: str) -> int | None:
    if name in _switches:
        return _switches[name]
    text = os.environ.get(LIMITS[name])
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"the environment variable {LIMITS[name]} must be an integer >= 1, got {text!r}")
    return int(text)


def enable_traceback_filtering() -> None:
    """Keras's switch; accepted without effect. Errors are raised where they are detected, with their full traceback."""
    _switches["traceback_filtering"] = True


def disable_traceback_filtering() -> None:
    """Keras's switch; accepted without effect. Tracebacks are always complete."""
    _switches["traceback_filtering"] = False


def is_traceback_filtering_enabled() -> bool:
    """The last choice; True at first, as in Keras."""
    return _switches["traceback_filtering"]


def enable_flash_attention() -> None:
    """Keras's switch; accepted without effect. Attention has a single implementation."""
    _switches["flash_attention"] = None


def disable_flash_attention() -> None:
    """Keras's switch; accepted without effect. Attention has a single implementation."""
    _switches["flash_attention"] = False


def is_flash_attention_enabled() -> bool | None:
    """False after `disable_flash_attention`, else None, as in Keras."""
    return _switches["flash_attention"]


def is_nnx_enabled() -> bool:
    """Whether Flax NNX modules are used: False."""
    return False


def enable_unsafe_deserialization() -> None:
    """Keras's switch, accepted with a warning: model files contain no code here, so there is nothing to allow.

    A model with functions of the user is read where these are registered, by `custom_objects` or
    `register_keras_serializable`.
    """
    warnings.warn(
        "enable_unsafe_deserialization has no effect: model files hold no code; pass functions by custom_objects= or "
        "register them by register_keras_serializable",
        stacklevel=2,
    )


def set_backend(backend: str) -> None:
    """Set the array library; the only one is `"numpy"`.

    Raises:
        ConfigError: any other library.
    """
    if backend != "numpy":
        raise ConfigError(f"nnlite computes with NumPy alone, backend='numpy'; got {backend!r}")
