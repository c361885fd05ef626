"""Every optimizer: its formula against a scalar loop and PyTorch, dtype, blocks, config, state."""

import copy
import math
from types import SimpleNamespace

import numpy as np
import pytest
from registered import registered

from nnlite.errors import ConfigError
from nnlite.optimizers import SGD, Adam, AdamW, ExponentialDecay, Optimizer, RMSprop, base

STEPS = 6


def sgd(weight, gradients, rates, momentum, nesterov, **_):
    velocity = 0.0
    for gradient, rate in zip(gradients, rates, strict=True):
        velocity = momentum * velocity - rate * gradient
        weight += momentum * velocity - rate * gradient if nesterov else velocity
    return weight


def rmsprop(weight, gradients, rates, rho, momentum, epsilon, centered, **_):
    velocity = mean = change = 0.0
    for gradient, rate in zip(gradients, rates, strict=True):
        velocity = rho * velocity + (1 - rho) * gradient**2
        mean = rho * mean + (1 - rho) * gradient
        change = momentum * change + rate * gradient / math.sqrt(velocity - centered * mean**2 + epsilon)
        weight -= change
    return weight


def adam(weight, gradients, rates, weight_decay, beta_1, beta_2, epsilon, amsgrad, **_):
    momentum = velocity = largest = 0.0
    for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), 1):
        weight -= weight * rate * (weight_decay or 0.0)
        momentum = beta_1 * momentum + (1 - beta_1) * gradient
        velocity = beta_2 * velocity + (1 - beta_2) * gradient**2
        largest = max(largest, velocity)
        rate *= math.sqrt(1 - beta_2**step) / (1 - beta_1**step)
        weight -= rate * momentum / (math.sqrt(largest if amsgrad else velocity) + epsilon)
    return weight


SCHEDULE = ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)
CASES = [
    (SGD(), sgd),
    (SGD(0.1, momentum=0.9), sgd),
    (SGD(0.1, momentum=0.9, nesterov=True), sgd),
    (SGD(0.1, nesterov=True), sgd),
    (SGD(SCHEDULE, momentum=0.5), sgd),
    (RMSprop(), rmsprop),
    (RMSprop(0.1, rho=0.5, momentum=0.9, epsilon=1e-2), rmsprop),
    (RMSprop(0.1, epsilon=1e-2, centered=True), rmsprop),
    (RMSprop(0.1, momentum=0.5, epsilon=1e-2, centered=True), rmsprop),
    (RMSprop(SCHEDULE), rmsprop),
    (Adam(), adam),
    (Adam(0.1, beta_1=0.5, beta_2=0.6, epsilon=0.1), adam),
    (Adam(0.1, beta_2=0.6, amsgrad=True), adam),
    (Adam(SCHEDULE, weight_decay=0.5), adam),
    (AdamW(0.1), adam),
    (AdamW(0.1, weight_decay=0.5, amsgrad=True), adam),
    (AdamW(weight_decay=None), adam),
]
each = pytest.mark.parametrize("prototype, formula", CASES, ids=str)


def make_pack(size=7, dtype="float64", seed=0):
    """A pack of two parameters, the second of which has 3 elements."""
    values = np.random.default_rng(seed).standard_normal(size).astype(dtype)
    segments = [slice(0, size - 3), slice(size - 3, size)]
    return SimpleNamespace(values=values, gradients=np.zeros_like(values), segments=segments)


def gradients_of(step, size=7):
    """Gradients of which each step's are smaller, so that a running maximum differs from a running mean."""
    return np.random.default_rng(100 + step).standard_normal(size) * 0.7**step


def train(optimizer, pack, steps=STEPS, start=0):
    for step in range(start, start + steps):
        pack.gradients[:] = gradients_of(step, pack.values.size)
        optimizer.apply([pack])
    return pack.values


def new(prototype, **changes):
    """A fresh optimizer of the same configuration, but for `changes`."""
    return type(prototype)(**{**prototype.get_config(), **changes})


