"""Parameters that an optimizer treats in their own way: without weight decay, or with another learning rate."""

import importlib.util
import os

import numpy as np
import pytest
from test_optimizers import CASES, gradients_of, new

from nnlite import kernels
from nnlite.errors import ConfigError
from nnlite.layers import Dense, Embedding, Flatten
from nnlite.layers.composite.fused_dense import JoinedDense
from nnlite.models import Sequential, load_model
from nnlite.optimizers import SGD, Adam, Muon, Optimizer
from nnlite.optimizers.base import blocks
from nnlite.parameters import Parameter, ParameterStore
from nnlite.schedules import ExponentialDecay

PATHS = ["scale/scale", "dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"]
SHAPES = [(3,), (3, 4), (4,), (4, 2), (2,)]
ARGUMENTS = {
    "weight_decay": 0.3,
    "exclude_from_weight_decay": ["bias", "scale/*"],
    "learning_rate_multipliers": {"bias": 0.5, "dense_1/*": 3.0, "scale": 0.0},
}
FACTORS = [0.0, 1.0, 0.5, 3.0, 1.5]
DECAYED = [False, True, False, True, False]
needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")
choices = pytest.mark.parametrize("choice", ["numpy", pytest.param("numba", marks=needs_numba)])


@pytest.fixture(autouse=True)
def choice_restored():
    yield
    kernels.use(os.environ.get("NNLITE_KERNELS", "auto"))


class Own(Optimizer):
    """An optimizer as users write it: no kernel, a float for the learning rate."""

    learning_rate: float = 0.1

    def slot_names(self):
        return ("sum",)

    def update(self, values, gradients, slots, learning_rate, scratch):
        assert type(learning_rate) is float
        slots["sum"] += gradients
        np.multiply(slots["sum"], learning_rate, out=scratch)
        np.subtract(values, scratch, out=values)


def make_store(dtype="float64"):
    generator = np.random.default_rng(0)
    return ParameterStore(
        [
            Parameter(path, generator.standard_normal(shape).astype(dtype))
            for path, shape in zip(PATHS, SHAPES, strict=True)
        ]
    )


def train(optimizer, packs, steps=4, start=0):
    """Steps with gradients that depend on the parameter alone, not on the pack it lies in."""
    for step in range(start, start + steps):
        for pack in packs:
            for path, segment in zip(pack.paths, pack.segments, strict=True):
                size = segment.stop - segment.start
                pack.gradients[segment] = gradients_of(step + 10 * PATHS.index(path), size)
        optimizer.apply_packs(packs)
    return [pack.values for pack in packs]


def decays(prototype, decay):
    """The arguments of weight decay."""
    return {"weight_decay": decay} | ({"adam_weight_decay": decay} if isinstance(prototype, Muon) else {})


def alone(prototype, index, dtype="float64", **changes):
    """The parameter of that index trained by an optimizer of its own."""
    whole = make_store(dtype).packs[0]
    store = ParameterStore([Parameter(PATHS[index], whole.parameters[index].value.copy())])
    rate = prototype.learning_rate
    if isinstance(rate, ExponentialDecay):
        rate = ExponentialDecay(rate.initial_learning_rate * FACTORS[index], rate.decay_steps, rate.decay_rate)
    else:
        rate = rate * FACTORS[index]
    decay = ARGUMENTS["weight_decay"] if DECAYED[index] else 0.0
    return train(new(prototype, learning_rate=rate, **decays(prototype, decay), **changes), store.packs)[0]


@choices
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("prototype", [*(case[0] for case in CASES), Own()], ids=str)
def test_each_parameter_as_if_alone(prototype, dtype, choice, monkeypatch):
    kernels.use(choice)
    monkeypatch.setattr(blocks, "BLOCK_SIZE", 5)  # which cuts through parameters
    arguments = ARGUMENTS | decays(prototype, ARGUMENTS["weight_decay"])
    (found,) = train(new(prototype, **arguments), make_store(dtype).packs)
    tolerance = {"float32": 2e-6, "float64": 1e-14}[dtype]
    for index, segment in enumerate(make_store(dtype).packs[0].segments):
        np.testing.assert_allclose(found[segment], alone(prototype, index, dtype), rtol=tolerance, atol=tolerance)
    assert np.all(found[:3] == make_store(dtype).packs[0].values[:3])  # its factor is 0


