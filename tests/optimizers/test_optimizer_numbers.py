"""The numbers of an optimizer, which Keras has as variables, and steps of schedules as arrays."""

import copy
import pickle

import numpy as np
import pytest

from nnlite import Variable
from nnlite.errors import ConfigError, NotReadyError, WrongTypeError
from nnlite.optimizers import SGD, Adam, LossScaleOptimizer
from nnlite.schedules import ExponentialDecay


def test_the_count_of_updates_answers_as_a_variable():
    optimizer, value = Adam(0.1), Variable([1.0, 2.0])
    assert optimizer.apply_gradients([(np.ones(2), value)]) == 1
    count = optimizer.iterations
    assert (count.name, count.path, count.dtype, count.shape) == ("iteration", "adam/iteration", "int32", ())
    assert type(count.numpy()) is int and pickle.loads(pickle.dumps(count)) == copy.copy(count) == 1
    count.assign_add(4)
    assert optimizer.iterations == 5 and type(count + 1) is int
    rate = optimizer.learning_rate
    assert (rate.name, rate.path, rate.dtype, rate.shape) == ("learning_rate", "adam/learning_rate", "float32", ())
    assert not rate.trainable and not count.trainable


def test_numbers_are_taken_out_of_arrays_and_variables():
    optimizer, other = Adam(0.1), Adam(0.25)
    for one in (optimizer, other):
        one.apply([np.ones(2)], [Variable([1.0, 2.0])])
    optimizer.iterations.assign(np.array(7))
    optimizer.iterations.assign_add(np.array(1))
    assert optimizer.iterations == 8
    optimizer.iterations.assign(other.variables[0])
    assert optimizer.iterations == 1
    optimizer.learning_rate.assign(other.variables[1])
    assert optimizer.learning_rate == 0.25
    for rate in (np.float32(0.5), np.array(0.5), Variable(0.5)):
        optimizer.learning_rate = rate
        optimizer.learning_rate.assign_add(np.float32(0.25))
        assert optimizer.learning_rate == 0.75 and optimizer.get_config()["learning_rate"] == 0.75
        assert len(optimizer.variables) == len(other.variables)


def test_batches_are_counted_in_groups():
    optimizer, value = SGD(0.1, gradient_accumulation_steps=2), Variable([1.0])
    counts = [(int(optimizer.apply_gradients([([1.0], value)])), int(optimizer.iterations)) for _ in range(4)]
    assert counts == [(1, 0), (2, 1), (3, 1), (4, 2)]


def test_variables_of_a_subclass_are_below_its_name():
    assert SGD(name="own").add_variable((2,), name="speed").path == "own/speed"


def test_schedules_take_steps_as_arrays_and_are_numbers():
    schedule = ExponentialDecay(0.5, decay_steps=2, decay_rate=0.25)
    for step in (np.array(2), np.int32(2), Variable(2, dtype="int32")):
        assert isinstance(schedule(step), float) and schedule(step) == 0.125
    assert schedule(2).numpy().dtype == np.float32
    assert np.asarray(SGD(schedule).learning_rate) == 0.5


def test_a_schedule_is_replaced_by_a_schedule_alone():
    optimizer = SGD(ExponentialDecay(0.5, decay_steps=2, decay_rate=0.25))
    with pytest.raises(WrongTypeError, match="a schedule decides it"):
        optimizer.learning_rate = 0.1
    with pytest.raises(WrongTypeError, match="a schedule decides it"):
        optimizer.learning_rate = np.float32(0.1)
    optimizer.learning_rate = ExponentialDecay(0.25, decay_steps=2, decay_rate=0.25)
    assert float(optimizer.learning_rate) == 0.25
    assert SGD(lambda: 0.125).learning_rate == 0.125


def test_the_scale_of_losses_answers_as_a_variable():
    optimizer = LossScaleOptimizer(SGD(0.5), initial_scale=8.0)
    scale = optimizer.dynamic_scale
    assert scale == scale.numpy() == 8.0 and (scale.name, scale.dtype) == ("dynamic_scale", "float32")
    scale.assign(4.0)
    assert optimizer.scale_loss(1.0) == optimizer.dynamic_scale == 4.0


def test_one_variable_is_updated_by_hand():
    optimizer, value = SGD(0.5), Variable([1.0, 2.0])
    with pytest.raises(NotReadyError, match="SGD was not built for <Variable"):
        optimizer.update_step(np.ones(2), value, 0.5)
    optimizer.build([value])
    optimizer.update_step(np.ones(2), value, optimizer.learning_rate)
    assert value.numpy().tolist() == [0.5, 1.5]


def test_a_loss_is_scaled_once():
    with pytest.raises(ConfigError, match="inner_optimizer: it scales the loss already"):
        LossScaleOptimizer(LossScaleOptimizer(SGD(0.5)))


def test_a_schedule_is_computed_with_as_a_number():
    optimizer, weights = SGD(ExponentialDecay(0.5, decay_steps=1, decay_rate=0.5)), np.ones(2)
    optimizer.apply([np.ones(2)], [weights])
    rate = optimizer.learning_rate
    assert (rate + 1, 1 - rate, 2 * rate, rate / 2, -rate, rate**2) == (1.25, 0.75, 0.5, 0.125, -0.25, 0.0625)
    scale = Variable([4.0, 8.0])
    assert (rate * scale).tolist() == (scale * rate).tolist() == [1.0, 2.0]
    assert rate < 0.3 and rate + rate == 0.5 and (rate.shape, str(rate.dtype)) == ((), "float32")


def test_the_count_of_a_loss_scale_optimizer_is_that_of_the_inner_one():
    weights, other = np.ones(2), np.ones(2)
    source, target = (LossScaleOptimizer(SGD(0.1), initial_scale=4.0, dynamic_growth_steps=2) for _ in range(2))
    for _ in range(3):
        source.apply([np.ones(2)], [weights])
    store = {}
    source.save_own_variables(store)
    target.build([other])
    target.load_own_variables(store)
    assert (target.iterations, target.inner_optimizer.iterations, target.step_counter.numpy()) == (3, 3, 1)
    assert [variable.path for variable in source.variables][:4] == [
        f"loss_scale_optimizer/{name}" for name in ("iteration", "learning_rate", "step_counter", "dynamic_scale")
    ]
    source.iterations = 7
    assert LossScaleOptimizer(source.inner_optimizer).iterations == 7