def test_every_optimizer_has_a_case():
    own = set(registered(Optimizer))
    assert own == {type(case[0]).__name__ for case in CASES}


@each
def test_formula(prototype, formula):
    optimizer, pack = new(prototype), make_pack()
    rates = [
        SCHEDULE(step) if prototype.learning_rate is SCHEDULE else prototype.learning_rate for step in range(STEPS)
    ]
    columns = np.transpose([gradients_of(step) for step in range(STEPS)])
    expected = [
        formula(weight, gradients, rates, **vars(prototype))
        for weight, gradients in zip(pack.values.tolist(), columns.tolist(), strict=True)
    ]
    before = pack.values.copy()
    np.testing.assert_allclose(train(optimizer, pack), expected, rtol=1e-12, atol=1e-13)
    assert np.abs(pack.values - before).min() > 1e-6
    assert optimizer.iterations == STEPS


@each
def test_float32_stays_float32(prototype, formula):
    single, double = make_pack(dtype="float32"), make_pack()
    double.values[:] = single.values
    optimizer = new(prototype)
    with np.errstate(all="raise"):
        train(optimizer, single)
    np.testing.assert_allclose(single.values, train(new(prototype), double), rtol=1e-4, atol=1e-5)
    assert all(slot.dtype == np.float32 for slot in optimizer.slots[0].values())


@each
def test_gradients_are_left_alone(prototype, formula):
    pack = make_pack()
    train(new(prototype), pack)
    np.testing.assert_array_equal(pack.gradients, gradients_of(STEPS - 1))


@each
@pytest.mark.parametrize("size", [20, 23])
def test_blocks_give_the_same_as_the_whole(prototype, formula, size, monkeypatch):
    whole = train(new(prototype, weight_decay=0.1), make_pack(size))
    monkeypatch.setattr(base, "BLOCK_SIZE", 5)
    np.testing.assert_array_equal(train(new(prototype, weight_decay=0.1), make_pack(size)), whole)


@each
def test_config_round_trip(prototype, formula):
    again = Optimizer.get(prototype.to_spec())
    assert type(again) is type(prototype)
    assert again.get_config() == prototype.get_config()
    np.testing.assert_array_equal(train(again, make_pack()), train(new(prototype), make_pack()))


@each
@pytest.mark.parametrize("built", [False, True])
def test_state_continues_bit_for_bit(prototype, formula, built):
    optimizer, pack = new(prototype), make_pack(dtype="float32")
    train(optimizer, pack, 3)
    state, values = optimizer.get_state(), pack.values.copy()
    expected = train(optimizer, pack, 3, start=3)
    resumed, pack = new(prototype), make_pack(dtype="float32")
    if built:
        train(resumed, pack, 2)
    resumed.set_state(state)
    pack.values[:] = values
    assert resumed.iterations == 3
    np.testing.assert_array_equal(train(resumed, pack, 3, start=3), expected)
    train(resumed, pack)
    assert state["iterations"] == 3
    again = new(prototype)
    again.set_state(state)
    pack.values[:] = values
    np.testing.assert_array_equal(train(again, pack, 3, start=3), expected)


@each
def test_copies_train_on_alone(prototype, formula):
    optimizer, pack = new(prototype), make_pack()
    train(optimizer, pack, 3)
    copied, copied_pack = copy.deepcopy((optimizer, pack))
    expected = train(optimizer, pack, 3, start=3)
    np.testing.assert_array_equal(train(copied, copied_pack, 3, start=3), expected)