@choices
@pytest.mark.parametrize("prototype", [Adam(0.1), SGD(0.1, momentum=0.9), Own()], ids=str)
def test_state_continues(prototype, choice):
    kernels.use(choice)
    optimizer, store = new(prototype, **ARGUMENTS), make_store()
    train(optimizer, store.packs, 2)
    state, values = optimizer.get_state(), store.packs[0].values.copy()
    (expected,) = train(optimizer, store.packs, 2, start=2)
    resumed, other = Optimizer.get(optimizer.to_spec()), make_store()
    other.packs[0].values[:] = values
    resumed.set_state(state)
    np.testing.assert_array_equal(train(resumed, other.packs, 2, start=2)[0], expected)


def test_the_same_factor_for_all_takes_no_vector():
    optimizer = Adam(weight_decay=0.1, exclude_from_weight_decay=["*"], learning_rate_multipliers={"*": 0.5})
    optimizer.build_packs(make_store().packs)
    (factors,) = optimizer._factors
    assert (factors.update, factors.decay, factors.updates, factors.decays) == (0.5, 0.0, None, None)
    optimizer = Adam(weight_decay=0.1)
    optimizer.build_packs(make_store().packs)
    assert optimizer._factors[0] == (1.0, 1.0, None, None, ())


def test_neighbours_with_one_factor_are_one_stretch():
    optimizer = Adam(learning_rate_multipliers={"dense*": 0.5})
    optimizer.build_packs(make_store().packs)
    assert [part for part, _ in optimizer._factors[0].stretches] == [slice(0, 3), slice(3, 29)]


def test_a_schedule_decays_weights():
    rate, decay = ExponentialDecay(0.1, 1, 0.5), ExponentialDecay(0.2, 1, 0.25)
    plain, decayed = make_store().packs, make_store().packs
    start = plain[0].values.copy()
    train(SGD(rate), plain, 1, start=1), train(SGD(rate, weight_decay=decay), decayed, 1, start=1)
    np.testing.assert_allclose(plain[0].values - decayed[0].values, 0.1 * 0.2 * start, rtol=1e-12, atol=1e-16)
    optimizer = Optimizer.get({"SGD": {"weight_decay": {"ExponentialDecay": decay.get_config()}}})
    optimizer.iterations = 2
    assert optimizer.current_weight_decay == 0.2 / 16
    assert optimizer.schedules == (optimizer.weight_decay,)
    assert optimizer.to_spec()["SGD"]["weight_decay"] == decay.to_spec()
    assert SGD().current_weight_decay == 0.0


@pytest.mark.parametrize(
    "argument, message",
    [
        (
            {"exclude_from_weight_decay": ["biass"]},
            r"Adam.exclude_from_weight_decay: 'biass' matches none of the trained",
        ),
        ({"learning_rate_multipliers": {"dense": 2.0}}, r"Adam.learning_rate_multipliers: 'dense' .*dense_1/kernel"),
    ],
)
def test_a_pattern_that_matches_nothing(argument, message):
    store = make_store()
    before = store.packs[0].values.copy()
    with pytest.raises(ConfigError, match=message):
        Adam(weight_decay=0.1, **argument).apply_packs(store.packs)
    np.testing.assert_array_equal(store.packs[0].values, before)


@pytest.mark.parametrize(
    "argument, message",
    [
        ({"exclude_from_weight_decay": "bias"}, r"Adam.exclude_from_weight_decay: expected a list, got 'bias'"),
        ({"learning_rate_multipliers": {"bias": -1}}, r"Adam.learning_rate_multipliers.bias: must be >= 0, got -1"),
    ],
)
def test_patterns_of_the_wrong_type(argument, message):
    with pytest.raises(ConfigError, match=message):
        Adam(**argument)


def test_the_method_of_keras():
    optimizer = SGD(0.5, weight_decay=0.5, exclude_from_weight_decay=["dense/bias"])
    store = make_store()
    train(optimizer, store.packs, 1)
    optimizer.exclude_from_weight_decay(var_names=["scale"])
    assert optimizer.get_config()["exclude_from_weight_decay"] == ["dense/bias", "scale"]
    copy = SGD.from_config(optimizer.get_config())
    copy.exclude_from_weight_decay(var_names=["bias"])
    assert copy.exclude_from_weight_decay == ["dense/bias", "scale", "bias"]
    before = store.packs[0].values.copy()
    store.packs[0].gradients[:] = 0
    optimizer.apply_packs(store.packs)  # heeds it, though it has trained before
    found = (store.packs[0].values / before)[[segment.start for segment in store.packs[0].segments]]
    np.testing.assert_allclose(found, [1, 0.75, 1, 0.75, 0.75], rtol=1e-14)


