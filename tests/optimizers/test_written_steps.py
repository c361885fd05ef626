"""Optimizers that users write as Keras's are, by `update_step`, and the one that scales the loss."""

import copy
import pickle

import numpy as np
import pytest
from test_optimizers import CASES, new

from nnlite import Sequential, Variable, layers, ops, optimizers
from nnlite.errors import ConfigError, NotReadyError, ShapeError
from nnlite.models import load_model
from nnlite.optimizers import SGD, Adam, LossScaleOptimizer, Muon, Optimizer, deserialize, serialize


class Momentum(Optimizer):
    """SGD with momentum, as Keras's guide writes it."""

    def __init__(self, learning_rate=0.1, beta=0.9, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta = beta

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.moments = [self.add_variable_from_reference(v, name="moment") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        rate = ops.cast(learning_rate, variable.dtype)
        moment = self.moments[self._get_variable_index(variable)]
        self.assign(moment, ops.subtract(ops.multiply(moment, self.beta), ops.multiply(rate, gradient)))
        self.assign_add(variable, moment)

    def get_config(self):
        return super().get_config() | {"beta": self.beta}


class PlainDescent(Optimizer):
    def update_step(self, gradient, variable, learning_rate):
        variable.assign_sub(learning_rate * gradient)


def inheriting(kind):
    """A subclass of an optimizer whose `update_step` does what the optimizer does."""

    def update_step(self, gradient, variable, learning_rate):
        super(made, self).update_step(gradient, variable, learning_rate)

    made = type(f"My{kind.__name__}", (kind,), {"update_step": update_step, "__module__": __name__})
    return made


ROWS = np.random.default_rng(0).random((40, 3), np.float32)
TARGETS = ROWS.sum(1, keepdims=True)


def compiled(optimizer):
    model = Sequential([layers.Dense(4, "relu"), layers.Dense(1)], seed=1)
    model.build((None, 3))
    model.compile(optimizer, "mse")
    return model


def losses(model, epochs=3):
    return model.fit(ROWS, TARGETS, epochs=epochs, batch_size=8, shuffle=False, verbose=0).history["loss"]


def test_variables_of_a_subclass_by_hand():
    optimizer, weights = Momentum(0.5), Variable([1.0, 2.0], name="w")
    optimizer.apply([np.ones(2, "f")], [weights])
    optimizer.apply_gradients([(np.ones(2, "f"), weights)])
    np.testing.assert_allclose(weights.numpy(), [1 - 0.5 - 0.95, 2 - 0.5 - 0.95])
    assert [one.name for one in optimizer.variables] == ["iteration", "learning_rate", "w_moment"]
    np.testing.assert_allclose(optimizer.variables[2].numpy(), [-0.95, -0.95])


@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.1, "clipnorm": 0.3}, {"gradient_accumulation_steps": 2}])
def test_a_subclass_trains_as_what_it_writes(options):
    expected = losses(compiled(SGD(0.05, momentum=0.9, **options)))
    np.testing.assert_allclose(losses(compiled(Momentum(0.05, **options))), expected, rtol=1e-5)
    assert losses(compiled(PlainDescent(0.05, **options))) != expected


def test_patterns_hold_for_a_subclass():
    options = {"weight_decay": 0.5, "exclude_from_weight_decay": ["bias"], "learning_rate_multipliers": {"kernel": 0.1}}
    expected = losses(compiled(SGD(0.05, **options)))
    np.testing.assert_allclose(losses(compiled(PlainDescent(0.05, **options))), expected, rtol=1e-5)


@pytest.mark.parametrize("prototype", [case[0] for case in CASES if not isinstance(case[0], Muon)], ids=str)
def test_the_step_that_is_inherited(prototype):
    config = {name: value for name, value in prototype.get_config().items() if name != "name"}
    own, expected = inheriting(type(prototype))(**config), new(prototype)
    mine, theirs = ([Variable(np.linspace(-1, 2, 6).reshape(2, 3), dtype="float64")] for _ in range(2))
    for step in range(3):
        gradient = np.cos(np.arange(6.0) + step).reshape(2, 3)
        own.apply([gradient], mine)
        expected.apply([gradient], theirs)
    np.testing.assert_allclose(mine[0].numpy(), theirs[0].numpy(), rtol=1e-13)


