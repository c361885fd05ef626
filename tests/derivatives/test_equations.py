"""The equations of `benchmarks.physics`: exact solutions that solve them, and networks that come near."""

import math

import numpy as np
import pytest

from benchmarks import physics


def test_the_exact_solution_of_burgers_equation():
    x, t = np.array([-0.3, 0.01, 0.2, 0.7]), np.array([0.2, 0.6, 0.4, 0.9])
    step = 1e-4

    def u(across=0.0, later=0.0):
        return physics.burgers_solution(x + across, t + later)

    by_time = (u(later=step) - u(later=-step)) / (2 * step)
    slope, bend = (u(step) - u(-step)) / (2 * step), (u(step) - 2 * u() + u(-step)) / step**2
    terms = by_time, u() * slope, physics.VISCOSITY * bend
    scale = sum(map(np.abs, terms))
    np.testing.assert_allclose((terms[0] + terms[1] - terms[2]) / scale, 0, atol=1e-3)
    np.testing.assert_allclose(u(), -physics.burgers_solution(-x, t), rtol=1e-12)  # odd
    np.testing.assert_allclose(physics.burgers_solution(x, 1e-9 + 0 * t), -np.sin(math.pi * x), atol=1e-6)


@pytest.mark.parametrize(("name", "iterations", "error"), [("poisson", 100, 0.02), ("burgers", 100, 0.05)])
def test_networks_come_near_the_exact_solution(name, iterations, error):
    problem = physics.EQUATIONS[name]()
    assert problem.error() > 0.5
    problem.model.compile("LevenbergMarquardt", "mse")
    problem.model.fit(problem.inputs, problem.targets, epochs=iterations, verbose=0)
    assert problem.error() < error


def test_the_command_prints_iterations_and_errors(capsys):
    physics.main(["--equations", "poisson", "--seconds", "0.1"])
    printed = capsys.readouterr().out
    assert "poisson: 321 parameters, 102 conditions" in printed and "50 iterations" in printed