def test_a_further_call_of_the_method_replaces_what_the_last_one_excluded():
    optimizer, arrays = SGD(0.5, weight_decay=0.5), [np.ones(1), np.ones(1), np.ones(1)]
    optimizer.exclude_from_weight_decay(var_list=[arrays[0]])
    optimizer.apply([np.zeros(1)] * 3, arrays)
    optimizer.exclude_from_weight_decay(var_list=[arrays[1]])
    optimizer.exclude_from_weight_decay(var_names=["variable_2"])
    optimizer.apply([np.zeros(1)] * 3, arrays)
    assert [array.item() for array in arrays] == [0.75, 0.75**2, 0.75]


def model_and_data(optimizer):
    generator = np.random.default_rng(0)
    x, y = generator.standard_normal((20, 5)), generator.integers(3, size=20)
    model = Sequential([Dense(8, "tanh"), Dense(6, "relu"), Dense(3, "softmax")], seed=0)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model, x, y


@choices
def test_a_model_trains_joined_and_resumes(choice, tmp_path):
    kernels.use(choice)
    arguments = {"exclude_from_weight_decay": ["bias"], "learning_rate_multipliers": {"dense_1/*": 0.0, "bias": 0.5}}
    model, x, y = model_and_data(Adam(0.01, weight_decay=0.1, **arguments))
    model.fit(x, y, epochs=2, verbose=0, shuffle=False)
    before = [weight.value.copy() for weight in model.layers[1].parameters]
    assert [type(stage.layer) for stage in model.trainer.ready_steps().joined.program.stages] == [JoinedDense]
    model.save(tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors")
    assert again.optimizer.get_config() == model.optimizer.get_config()
    for one in (model, again):
        one.fit(x, y, epochs=2, verbose=0, shuffle=False)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    for weight, old in zip(model.layers[1].parameters, before, strict=True):
        np.testing.assert_array_equal(weight.value, old)


def test_factors_follow_the_layers_that_are_trained():
    model = Sequential([Dense(3, name="first"), Dense(3, name="last")], seed=0)
    model.build((None, 3))
    x = np.ones((2, 3))
    optimizer = SGD(0.1, learning_rate_multipliers={"*/kernel": 1.0, "first/*": 0.0})
    for frozen in (1, 0):  # the same lengths, of other parameters
        for place, layer in enumerate(model.layers):
            layer.trainable = place != frozen
        model.compile(optimizer, "mse")
        if frozen == 0:
            with pytest.raises(ConfigError, match=r"'first/\*' matches none"):
                model.fit(x, x, verbose=0)
            optimizer.learning_rate_multipliers = {"*/kernel": 1.0}
        before = model.get_weights()
        model.fit(x, x, verbose=0)
        changed = [not np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True)]
        assert changed == [False, False, frozen == 0, frozen == 0]


def test_sparse_parameters_have_factors_too():
    def trained(**arguments):
        model = Sequential([Embedding(10, 3), Flatten(), Dense(2)], seed=0)
        model.compile(SGD(0.1, weight_decay=0.5, **arguments), "mse")
        x, y = np.array([[1, 2], [1, 4]]), np.ones((2, 2))
        model.fit(x, y, verbose=0, shuffle=False)
        start = Sequential([Embedding(10, 3), Flatten(), Dense(2)], seed=0)
        start.build((None, 2))
        return start.layers[0].parameters[0].value, model.layers[0].parameters[0].value

    start, plain = trained()
    _, half = trained(learning_rate_multipliers={"embedding/*": 0.5})
    np.testing.assert_allclose(half - start, (plain - start) / 2, rtol=1e-4, atol=1e-7)
    _, free = trained(exclude_from_weight_decay=["embeddings"])
    rows = [1, 2, 4]
    np.testing.assert_allclose((free - plain)[rows], 0.05 * start[rows], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("most", [1, 5, 29, 100])
def test_in_a_block_only_stretches_whose_factor_is_not_1_are_multiplied(most):
    optimizer = Adam(**ARGUMENTS)
    optimizer.build_packs(make_store().packs)
    (factors,) = optimizer._factors
    parts = factors.by_block(29, most)
    assert [index for block, _ in parts for index in range(29)[block]] == list(range(29))
    for block, own in parts:
        for stretches, vector in ((own.updates, factors.updates), (own.decays, factors.decays)):
            found = np.ones(block.stop - block.start)
            for part, factor in stretches or ():
                assert factor != 1
                found[part] *= factor
            np.testing.assert_array_equal(found, vector[block])
