"""Every schedule at known points, and how an optimizer's learning rate is read."""

import inspect
import math

import numpy as np
import pytest
from registered import registered

import nnlite.optimizers.schedules
from nnlite import schedules
from nnlite.errors import ConfigError
from nnlite.layers import Dense, Layer
from nnlite.models import Sequential
from nnlite.optimizers import SGD, ExponentialDecay, LearningRateSchedule, Optimizer
from nnlite.schedules import (
    CosineDecay,
    CosineDecayRestarts,
    CosLog4,
    FlatCosine,
    InversePowerDecay,
    InverseTimeDecay,
    LinearDecay,
    OneCycle,
    PiecewiseConstantDecay,
    PolynomialDecay,
    Warmup,
    scheduled,
)

SCHEDULE = ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)


def half_cosine(t):
    return (1 + math.cos(math.pi * t)) / 2


def cos_log_4(t):
    return (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t))) / 2


# Schedule and its rate at some steps.
CASES = [
    (InversePowerDecay(0.1), [(0, 0.1), (3, 0.05), (99, 0.01)]),
    (InversePowerDecay(0.1, power=2), [(0, 0.1), (9, 0.001)]),
    (InverseTimeDecay(0.1, 10, 0.5), [(0, 0.1), (5, 0.1 / 1.25), (20, 0.05)]),
    (InverseTimeDecay(0.1, 10, 0.5, staircase=True), [(9, 0.1), (10, 0.1 / 1.5), (29, 0.05)]),
    (PolynomialDecay(0.1, 100), [(0, 0.1), (25, 0.0999 * 0.75 + 1e-4), (100, 1e-4), (400, 1e-4)]),
    (
        PolynomialDecay(0.1, 100, 0.02, 2.0, cycle=True),
        [
            (0, 0.1),
            (100, 0.02),
            (50, 0.08 / 4 + 0.02),
            (150, 0.08 / 16 + 0.02),
            (200, 0.02),
            (201, 0.02 + 0.08 * 0.33**2),
        ],
    ),
    (PiecewiseConstantDecay([10, 20], [0.3, 0.2, 0.1]), [(0, 0.3), (10, 0.3), (11, 0.2), (20, 0.2), (21, 0.1)]),
    (CosineDecay(0.1, 100), [(0, 0.1), (30, 0.1 * half_cosine(0.3)), (100, 0.0), (300, 0.0)]),
    (CosineDecay(0.1, 100, alpha=0.2), [(30, 0.08 * half_cosine(0.3) + 0.02), (300, 0.02)]),
    (
        CosineDecay(0.1, 100, 0.2, warmup_target=0.5, warmup_steps=50),
        [(0, 0.1), (25, 0.3), (50, 0.5), (80, 0.4 * half_cosine(0.3) + 0.1), (150, 0.1), (300, 0.1)],
    ),
    (
        CosineDecayRestarts(0.1, 100),
        [(0, 0.1), (99, 0.1 * half_cosine(0.99)), (100, 0.1), (200, 0.05), (300, 0.1), (500, 0.05), (700, 0.1)],
    ),
    (
        CosineDecayRestarts(0.1, 3, 3.0, 0.5, 0.1),
        # At the last of them a logarithm would round to a restart less.
        [(1, 0.09 * half_cosine(1 / 3) + 0.01), (3, 0.055), (12, 0.0325), (363, 0.01 + 0.09 / 2**5)],
    ),
    (CosineDecayRestarts(0.1, 10, 1.0, 0.5), [(9, 0.1 * half_cosine(0.9)), (10, 0.05), (25, 0.0125)]),
    (
        CosLog4(0.3, total_steps=60),
        [(0, 0.0), (3, 0.3 * cos_log_4(0.05)), (4, 0.0), (28, 0.0), (40, 0.3 * cos_log_4(2 / 3)), (60, 0.0), (90, 0.0)],
    ),
    (
        FlatCosine(0.3, total_steps=60),
        [(0, 0.3), (29, 0.3), (30, 0.3), (40, 0.3 * half_cosine(1 / 3)), (45, 0.15), (60, 0.0), (90, 0.0)],
    ),
    (LinearDecay(0.3, 0.1, total_steps=60), [(0, 0.3), (15, 0.25), (60, 0.1), (90, 0.1)]),
    (
        OneCycle(0.3, total_steps=100),
        [
            (0, 0.012),
            (10, 0.3 - 0.288 * half_cosine(1 / 3)),
            (30, 0.3),
            (50, 0.3 * half_cosine(2 / 7) + 1.2e-6 * (1 - half_cosine(2 / 7))),
            (100, 1.2e-6),
        ],
    ),
    (
        OneCycle(0.3, 0.5, "linear", 10, 100, total_steps=100),
        [(0, 0.03), (25, 0.165), (50, 0.3), (75, 0.15015), (100, 3e-4), (200, 3e-4)],
    ),
    (Warmup(ExponentialDecay(0.1, 10, 0.5), 20, 0.02), [(0, 0.02), (5, 0.04), (20, 0.1), (40, 0.025)]),
    (Warmup(0.1, 4, name="up"), [(0, 0.0), (1, 0.025), (4, 0.1), (400, 0.1)]),
    (Warmup(FlatCosine(0.3, total_steps=60), 20), [(10, 0.15), (20, 0.3), (60, 0.3 * half_cosine(1 / 3)), (80, 0.0)]),
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
        assert isinstance(schedule(step), float)
        assert schedule(step) == again(step) == pytest.approx(rate, rel=1e-14, abs=1e-15)


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
    assert isinstance(found, type(read))


def test_schedule_is_read():
    written = {"ExponentialDecay": {"initial_learning_rate": "1e-2", "decay_steps": 100, "decay_rate": 0.9}}
    found = Optimizer.get({"adam": {"learning_rate": written}})
    assert repr(found.learning_rate) == repr(ExponentialDecay(0.01, 100, 0.9))
    assert found.to_spec()["Adam"]["learning_rate"] == ExponentialDecay(0.01, 100, 0.9).to_spec()


def test_wrong_schedule_arguments():
    with pytest.raises(ConfigError, match=r"ExponentialDecay.decay_steps: must be > 0, got 0"):
        ExponentialDecay(0.1, 0, 0.5)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: PiecewiseConstantDecay([1, 2], [0.1, 0.2]), "one value more than boundaries, got 2 values for 2"),
        (lambda: PiecewiseConstantDecay([2, 2], [0.1, 0.2, 0.3]), r"PiecewiseConstantDecay.boundaries: must increase"),
        (lambda: CosineDecayRestarts(0.1, 10, t_mul=0.5), r"CosineDecayRestarts.t_mul: must be >= 1"),
        (lambda: CosLog4(0.1)(0), "CosLog4 does not know how many steps the training has: pass total_steps"),
    ],
)
def test_schedules_that_make_no_sense(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_keras_path_has_the_same_names():
    assert nnlite.optimizers.schedules.__all__ == schedules.__all__
    for name in schedules.__all__:
        assert getattr(nnlite.optimizers.schedules, name) is getattr(schedules, name)
        if name not in ("get", "serialize", "deserialize"):  # which optimizers have too
            assert getattr(nnlite.optimizers, name) is getattr(schedules, name)


def test_progress_is_counted_over_the_training():
    schedule = FlatCosine(1.0)
    schedule.bind(10)
    assert [schedule(step) for step in (0, 5, 10)] == [1.0, 1.0, 0.0]
    schedule.bind(10, first_step=10)
    assert schedule(15) == 1.0 and schedule(17) == pytest.approx(half_cosine(0.4)) and schedule(20) == 0.0
    schedule.bind(None)
    with pytest.raises(ConfigError, match="does not know how many steps"):
        schedule(0)
    fixed = FlatCosine(1.0, total_steps=4)
    fixed.bind(10)
    assert fixed(4) == 0.0


def test_a_warm_up_leaves_the_rest_of_the_training_to_its_schedule():
    schedule = Warmup(LinearDecay(1.0), steps=10)
    schedule.bind(50, first_step=100)
    assert [schedule(step) for step in (100, 105, 110, 130, 150)] == [0.0, 0.5, 1.0, 0.5, 0.0]
    Warmup(0.1, 10).bind(5)
    Warmup(CosineDecay(0.1, 100), 10).bind(5)
    with pytest.raises(ConfigError, match=r"Warmup.steps: a training of 10 steps has no room for this warm-up"):
        schedule.bind(10)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_keras_has_these_schedules(case):
    """Of those that it has: the same arguments by position, and the same values."""
    keras = pytest.importorskip("keras")
    schedule, points = case
    peer = getattr(keras.optimizers.schedules, type(schedule).__name__, None)
    if peer is None:
        pytest.skip("Keras has none of this name")
    config = schedule.get_config()
    assert set(inspect.signature(peer.__init__).parameters) == {"self", *config}
    config = {name: value for name, value in config.items() if name != "name"}
    made = peer(**config)
    for step, rate in points:
        assert float(made(step)) == pytest.approx(rate, rel=2e-6, abs=1e-8)
    of_keras = {"class_name": type(schedule).__name__, "config": made.get_config(), "module": "keras"}
    assert schedules.deserialize(of_keras).get_config() == schedule.get_config() | {"name": made.name}


def test_schedules_are_read_and_written():
    assert schedules.get(None) is None and schedules.get(SCHEDULE) is SCHEDULE
    named = ExponentialDecay(0.1, 2, 0.5, name="mine")
    assert schedules.deserialize(schedules.serialize(named)).name == "mine"


def test_a_number_is_its_own_schedule():
    assert scheduled(0.5, 7) == 0.5
    assert scheduled(SCHEDULE, 2) == 0.05


class Faded(Layer):
    """Inputs times a schedule, while training."""

    factor: LearningRateSchedule

    @property
    def schedules(self):
        return (self.factor,)

    def call(self, inputs, training=False, random=None):
        return inputs * self.factor(random.step) if training else inputs


class Around(Layer):
    """Keeps a layer with a schedule."""

    def __post_init__(self):
        super().__post_init__()
        self.inner = Faded(FlatCosine(1.0))

    def call(self, inputs):
        return self.inner(inputs)


@pytest.mark.parametrize("make", [lambda: Faded(FlatCosine(1.0)), Around, lambda: Sequential([Faded(FlatCosine(1.0))])])
def test_fit_tells_schedules_how_long_the_training_is(make):
    x, y = np.ones((20, 2)), np.ones((20, 1))
    rate, layer = CosLog4(0.1), make()
    model = Sequential([Dense(2), layer, Dense(1)])
    model.compile(SGD(rate), "mse")
    with pytest.raises(ConfigError, match="does not know how many steps the training has"):
        model.train_on_batch(x, y)
    model.fit(x, y, batch_size=10, epochs=30, verbose=0)
    inner = layer if isinstance(layer, Faded) else layer.inner if isinstance(layer, Around) else layer.layers[0]
    assert rate(4) == pytest.approx(0, abs=1e-15) and rate(3) == pytest.approx(0.1 * cos_log_4(0.05))
    assert inner.factor(30) == 1.0 and inner.factor(60) == 0.0
    model.fit(x, y, batch_size=10, epochs=40, initial_epoch=30, verbose=0)  # goes on
    assert rate(40) == pytest.approx(0.1 * cos_log_4(0.5))
    model.fit(x, y, batch_size=10, epochs=10, verbose=0)  # starts over
    assert rate(80) == pytest.approx(0) and rate(90) == pytest.approx(0.1 * cos_log_4(0.5))


def test_fit_without_a_known_number_of_steps():
    model = Sequential([Dense(1)])
    model.compile(SGD(CosLog4(0.1)), "mse")
    batches = ((np.ones((4, 2)), np.ones((4, 1))) for _ in range(3))
    with pytest.raises(ConfigError, match="does not know how many steps the training has: pass total_steps, or"):
        model.fit(batches, verbose=0)


def test_a_schedule_in_use_counts_as_the_number_that_comes_next():
    optimizer, weights = SGD(ExponentialDecay(0.1, 2, 0.5)), np.ones(2)
    assert float(optimizer.learning_rate) == 0.1
    for _ in range(2):
        optimizer.apply([np.ones(2)], [weights])
    assert float(optimizer.learning_rate) == optimizer.learning_rate.numpy() == pytest.approx(0.05)
    assert float(SGD(lambda: 0.3).learning_rate) == 0.3


def test_several_steps_at_once():
    rates = CosineDecay(0.1, 10)(np.array([[0, 5], [10, 20]]))
    assert rates.dtype == np.float32
    np.testing.assert_allclose(rates, [[0.1, 0.05], [0, 0]], atol=1e-9)


@pytest.mark.parametrize("step", [None, "x"])
def test_a_step_that_is_no_number(step):
    with pytest.raises(ConfigError, match="CosineDecay needs the number of a step"):
        CosineDecay(0.1, 10)(step)
