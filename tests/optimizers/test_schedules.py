"""Every schedule at known points, and how an optimizer's learning rate is read."""

import math

import pytest
from registered import registered

from nnlite.errors import ConfigError
from nnlite.optimizers import ExponentialDecay, LearningRateSchedule, Optimizer

SCHEDULE = ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)

# Schedule and its rate at some steps.
CASES = [
    (ExponentialDecay(0.1, 10, 0.5), [(0, 0.1), (5, 0.1 * math.sqrt(0.5)), (10, 0.05), (25, 0.1 * 0.5**2.5)]),
    (ExponentialDecay(0.1, 10, 0.5, staircase=True), [(0, 0.1), (9, 0.1), (10, 0.05), (25, 0.025)]),
]


def test_every_schedule_has_a_case():
    assert set(registered(LearningRateSchedule)) == {type(case[0]).__name__ for case in CASES}


@pytest.mark.parametrize("schedule, points", CASES, ids=str)
def test_schedule(schedule, points):
    again = LearningRateSchedule.get(schedule.to_spec())
    assert again.get_config() == schedule.get_config()
    for step, rate in points:
        assert type(schedule(step)) is float
        assert schedule(step) == again(step) == pytest.approx(rate, rel=1e-14)


@pytest.mark.parametrize(
    "written, read",
    [
        (0.1, 0.1),
        ("0.1", 0.1),
        (1, 1.0),
        ("1e-3", 1e-3),
        (SCHEDULE, SCHEDULE),
    ],
)
def test_learning_rate_is_read(written, read):
    found = Optimizer.get({"Adam": {"learning_rate": written}}).learning_rate
    assert found == read
    assert type(found) is type(read)


def test_schedule_is_read():
    written = {"ExponentialDecay": {"initial_learning_rate": "1e-2", "decay_steps": 100, "decay_rate": 0.9}}
    found = Optimizer.get({"adam": {"learning_rate": written}})
    assert repr(found.learning_rate) == repr(ExponentialDecay(0.01, 100, 0.9))
    assert found.get_config()["learning_rate"] == ExponentialDecay(0.01, 100, 0.9).to_spec()


def test_wrong_schedule_arguments():
    with pytest.raises(ConfigError, match=r"ExponentialDecay.decay_steps: must be > 0, got 0"):
        ExponentialDecay(0.1, 0, 0.5)