def test_sparse_rows_reach_a_step_whole():
    def model(optimizer):
        made = Sequential([layers.Embedding(5, 3), layers.Flatten(), layers.Dense(1)], seed=1)
        made.build((None, 2))
        made.compile(optimizer, "mse")
        made.fit(np.array([[0, 1], [1, 4], [2, 2]]), np.ones((3, 1)), epochs=3, verbose=0)
        return made.get_weights()

    for mine, expected in zip(model(Momentum(0.1, 0.0)), model(SGD(0.1)), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-5)


@pytest.mark.parametrize("suffix", [".keras", ".safetensors"])
def test_saved_with_its_variables(tmp_path, suffix):
    model = compiled(Momentum(0.05))
    losses(model)
    model.save(tmp_path / f"model{suffix}")
    again = load_model(tmp_path / f"model{suffix}", custom_objects={"Momentum": Momentum})
    assert again.optimizer.beta == 0.9 and again.optimizer.iterations == 15
    assert losses(again) == losses(model)


def test_config_round_trip():
    again = deserialize(serialize(Momentum(0.3, 0.7, clipnorm=2.0)), custom_objects={"Momentum": Momentum})
    assert (again.beta, float(again.learning_rate), again.clipnorm) == (0.7, 0.3, 2.0)
    assert Momentum.from_config(Momentum(0.3, 0.7).get_config()).beta == 0.7


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_go_on(duplicate):
    optimizer, weights = Momentum(0.5), Variable([1.0, 2.0])
    optimizer.apply([np.ones(2, "f")], [weights])
    twin = duplicate(optimizer)
    twin.apply([np.ones(2, "f")])
    np.testing.assert_array_equal(weights.numpy(), [0.5, 1.5])
    optimizer.apply([np.ones(2, "f")])
    np.testing.assert_array_equal(twin._variables[0].numpy(), weights.numpy())


def test_stateless_steps_change_nothing():
    optimizer, weights = Momentum(0.5), Variable([1.0, 2.0])
    optimizer.build([weights])
    values, state = optimizer.stateless_apply(optimizer.get_weights(), [np.ones(2)], [np.array([3.0, 4.0])])
    np.testing.assert_array_equal(values[0], [2.5, 3.5])
    np.testing.assert_array_equal(state[2], [-0.5, -0.5])
    np.testing.assert_array_equal(weights.numpy(), [1.0, 2.0])
    np.testing.assert_array_equal(optimizer.variables[2].numpy(), [0.0, 0.0])


def test_variables_that_are_added():
    optimizer, weights = PlainDescent(0.1), [Variable([1.0, 2.0], name="a"), Variable([[3.0]], name="b")]
    first, second = optimizer.add_optimizer_variables(weights, ["m", "v"], ["zeros", "ones"])
    assert [one.name for one in (*first, *second)] == ["a_m", "b_m", "a_v", "b_v"]
    assert [one.shape for one in first] == [(2,), (1, 1)] and second[0].numpy().tolist() == [1.0, 1.0]
    assert len(optimizer.add_optimizer_variables(weights, "u")) == 2
    assert optimizer.add_variable((3,), "ones", "int32", name="count").dtype == np.int32
    with pytest.raises(ConfigError, match="2 names and 1 initializers"):
        optimizer.add_optimizer_variables(weights, ["m", "v"], ["zeros"])
    with pytest.raises(ConfigError, match=r"wrap arrays in Variable"):
        PlainDescent(0.1).apply([np.ones(2)], [np.ones(2)])
    with pytest.raises(NotReadyError, match="was not built for"):
        optimizer._get_variable_index(Variable([1.0]))


def test_a_state_of_other_variables_is_refused():
    optimizer, weights = Momentum(0.5), Variable([1.0, 2.0])
    optimizer.apply([np.ones(2, "f")], [weights])
    other = Momentum(0.5)
    other.build([Variable([1.0, 2.0, 3.0])])
    with pytest.raises(ShapeError):
        other.set_state(optimizer.get_state())


