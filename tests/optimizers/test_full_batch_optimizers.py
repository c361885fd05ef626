"""Full-batch optimizers on functions whose minimum is known, their arguments and what they remember."""

import itertools
import math
import sys
from types import ModuleType

import numpy as np
import pytest
from registered import registered

from nnlite.errors import ConfigError, TrainingWarning
from nnlite.kernels import lapack
from nnlite.optimizers import LBFGS, FullBatchOptimizer, GaussNewton, LevenbergMarquardt, NewtonCG, Optimizer
from nnlite.optimizers.full_batch.conjugate_gradients import conjugate_gradients
from nnlite.optimizers.full_batch.damped import Damped
from nnlite.optimizers.full_batch.line_search import search

EVERY = ["LevenbergMarquardt", "BayesianRegularization", "GaussNewton", "LBFGS", "NewtonCG"]


class Pack:
    """Values alone, as an optimizer sees them."""

    def __init__(self, values):
        self.values, self.gradients = np.array(values), np.zeros(len(values))
        self.paths, self.parameters = ["w"], [self.values]
        self.shapes, self.segments = [(len(values),)], [slice(None)]


class Rosenbrock:
    """`sum(100 (x[i+1] - x[i]**2)**2 + (1 - x[i])**2)`: least squares of residuals 10 (x' - x**2) and 1 - x."""

    penalized, scale, residuals = False, 1.0, 2

    def __init__(self, size):
        self.size, self.calls = size, 0

    def _parts(self, x):
        errors = np.concatenate([10 * (x[1:] - x[:-1] ** 2), 1 - x[:-1]])
        count = self.size - 1
        slopes = np.zeros((2 * count, self.size), x.dtype)
        rows = np.arange(count)
        slopes[rows, rows], slopes[rows, rows + 1], slopes[count + rows, rows] = -20 * x[:-1], 10, -1
        return errors, slopes

    def value(self, x):
        return float(np.square(self._parts(x)[0]).sum())

    def gradient(self, x):
        self.calls += 1
        errors, slopes = self._parts(x)
        return float(np.square(errors.real).sum()), 2 * slopes.T @ errors

    def gauss_newton(self, x):
        return *self.gradient(x), 2 * self._parts(x)[1].T @ self._parts(x)[1]

    def gauss_newton_product(self, x, v):
        return self.gauss_newton(x)[2] @ v

    def hessian_product(self, x, v):
        return self.gradient(x + 1e-20j * v)[1].imag / 1e-20


def test_every_full_batch_optimizer_is_tried_here():
    assert set(EVERY) == {name for name, own in registered(Optimizer).items() if issubclass(own, FullBatchOptimizer)}


@pytest.mark.parametrize(
    "optimizer, most",
    [
        (LevenbergMarquardt(min_grad=1e-9), 40),
        (GaussNewton(min_grad=1e-9), 40),
        (GaussNewton(min_grad=1e-9, max_parameters=1, cg_tolerance=1e-8), 40),
        (LBFGS(min_grad=1e-9), 70),
        (LBFGS(memory=3, min_grad=1e-9), 90),
        (NewtonCG(min_grad=1e-9), 90),
    ],
    ids=str,
)
def test_rosenbrock(optimizer, most):
    problem, pack, values = Rosenbrock(6), Pack([-1.2, 1.0, -0.5, 0.8, 1.5, -1.0]), []
    for _ in range(most):
        values.append(optimizer.iterate(problem, [pack])[1])
        if optimizer.stop_reason:
            break
    assert optimizer.stop_reason in ("minimum gradient reached", "performance goal met")
    np.testing.assert_allclose(pack.values, 1.0, atol=1e-8)
    assert all(later <= earlier * (1 + 1e-13) for earlier, later in itertools.pairwise(values))


