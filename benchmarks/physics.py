"""Differential equations solved by Levenberg-Marquardt, beside their exact solutions.

    python -m benchmarks.physics [--equations poisson burgers] [--seconds 60] [--goal 1e-5]

Poisson's equation `u'' = f` on [-1, 1] with u = 0 at the ends, for the f of `sin(pi x) + sin(4 pi x) / 4`; Burgers'
equation `u_t + u u_x = 0.01 / pi u_xx` on [0, 1] with `u(x, 0) = -sin(pi x)` and u = 0 at the ends, which steepens to
an edge of the width 0.006. Each row is a condition, inside or at a boundary; the network is told nothing else. Prints
the relative L2 error on a fine grid after every 50 iterations, until the time is over or the error below the goal.
"""

import argparse
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import Input, Model, Sequential
from nnlite.layers import Dense, InputDerivatives, Rescaling

__all__ = ["EQUATIONS", "Problem", "burgers", "burgers_solution", "poisson", "solved"]

VISCOSITY = 0.01 / math.pi
EDGE = 0.02  # where the coordinate of Burgers' equation turns from even steps to steps in proportion to x
BOUNDARY = 5.0  # weight of a boundary condition, of which there are few
ITERATIONS = 50  # between two looks at the error
PLASTIC = 1.324717957244746  # its powers spread points evenly (Roberts 2018)


class Problem(NamedTuple):
    """An equation as a model that is trained.

    Args:
        model: from `[points, coefficients]` to the value of each condition.
        network: u alone, which shares its weights.
        inputs, targets: what the model learns from.
        grid, exact: points to judge by, and u there.
    """

    model: Model
    network: Sequential
    inputs: list[np.ndarray]
    targets: np.ndarray
    grid: np.ndarray
    exact: np.ndarray

    def error(self) -> float:
        """The relative L2 error."""
        solution = self.network.predict(self.grid, verbose=0)[:, 0]
        return float(np.linalg.norm(solution - self.exact) / np.linalg.norm(self.exact))


def poisson(seed: int = 0, units: int = 16) -> Problem:
    """`u'' = f` by a network of two layers; 100 points inside, and the two ends."""
    inside = np.linspace(-1, 1, 102)[1:-1]
    points = np.append(inside, [-1.0, 1.0])
    forces = -(math.pi**2) * (np.sin(math.pi * inside) + 4 * np.sin(4 * math.pi * inside))
    scale = 1 / np.abs(forces).max()
    coefficients = np.zeros((len(points), 2))
    coefficients[:-2, 1], coefficients[-2:, 0] = scale, BOUNDARY
    terms = InputDerivatives(_body(units, [1.0], [0.0]), order=2, dtype="float64")
    place, weights = Input((1,), dtype="float64"), Input((2,), dtype="float64")
    u, second = _columns(terms(place), [0, 2])
    values = weights[:, 0:1] * u + weights[:, 1:2] * second
    grid = np.linspace(-1, 1, 1000)
    return Problem(
        Model([place, weights], values, seed=seed),
        Sequential(terms.layers),
        [points[:, None], coefficients],
        np.append(forces * scale, [0.0, 0.0])[:, None],
        grid[:, None],
        np.sin(math.pi * grid) + np.sin(4 * math.pi * grid) / 4,
    )


def burgers_solution(x: np.ndarray, t: np.ndarray, nodes: int = 100) -> np.ndarray:
    """The exact solution at `x` and `t > 0`, by Cole and Hopf's transform and Gauss-Hermite quadrature.

    `u = -E[sin(pi y) w(y)] / E[w(y)]` over `y = x - 2 sqrt(nu t) z`, z with the density exp(-z^2), and
    `w(y) = exp(-cos(pi y) / (2 pi nu))` (Basdevant et al. 1986, "Spectral and finite difference solutions of the
    Burgers equation").
    """
    z, share = np.polynomial.hermite.hermgauss(nodes)
    y = x[..., None] - np.sqrt(4 * VISCOSITY * t)[..., None] * z
    exponent = -np.cos(math.pi * y) / (2 * math.pi * VISCOSITY)
    weights = share * np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    return -(np.sin(math.pi * y) * weights).sum(axis=-1) / weights.sum(axis=-1)


