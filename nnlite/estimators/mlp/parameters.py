"""Constraints on the parameters of the multi-layer perceptrons, worded as in scikit-learn."""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np

from nnlite.estimators.parameters import ARRAY_LIKE, BOOLS, NOTHING, SEED, InvalidParameterError, Rule, is_whole

__all__ = ["RULES", "hidden_units"]

KINDS: dict[type, str] = {Integral: "an int", Real: "a float"}


def _interval(kind: type, low: float, high: float = np.inf, closed: str = "[)") -> Rule:
    """Numbers of one kind between two bounds; a square bracket includes its bound."""
    above: Callable[[Any], bool] = (lambda value: value >= low) if closed[0] == "[" else (lambda value: value > low)
    below: Callable[[Any], bool] = (lambda value: value <= high) if closed[1] == "]" else (lambda value: value < high)
    bounds = ", ".join(str(bound if bound == np.inf or kind is Integral else float(bound)) for bound in (low, high))
    text = f"{KINDS[kind]} in the range {closed[0]}{bounds}{closed[1]}"
    return lambda value: isinstance(value, kind) and above(value) and below(value), text


def _one_of(*options: str) -> Rule:
    listed = ", ".join(map(repr, sorted(options)))
    return lambda value: isinstance(value, str) and value in options, f"a str among {{{listed}}}"


def _any_of(*rules: Rule) -> Rule:
    *first, last = [text for _, text in rules]
    return lambda value: any(holds(value) for holds, _ in rules), f"{', '.join(first)} or {last}"


def _instance(kind: type) -> Rule:
    room = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return lambda value: isinstance(value, kind), f"an instance of '{room}{kind.__qualname__}'"


BOOLEANS = [_instance(kind) for kind in BOOLS]
BOOLEAN = _any_of(*BOOLEANS)
INFINITY: Rule = (lambda value: isinstance(value, Real) and value == np.inf, "a float among {inf}")
COUNT, NOT_NEGATIVE = _interval(Integral, 1), _interval(Real, 0)
POSITIVE, BELOW_ONE = _interval(Real, 0, closed="()"), _interval(Real, 0, 1)

RULES: dict[str, Rule] = {
    "loss": _one_of("squared_error", "poisson"),
    "hidden_layer_sizes": _any_of(ARRAY_LIKE, COUNT),
    "activation": _one_of("identity", "logistic", "tanh", "relu"),
    "solver": _one_of("lbfgs", "sgd", "adam"),
    "alpha": NOT_NEGATIVE,
    "batch_size": _any_of(_one_of("auto"), COUNT),
    "learning_rate": _one_of("constant", "invscaling", "adaptive"),
    "learning_rate_init": POSITIVE,
    "power_t": NOT_NEGATIVE,
    "max_iter": COUNT,
    "shuffle": BOOLEAN,
    "random_state": _any_of(SEED, _instance(np.random.RandomState), NOTHING),
    "tol": NOT_NEGATIVE,
    "verbose": _any_of(_interval(Integral, 0), *BOOLEANS),
    "warm_start": BOOLEAN,
    "momentum": _interval(Real, 0, 1, closed="[]"),
    "nesterovs_momentum": BOOLEAN,
    "early_stopping": BOOLEAN,
    "validation_fraction": BELOW_ONE,
    "beta_1": BELOW_ONE,
    "beta_2": BELOW_ONE,
    "epsilon": POSITIVE,
    "n_iter_no_change": _any_of(COUNT, INFINITY),
    "max_fun": COUNT,
}


def hidden_units(hidden_layer_sizes: Any) -> list[int]:
    """The units of each hidden layer; `InvalidParameterError` unless all are positive integers."""
    sizes = [hidden_layer_sizes] if isinstance(hidden_layer_sizes, Integral) else list(hidden_layer_sizes)
    if not all(is_whole(size) for size in sizes):
        raise InvalidParameterError(f"hidden_layer_sizes must be integers, got {sizes}.")
    if any(size <= 0 for size in sizes):
        raise InvalidParameterError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [int(size) for size in sizes]