def test_the_step_of_levenberg_marquardt_is_the_formula_of_matlab():
    problem, start = Rosenbrock(3), np.array([0.5, 0.2, 0.1])
    problem.scale = 1.0
    optimizer, pack = LevenbergMarquardt(mu=20.0, mu_dec=0.1), Pack(start)
    errors, slopes = problem._parts(start)
    expected = start - np.linalg.solve(slopes.T @ slopes + 20.0 * np.eye(3), slopes.T @ errors)
    optimizer.iterate(problem, [pack])
    np.testing.assert_allclose(pack.values, expected, rtol=1e-12)
    assert optimizer.logs["mu"] == 20.0
    assert optimizer.slots[0]["numbers"][0] == pytest.approx(2.0)
    assert optimizer.logs["gradient_norm"] == pytest.approx(np.linalg.norm(2 * slopes.T @ errors))


@pytest.mark.parametrize("length", [1.0, 0.1, 3.0])
def test_the_damping_follows_the_share_of_the_promise_that_a_step_keeps(length):
    class Scaled(Rosenbrock):
        def value(self, x):
            before = self.gauss_newton(self.start)[0]
            return before + length * (super().value(x) - before)

    problem, start = Scaled(3), np.array([0.5, 0.2, 0.1])
    problem.scale, problem.start = 1.0, start
    optimizer, pack = LevenbergMarquardt(mu=20.0), Pack(start)
    value, gradient, matrix = problem.gauss_newton(start)
    step = np.linalg.solve(matrix + 40.0 * np.eye(3), -gradient)
    promised = -(gradient @ step + 0.5 * step @ matrix @ step)
    kept = (value - problem.value(start + step)) / promised
    optimizer.iterate(problem, [pack])
    factor = max(1 / 3, 1 - (2 * kept - 1) ** 3)
    assert optimizer.slots[0]["numbers"][0] == pytest.approx(20.0 * factor)
    assert (factor > 1) == (kept < 0.5)


def test_a_damping_that_is_raised_again_and_again_is_raised_faster():
    optimizer, tried = LevenbergMarquardt(mu=1.0), []
    optimizer._fill_slots([Pack(np.zeros(2))])

    def loss(point):
        return 1.0 if len(tried) < 4 else -1.0

    optimizer._damped_step(lambda mu: tried.append(mu) or np.ones(2), loss, np.zeros(2), 0.0, -np.ones(2))
    assert tried == [1.0, 2.0, 8.0, 64.0]


def test_a_step_that_raises_the_loss_is_not_taken():
    class Wall(Rosenbrock):
        def value(self, x):
            return super().value(x) if np.abs(x - self.start).max() < 1e-3 else math.inf

    problem = Wall(3)
    problem.start = np.array([0.5, 0.2, 0.1])
    optimizer, pack = LevenbergMarquardt(), Pack(problem.start)
    optimizer.iterate(problem, [pack])
    assert 0 < np.abs(pack.values - problem.start).max() < 1e-3 and optimizer.logs["mu"] > 100
    problem.value = lambda x: math.inf
    before = pack.values.copy()
    optimizer.iterate(problem, [pack])
    assert optimizer.stop_reason == "maximum mu reached"
    np.testing.assert_array_equal(pack.values, before)


def test_a_singular_matrix_is_damped_and_said_once():
    matrix = np.outer([1.0, 1.0], [1.0, 1.0])
    assert Damped(matrix, np.ones(2)).solve(0.0) is None
    damped = Damped(matrix, np.array([4.0, 5.0]))
    assert damped.solve(1e-30) is None
    np.testing.assert_allclose(damped.solve(1.0), [1, 2])
    np.testing.assert_array_equal(matrix, np.ones((2, 2)))  # as it was
    optimizer, said = GaussNewton(mu=1e-30), []
    optimizer.slots = optimizer._fill_slots([Pack(np.zeros(2))]) or optimizer.slots

    def solve(mu):
        said.append(mu)
        return Damped(matrix, np.array([1.0, 1.0])).solve(mu)

    with pytest.warns(TrainingWarning, match="singular with the damping mu = 1e-30") as warned:
        optimizer._damped_step(solve, lambda x: -float(x.sum()), np.zeros(2), 0.0, -np.ones(2))
        optimizer._keep_number("mu", 1e-30)
        optimizer._damped_step(solve, lambda x: -float(x.sum()), np.zeros(2), 0.0, -np.ones(2))
    assert len(warned) == 1 and said[0] == 1e-30 < said[-1]


