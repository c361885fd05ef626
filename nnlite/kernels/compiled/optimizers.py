"""Updates of optimizers, compiled: one pass over the arrays where NumPy needs up to ten."""

import numpy as np

from nnlite.kernels.compiled.dense import compiled

__all__ = ["adam", "adam_rows", "decay", "rmsprop", "sgd"]

CACHED = 2**13  # numbers of each vector that stay in the cache between two loops


@compiled
def decay(values: np.ndarray, rate: float, factors: np.ndarray | None, scratch: np.ndarray) -> None:
    rate_ = values.dtype.type(rate)
    for i in range(values.size):
        share = values[i] * rate_
        values[i] -= share if factors is None else share * factors[i]


@compiled
def sgd(
    values: np.ndarray,
    gradients: np.ndarray,
    velocity: np.ndarray | None,
    rate: float,
    momentum: float,
    nesterov: bool,
    factors: np.ndarray | None,
    scratch: np.ndarray,
) -> None:
    kind = values.dtype.type
    rate_, momentum_ = kind(rate), kind(momentum)
    for i in range(values.size):
        step = gradients[i] * rate_
        if factors is not None:
            step *= factors[i]
        if velocity is None:
            values[i] -= step
            continue
        speed = velocity[i] * momentum_ - step
        velocity[i] = speed
        values[i] = values[i] - step + speed * momentum_ if nesterov else values[i] + speed


@compiled
def adam(
    values: np.ndarray,
    gradients: np.ndarray,
    momentum: np.ndarray,
    squares: np.ndarray,
    largest: np.ndarray | None,
    beta_1: float,
    beta_2: float,
    alpha: float,
    epsilon: float,
    factors: np.ndarray | None,
    scratch: np.ndarray,
) -> None:
    kind = values.dtype.type
    beta_1_, beta_2_, alpha_, epsilon_ = kind(beta_1), kind(beta_2), kind(alpha), kind(epsilon)
    for i in range(values.size):
        slope = gradients[i]
        total = momentum[i] * beta_1_ + slope
        square = squares[i] * beta_2_ + slope * slope
        momentum[i], squares[i] = total, square
        if largest is not None:
            square = np.maximum(largest[i], square)
            largest[i] = square
        step = total / (np.sqrt(square) + epsilon_) * alpha_
        values[i] -= step if factors is None else step * factors[i]


@compiled
def adam_rows(
    values: np.ndarray,
    momentum: np.ndarray,
    roots: np.ndarray,
    rows: np.ndarray,
    gradients: np.ndarray,
    share: float,
    square_share: float,
    alpha: float,
    epsilon: float,
    scratch: np.ndarray,
) -> None:
    kind, taken = values.dtype.type, 0
    share_, square_share_, alpha_, epsilon_ = kind(share), kind(square_share), kind(alpha), kind(epsilon)
    vectors, width = (values.reshape(-1), momentum.reshape(-1), roots.reshape(-1)), values.shape[1]
    step = max(1, CACHED // width)
    for start in range(0, len(values), step):
        stop = min(start + step, len(values))
        while taken < rows.size and rows[taken] < stop:
            slopes, total, length, taken = gradients[taken], momentum[rows[taken]], roots[rows[taken]], taken + 1
            for i in range(width):
                slope, root = slopes[i], length[i]
                total[i] += slope * share_
                length[i] = np.sqrt(root * root + slope * slope * square_share_)
        part = slice(start * width, stop * width)  # one loop over many rows, which are mostly short
        block, sums, lengths = vectors[0][part], vectors[1][part], vectors[2][part]
        for i in range(block.size):
            block[i] -= sums[i] / (lengths[i] + epsilon_) * alpha_


@compiled
def rmsprop(
    values: np.ndarray,
    gradients: np.ndarray,
    velocity: np.ndarray,
    average: np.ndarray | None,
    change: np.ndarray | None,
    share: float,
    rate: float,
    momentum: float,
    epsilon: float,
    factors: np.ndarray | None,
    scratch: np.ndarray,
) -> None:
    kind = values.dtype.type
    share_, rate_, momentum_, epsilon_ = kind(share), kind(rate), kind(momentum), kind(epsilon)
    for i in range(values.size):
        slope = gradients[i]
        variance = velocity[i] + (slope * slope - velocity[i]) * share_
        velocity[i] = variance
        if average is not None:
            mean = average[i] + (slope - average[i]) * share_
            average[i] = mean
            variance = np.maximum(variance - mean * mean, kind(0))
        step = slope / np.sqrt(variance + epsilon_) * rate_
        if factors is not None:
            step *= factors[i]
        if change is not None:
            step = change[i] * momentum_ + step
            change[i] = step
        values[i] -= step