def burgers(seed: int = 0, units: int = 16, count: int = 500) -> Problem:
    """Burgers' equation in the coordinate `s = asinh(x / EDGE) / asinh(1 / EDGE)`, in which the edge is no edge.

    With `a = ds/dx` and `b = d2s/dx2`, `u_x = a u_s` and `u_xx = a^2 u_ss + b u_s`; the equation of a point is divided
    by `1 + a`, so that those near the edge do not outweigh all others. u is odd in x: half of [-1, 1] is enough.
    """
    s, t = ((np.arange(1, count + 1)[:, None] / np.array([PLASTIC, PLASTIC**2])) % 1).T
    along, over = np.linspace(0, 1, 41), np.linspace(0, 1, 25)
    s = np.concatenate([s, along, 0 * over, 0 * over + 1])
    t = np.concatenate([t, 0 * along, over, over])
    x, inside = EDGE * np.sinh(s * math.asinh(1 / EDGE)), np.arange(len(s)) < count
    a = 1 / (math.asinh(1 / EDGE) * np.sqrt(x**2 + EDGE**2))
    share = np.where(inside, 1 / (1 + a), 0.0)
    bend = -a * x / (x**2 + EDGE**2)
    parts = [np.where(inside, 0.0, BOUNDARY), share, share * a, -share * VISCOSITY * bend, -share * VISCOSITY * a**2]
    start = np.where(inside | (t > 0), 0.0, -BOUNDARY * np.sin(math.pi * x))
    terms = InputDerivatives(_body(units, [2.0, 2.0], [-1.0, -1.0]), order=2, second_columns=[0], dtype="float64")
    place, weights = Input((2,), dtype="float64"), Input((5,), dtype="float64")
    u, by_s, by_t, by_ss = _columns(terms(place), range(4))
    alone, by_time, product, first, second = _columns(weights, range(5))
    values = alone * u + by_time * by_t + product * u * by_s + first * by_s + second * by_ss
    line, times = (own.ravel() for own in np.meshgrid(np.linspace(0, 1, 129), np.linspace(0, 1, 101)[1:]))
    grid = np.stack([np.arcsinh(line / EDGE) / math.asinh(1 / EDGE), times], axis=1)
    model, inputs = Model([place, weights], values, seed=seed), [np.stack([s, t], axis=1), np.stack(parts, axis=1)]
    return Problem(model, Sequential(terms.layers), inputs, start[:, None], grid, burgers_solution(line, times))


def _body(units: int, scale: list[float], offset: list[float]) -> list[Any]:
    return [Rescaling(scale, offset), Dense(units, "tanh"), Dense(units, "tanh"), Dense(1)]


def _columns(terms: Any, places: Any) -> list[Any]:
    """Columns of drawn values, each `(batch, 1)`."""
    return [terms[:, place : place + 1] for place in places]


EQUATIONS: dict[str, Callable[[], Problem]] = {"poisson": poisson, "burgers": burgers}


def solved(problem: Problem, seconds: float, goal: float) -> list[tuple[int, float, float, float]]:
    """Iterations, seconds, loss and relative error, after every 50 iterations."""
    problem.model.compile("LevenbergMarquardt", "mse")
    seen: list[tuple[int, float, float, float]] = []
    begun = time.perf_counter()
    while not seen or (seen[-1][1] < seconds and seen[-1][3] > goal):
        losses = problem.model.fit(problem.inputs, problem.targets, epochs=ITERATIONS, verbose=0).history["loss"]
        count = len(losses) + (seen[-1][0] if seen else 0)
        seen.append((count, time.perf_counter() - begun, losses[-1], problem.error()))
        if len(losses) < ITERATIONS:  # it has ended by itself
            break
    return seen


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--equations", nargs="*", choices=[*EQUATIONS], default=[*EQUATIONS])
    parser.add_argument("--seconds", type=float, default=60, help="of each training")
    parser.add_argument("--goal", type=float, default=0.0, help="the relative error to end at")
    options = parser.parse_args(arguments)
    for name in options.equations:
        problem = EQUATIONS[name]()
        print(f"{name}: {problem.model.count_params()} parameters, {len(problem.targets)} conditions")
        for count, seconds, loss, error in solved(problem, options.seconds, options.goal):
            print(
                f"{count:6} iterations {seconds:7.1f} s   loss {loss:.1e}   relative L2 error {error:.1e}", flush=True
            )


if __name__ == "__main__":
    main()