@pytest.mark.parametrize(
    "spec, message",
    [
        ("adm", r"unknown optimizer 'adm'; did you mean 'Adam'\?"),
        ({"Adam": {"lr": 0.1}}, r"Adam.lr: unknown argument 'lr'; .*learning_rate"),
        ({"Adam": {"learning_rate": -0.1}}, r"Adam.learning_rate: must be >= 0, got -0.1"),
        ({"Adam": {"learning_rate": "Cosine"}}, r"Adam.learning_rate: unknown schedule 'Cosine'"),
        ({"Adam": {"beta_1": 1.0}}, r"Adam.beta_1: must be in \[0, 1\), got 1.0"),
        ({"Adam": {"epsilon": 0}}, r"Adam.epsilon: must be > 0, got 0"),
        ({"SGD": {"momentum": 1.5}}, r"SGD.momentum: must be in \[0, 1\], got 1.5"),
        ({"SGD": {"nesterov": "no"}}, r"SGD.nesterov: expected true or false, got 'no'"),
        ({"SGD": {"clipnorm": 0}}, r"SGD.clipnorm: must be > 0, got 0"),
        (
            {"SGD": {"clipnorm": 1, "global_clipnorm": 2}},
            r"SGD: only one of clipnorm, clipvalue, global_clipnorm can be set, got clipnorm=1.0, global_clipnorm=2.0",
        ),
        ({"RMSprop": {"weight_decay": -1}}, r"RMSprop.weight_decay: must be >= 0, got -1"),
    ],
)
def test_wrong_arguments(spec, message):
    with pytest.raises(ConfigError, match=message):
        Optimizer.get(spec)


SHARED = {"weight_decay": None, "clipnorm": None, "clipvalue": None, "global_clipnorm": None}
OURS = {"exclude_from_weight_decay": [], "learning_rate_multipliers": {}}
MOMENTS = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": False}
KERAS_DEFAULTS = {
    SGD: {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False} | SHARED,
    RMSprop: {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False} | SHARED,
    Adam: {"learning_rate": 0.001} | MOMENTS | SHARED,
    AdamW: {"learning_rate": 0.001, "weight_decay": 0.004} | MOMENTS | dict(list(SHARED.items())[1:]),
}


@pytest.mark.parametrize("optimizer", KERAS_DEFAULTS, ids=lambda member: member.__name__)
def test_arguments_and_defaults_are_those_of_keras(optimizer):
    assert list(optimizer().get_config().items()) == list((KERAS_DEFAULTS[optimizer] | OURS).items())


TORCH_CASES = [
    (SGD(0.1), "SGD", {}),
    (SGD(0.1, momentum=0.9), "SGD", {"momentum": 0.9}),
    (SGD(0.1, momentum=0.9, nesterov=True), "SGD", {"momentum": 0.9, "nesterov": True}),
    (RMSprop(0.1, momentum=0.5, epsilon=1e-30), "RMSprop", {"alpha": 0.9, "momentum": 0.5, "eps": 0.0}),
    (RMSprop(0.1, centered=True, epsilon=1e-30), "RMSprop", {"alpha": 0.9, "centered": True, "eps": 0.0}),
    (Adam(0.1, epsilon=1e-2), "Adam", {}),
    (Adam(0.1, beta_2=0.6, epsilon=1e-2, amsgrad=True), "Adam", {"betas": (0.9, 0.6), "amsgrad": True}),
    (AdamW(0.1, weight_decay=0.3, epsilon=1e-2), "AdamW", {"weight_decay": 0.3}),
]


@pytest.mark.parametrize("prototype, name, arguments", TORCH_CASES, ids=str)
def test_torch_agrees(prototype, name, arguments):
    torch = pytest.importorskip("torch")
    parameter = torch.nn.Parameter(torch.tensor(make_pack().values))
    peer = getattr(torch.optim, name)([parameter], lr=0.1, **arguments)
    for step in range(STEPS):
        if "Adam" in name:  # whose epsilon is added after the bias correction
            peer.param_groups[0]["eps"] = prototype.epsilon / math.sqrt(1 - prototype.beta_2 ** (step + 1))
        parameter.grad = torch.tensor(gradients_of(step))
        peer.step()
    np.testing.assert_allclose(train(new(prototype), make_pack()), parameter.detach().numpy(), rtol=1e-11)