def test_the_scale_of_the_loss():
    optimizer, weights = LossScaleOptimizer(SGD(0.5), initial_scale=4.0, dynamic_growth_steps=2), Variable([1.0])
    assert optimizer.scale_loss(3.0) == 12.0
    scales = []
    for gradient in (4.0, 4.0, np.inf, 4.0, 4.0, np.nan):
        optimizer.apply([np.array([gradient], "f")], [weights])
        scales.append((optimizer.dynamic_scale, optimizer.iterations, weights.numpy().item()))
    assert scales == [(4, 1, 0.5), (8, 2, 0.0), (4, 2, 0.0), (4, 3, -0.5), (8, 4, -1.0), (4, 4, -1.0)]
    names = [one.name for one in optimizer.variables]
    assert names[:4] == ["iteration", "learning_rate", "step_counter", "dynamic_scale"]
    optimizer.variables[3].assign(16.0)
    optimizer.variables[2].assign(1)
    assert (optimizer.dynamic_scale, optimizer.step_counter) == (16.0, 1)


def test_training_with_a_scale(tmp_path):
    inner = Adam(0.05, use_ema=True)
    model = compiled(LossScaleOptimizer(inner))
    assert losses(model) == losses(compiled(Adam(0.05, use_ema=True)))
    assert model.optimizer.iterations == 15
    model.optimizer.learning_rate = 0.02
    assert float(inner.learning_rate) == 0.02 == model.optimizer.current_learning_rate
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    assert again.optimizer.step_counter == 15 and losses(again) == losses(model)


def test_a_step_that_is_not_finite_is_left_out():
    model = compiled(LossScaleOptimizer(SGD(0.1)))
    before = model.get_weights()
    with np.errstate(all="ignore"):
        model.fit(ROWS * np.float32(1e30), TARGETS, epochs=1, verbose=0)
    for mine, first in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, first)
    assert model.optimizer.iterations == 0 and model.optimizer.dynamic_scale < 2**15


def test_config_of_the_scale():
    optimizer = LossScaleOptimizer(SGD(0.3, momentum=0.5), 8.0, 3)
    again = LossScaleOptimizer.from_config(optimizer.get_config())
    assert repr(again) == repr(optimizer) and again.inner_optimizer.momentum == 0.5
    assert isinstance(optimizers.get(serialize(optimizer)).inner_optimizer, SGD)
    with pytest.raises(ValueError, match="unknown argument 'clipnorm'"):
        LossScaleOptimizer(SGD(), clipnorm=1.0)
    with pytest.raises(ConfigError, match=r"initial_scale: must be > 0"):
        LossScaleOptimizer(SGD(), 0.0)


def test_clipped_copies():
    given = [np.array([[3.0], [4.0]]), None, np.array([12.0])]
    by_norm = SGD(clipnorm=1.0)._clip_gradients(given)
    np.testing.assert_allclose(by_norm[0], [[0.6], [0.8]])
    assert by_norm[1] is None and by_norm[2] == [1.0] and given[2] == [12.0]
    assert SGD(clipvalue=3.5)._clip_gradients(given)[0].tolist() == [[3.0], [3.5]]
    np.testing.assert_allclose(SGD(global_clipnorm=1.0)._clip_gradients(given)[2], [12 / 13])
    assert SGD()._clip_gradients(given)[2] == [12.0]
    by_columns = np.asfortranarray([[3.0, -4.0], [0.5, 2.0]])
    assert SGD(clipvalue=1.0)._clip_gradients([by_columns])[0].tolist() == [[1.0, -1.0], [0.5, 1.0]]


def test_listed_state_is_compared_as_numbers():
    optimizer = SGD(0.5)
    optimizer.apply([np.ones(2)], [np.ones(2)])
    assert optimizer.variables[0] == 1 and optimizer.variables[1] == 0.5
    assert optimizer.variables[0] == optimizer.variables[0] and optimizer.variables[0] != 2
    assert len({*optimizer.variables}) == 2
    with pytest.warns(UserWarning, match="dynamic is passed over"):
        LossScaleOptimizer(SGD(), dynamic=True)
