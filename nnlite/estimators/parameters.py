"""Constraints on the estimators' parameters; values are checked in more detail where they are used."""

from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from nnlite.callbacks import Callback
from nnlite.errors import ConfigError
from nnlite.estimators.fitting.policies import RATE_POLICIES
from nnlite.layers import Layer
from nnlite.losses import Loss
from nnlite.ops import ActivationFunction
from nnlite.optimizers import LearningRateSchedule, Optimizer

__all__ = ["AUTO", "InvalidParameterError", "check_parameters", "is_whole"]


class InvalidParameterError(ConfigError, TypeError):
    """An invalid parameter value of an estimator: a ValueError and a TypeError, as scikit-learn's."""


AUTO = "auto"

Rule = tuple[Callable[[Any], bool], str]
BOOLS = (bool, np.bool_)
LARGEST_SEED = 2**32 - 1


def is_whole(value: Any) -> bool:
    """Whether the value is an integer other than a boolean."""
    return isinstance(value, Integral) and not isinstance(value, BOOLS)


def _is_real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, BOOLS)


def _kinds(*kinds: type) -> Rule:
    names = dict.fromkeys(kind.__qualname__ for kind in kinds)  # bool and numpy.bool_ are both called bool
    return lambda value: isinstance(value, kinds), " or ".join(f"an instance of {name!r}" for name in names)


def _whole(low: int) -> Rule:
    return lambda value: is_whole(value) and value >= low, f"an int in the range [{low}, inf)"


def _one_of(*words: str) -> Rule:
    return lambda value: isinstance(value, str) and value in words, " or ".join(map(repr, words))


def _any_of(*rules: Rule) -> Rule:
    texts = [text for _, text in rules]
    return lambda value: any(holds(value) for holds, _ in rules), f"{', '.join(texts[:-1])} or {texts[-1]}"


def _fraction(low_open: bool) -> Rule:
    text = f"a float in the range {'(' if low_open else '['}0.0, 1.0)"
    return lambda value: _is_real(value) and 0 <= value < 1 and not (low_open and value == 0), text


def _at_least_0(value: Any) -> bool:
    return _is_real(value) and 0 <= value < np.inf


def _makes_layers(value: Any) -> bool:
    return callable(value) and not isinstance(value, (Layer, type))  # a layer is not a list of layers


ANYTHING: Rule = (lambda value: True, "anything")
NOTHING: Rule = (lambda value: value is None, "None")
AUTOMATIC: Rule = _one_of(AUTO)
POSITIVE: Rule = (lambda value: _is_real(value) and 0 < value < np.inf, "a float in the range (0.0, inf)")
NON_NEGATIVE: Rule = (_at_least_0, "a float in the range [0.0, inf)")
ARRAY_LIKE: Rule = (
    lambda value: not isinstance(value, (str, bytes)) and (hasattr(value, "__len__") or hasattr(value, "__array__")),
    "an array-like",
)
SEED: Rule = (
    lambda value: is_whole(value) and 0 <= value <= LARGEST_SEED,
    f"an int in the range [0, {LARGEST_SEED}]",
)
SCHEDULE: Rule = _kinds(dict, LearningRateSchedule)
RULES: dict[str, Rule] = {
    "hidden_layer_sizes": _any_of(ARRAY_LIKE, _whole(1)),
    "layers": _any_of(_kinds(list, tuple, str), (_makes_layers, "a callable"), NOTHING),
    "activation": _kinds(str, dict, ActivationFunction),
    "dropout": _any_of(_fraction(low_open=False), SCHEDULE, AUTOMATIC),
    "loss": _any_of(_kinds(str, dict, Loss), (callable, "a callable")),
    "optimizer": _kinds(str, dict, Optimizer),
    "learning_rate": _any_of(POSITIVE, SCHEDULE, _one_of(AUTO, *RATE_POLICIES)),
    "weight_decay": _any_of(NON_NEGATIVE, SCHEDULE, AUTOMATIC),
    "alpha": NON_NEGATIVE,
    "epochs": _any_of(_whole(1), AUTOMATIC),
    "batch_size": _any_of(_whole(1), AUTOMATIC),
    "shuffle": _kinds(*BOOLS),
    "standardize": _kinds(*BOOLS),
    "early_stopping": _kinds(*BOOLS),
    "validation_fraction": _fraction(low_open=True),
    "tol": NON_NEGATIVE,
    "n_iter_no_change": _any_of(_whole(1), NOTHING),
    "n_members": _any_of(_whole(1), AUTOMATIC),
    "monotonic_cst": _any_of(ARRAY_LIKE, _kinds(dict), NOTHING),
    "calibration": _any_of(_one_of(AUTO, "temperature", "isotonic"), NOTHING),
    "class_weight": _any_of(_kinds(dict, list), _one_of("balanced"), NOTHING),
    "callbacks": _any_of(_kinds(list, tuple, Callback, str, dict), NOTHING),
    "warm_start": _kinds(*BOOLS),
    "random_state": _any_of(SEED, _kinds(np.random.RandomState), NOTHING),
    "verbose": _any_of(_whole(0), _kinds(*BOOLS)),
}


def check_parameters(parameters: Mapping[str, object], owner: str, rules: Mapping[str, Rule] = RULES) -> None:
    """`InvalidParameterError` naming the first parameter of the estimator `owner` with an invalid value.

    Parameters without a rule, which a subclass may add, are left to it.
    """
    for name, value in parameters.items():
        holds, expected = rules.get(name, ANYTHING)
        if not holds(value):
            raise InvalidParameterError(f"The {name!r} parameter of {owner} must be {expected}. Got {value!r} instead.")