def test_pivots_that_are_rounding_errors_are_singular_and_small_ones_are_not():
    jacobian = np.random.default_rng(0).normal(size=(30, 3))
    for factor in np.linspace(0.1, 3, 30):  # of some the last pivot is rounded to a positive number
        doubled = np.column_stack([jacobian, factor * jacobian[:, 0]])
        assert Damped(doubled.T @ doubled, np.ones(4)).solve(1e-300) is None
    np.testing.assert_allclose(Damped(np.diag([1.0, 1e-20]), np.ones(2)).solve(1e-300), [1, 1e20])


def test_line_search_meets_the_strong_wolfe_conditions():
    problem = Rosenbrock(4)
    for seed in range(20):
        start = np.random.default_rng(seed).normal(size=4)
        value, gradient = problem.gradient(start)
        for first in (1e-6, 1e-2, 1.0, 50.0):
            trial = search(problem, start, -gradient, value, gradient, first)
            slope = -float(gradient @ gradient)
            assert trial.value <= value + 1e-4 * trial.length * slope
            assert abs(trial.slope) <= 0.9 * abs(slope)
            np.testing.assert_allclose(trial.gradient, problem.gradient(start - trial.length * gradient)[1])
    assert search(problem, start, gradient, value, gradient) is None  # uphill


def test_conjugate_gradients():
    random = np.random.default_rng(0)
    root = random.normal(size=(12, 12))
    matrix, right = root @ root.T + np.eye(12), random.normal(size=12)
    exact = np.linalg.solve(matrix, right)
    solution = conjugate_gradients(lambda v: matrix @ v, right, 1e-10, 50)
    np.testing.assert_allclose(solution.vector, exact, rtol=1e-7)
    assert solution.products <= 20 and not solution.bounded
    short = conjugate_gradients(lambda v: matrix @ v, right, 1e-10, 50, 0.5 * np.linalg.norm(exact))
    assert short.bounded and np.linalg.norm(short.vector) == pytest.approx(0.5 * np.linalg.norm(exact))
    np.testing.assert_allclose(short.residual, right - matrix @ short.vector, atol=1e-12)
    bent = conjugate_gradients(lambda v: -v, right, 1e-10, 50)
    np.testing.assert_array_equal(bent.vector, right)
    assert bent.products == 1 and not bent.bounded
    bent = conjugate_gradients(lambda v: -v, right, 1e-10, 50, 3.0)
    np.testing.assert_allclose(bent.vector, 3.0 * right / np.linalg.norm(right))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"learning_rate": 0.1}, "learning_rate: must be 1"),
        ({"clipnorm": 1.0}, "clipnorm: clipnorm has no meaning"),
        ({"weight_decay": 0.1}, "weight_decay has no meaning"),
        ({"use_ema": True}, "use_ema has no meaning"),
        ({"gradient_accumulation_steps": 2}, "gradient_accumulation_steps has no meaning"),
        ({"min_grad": -1}, "min_grad: must be >= 0"),
    ],
)
def test_arguments_without_meaning_are_refused(name, arguments, message):
    with pytest.raises(ConfigError, match=f"{name}.*{message}"):
        Optimizer.get({name: arguments})


def test_defaults_of_matlab():
    config = LevenbergMarquardt().get_config()
    expected = {"mu": 1e-3, "mu_max": 1e10, "min_grad": 1e-7, "max_fail": 6, "goal": 0.0}
    assert {name: config[name] for name in expected} == expected and config["time"] is None
    assert Optimizer.get("BayesianRegularization").mu == 0.005
    with pytest.raises(ConfigError, match=r"LevenbergMarquardt\.mu_inc: must be > 1"):
        LevenbergMarquardt(mu_inc=1.0)


@pytest.mark.parametrize("name", EVERY)
def test_gradients_of_some_rows_are_refused(name):
    with pytest.raises(ConfigError, match=f"{name} takes the loss over all rows"):
        Optimizer.get(name).apply([np.ones(2)], [np.zeros(2)])


def test_more_parameters_than_a_matrix_can_have():
    with pytest.raises(ConfigError, match=r"20,000 of them take 2\.98 GiB, and at most 4,000 are allowed\. Take LBFGS"):
        LevenbergMarquardt().check(20_000)
    LevenbergMarquardt().check(4000)
    GaussNewton().check(20_000)


