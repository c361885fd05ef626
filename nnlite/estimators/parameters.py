"""What the estimators' parameters may be; values are read again, more closely, where they are used."""

from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from nnlite.errors import ConfigError
from nnlite.ops import ActivationFunction
from nnlite.optimizers import LearningRateSchedule, Optimizer

__all__ = ["check_parameters"]

Rule = tuple[Callable[[Any], bool], str]
BOOLS = (bool, np.bool_)
LARGEST_SEED = 2**32 - 1


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral)


def _is_real(value: Any) -> bool:
    return isinstance(value, Real)


def _kinds(*kinds: type) -> Rule:
    return lambda value: isinstance(value, kinds), " or ".join(
        f"an instance of {kind.__qualname__!r}" for kind in kinds
    )


def _whole(low: int) -> Rule:
    return lambda value: _is_whole(value) and value >= low, f"an int in the range [{low}, inf)"


def _any_of(*rules: Rule) -> Rule:
    texts = [text for _, text in rules]
    return lambda value: any(holds(value) for holds, _ in rules), f"{', '.join(texts[:-1])} or {texts[-1]}"


def _fraction(low_open: bool) -> Rule:
    text = f"a float in the range {'(' if low_open else '['}0.0, 1.0)"
    return lambda value: _is_real(value) and 0 <= value < 1 and not (low_open and value == 0), text


ANYTHING: Rule = (lambda value: True, "anything")
NOTHING: Rule = (lambda value: value is None, "None")
POSITIVE: Rule = (lambda value: _is_real(value) and 0 < value < np.inf, "a float in the range (0.0, inf)")
ARRAY_LIKE: Rule = (lambda value: hasattr(value, "__len__") or hasattr(value, "__array__"), "an array-like")
SEED: Rule = (
    lambda value: _is_whole(value) and 0 <= value <= LARGEST_SEED,
    f"an int in the range [0, {LARGEST_SEED}]",
)
RULES: dict[str, Rule] = {
    "hidden_layer_sizes": _any_of(ARRAY_LIKE, _whole(1)),
    "layers": _any_of(_kinds(list, tuple), (callable, "a callable"), NOTHING),
    "activation": _kinds(str, dict, ActivationFunction),
    "dropout": _fraction(low_open=False),
    "optimizer": _kinds(str, dict, Optimizer),
    "learning_rate": _any_of(POSITIVE, _kinds(dict, LearningRateSchedule), NOTHING),
    "epochs": _whole(1),
    "batch_size": _whole(1),
    "standardize": _kinds(*BOOLS),
    "early_stopping": _kinds(*BOOLS),
    "validation_fraction": _fraction(low_open=True),
    "n_iter_no_change": _whole(1),
    "random_state": _any_of(SEED, _kinds(np.random.RandomState), NOTHING),
    "verbose": _any_of(_whole(0), _kinds(*BOOLS)),
}


def check_parameters(parameters: Mapping[str, object], owner: str) -> None:
    """`ConfigError` naming the first parameter of the estimator `owner` that has a value it cannot have.

    Parameters without a rule, which a subclass may add, are left to it.
    """
    for name, value in parameters.items():
        holds, expected = RULES.get(name, ANYTHING)
        if not holds(value):
            raise ConfigError(f"The {name!r} parameter of {owner} must be {expected}. Got {value!r} instead.")