@pytest.mark.parametrize("name", ["LBFGS", "NewtonCG", "LevenbergMarquardt"])
def test_state_continues_bit_for_bit(name):
    start = [-1.2, 1.0, -0.5, 0.8]
    whole, pack, problem = Optimizer.get(name), Pack(start), Rosenbrock(4)
    for _ in range(3):
        whole.iterate(problem, [pack])
    state, values = whole.get_state(), pack.values.copy()
    for _ in range(3):
        whole.iterate(problem, [pack])
    again, other = Optimizer.get(name), Pack(values)
    again.set_state(state)
    for _ in range(3):
        again.iterate(Rosenbrock(4), [other])
    np.testing.assert_array_equal(other.values, pack.values)


def test_float32_weights_keep_full_precision_in_the_slot():
    optimizer, problem = LBFGS(), Rosenbrock(4)
    pack = Pack(np.array([-1.2, 1.0, -0.5, 0.8], np.float32))
    for _ in range(60):
        value = optimizer.iterate(problem, [pack])[1]
    assert pack.values.dtype == np.float32 and value < 1e-16
    np.testing.assert_array_equal(optimizer.slots[0]["point"].astype(np.float32), pack.values)
    pack.values[:] = [0.0, 0.0, 0.0, 0.0]  # somebody sets the weights: training continues from there
    assert optimizer.iterate(problem, [pack])[1] > 0.1


@pytest.mark.parametrize("routine", [None, "there"])
def test_damped_matrices_are_solved_with_and_without_a_routine_of_lapack(routine, monkeypatch):
    if routine is None:
        monkeypatch.setattr(lapack, "_routine", lambda: None)
    jacobian = np.random.default_rng(0).normal(size=(9, 6))
    matrix, right = np.zeros((7, 7)), np.arange(6.0)
    matrix[:-1, :-1] = jacobian.T @ jacobian
    inner = matrix[:-1, :-1]  # not in one piece, as that of dense layers
    damped = Damped(inner, right)
    np.testing.assert_allclose(damped.solve(0.5), np.linalg.solve(inner + 0.5 * np.eye(6), right), rtol=1e-12)
    np.testing.assert_array_equal(inner, jacobian.T @ jacobian)
    indefinite = np.linalg.solve(inner - 5 * np.eye(6), right)
    np.testing.assert_allclose(Damped(inner - 10 * np.eye(6), right).solve(5.0), indefinite, rtol=1e-12)
    assert Damped(np.full((2, 2), np.nan), np.ones(2)).solve(1.0) is None


def test_the_routine_of_lapack_is_found_and_reads_one_triangle():
    matrix = np.array([[4.0, 1.0], [9.0, 3.0]])
    solution = lapack.positive_solution(matrix, np.array([1.0, 2.0]), 1.0)
    if solution is None:
        pytest.skip("this NumPy has a LAPACK without dposv")
    assert min(abs(solution - np.linalg.solve([[5, t], [t, 4]], [1, 2])).max() for t in (1.0, 9.0)) < 1e-15
    assert lapack.positive_solution(-np.eye(2), np.ones(2)) is None


@pytest.mark.parametrize("without", ["ctypes", "module", "file", "exact signatures"])
def test_a_numpy_without_a_lapack_to_call_is_no_error(without, monkeypatch):
    if without == "exact signatures":
        monkeypatch.setattr(sys, "platform", "emscripten")
    elif without == "ctypes":
        monkeypatch.setitem(sys.modules, "ctypes", None)
    else:
        module = None if without == "module" else ModuleType("numpy.linalg.lapack_lite")
        monkeypatch.setitem(sys.modules, "numpy.linalg.lapack_lite", module)
        monkeypatch.delattr(np.linalg, "lapack_lite", raising=False)
        if module is not None:
            monkeypatch.setattr(np.linalg, "lapack_lite", module, raising=False)
    lapack._routine.cache_clear()
    try:
        assert lapack._routine() is None
        np.testing.assert_allclose(Damped(2 * np.eye(2), np.ones(2)).solve(2.0), [0.25, 0.25])
    finally:
        lapack._routine.cache_clear()
