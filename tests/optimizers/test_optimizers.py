"""Every optimizer: its formula against a scalar loop and PyTorch, dtype, blocks, config, state."""

import copy
import inspect
import math
from types import SimpleNamespace

import formulas
import numpy as np
import pytest
from registered import registered

from nnlite.errors import ConfigError
from nnlite.optimizers import (
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    ExponentialDecay,
    Ftrl,
    FullBatchOptimizer,
    Lamb,
    Lion,
    LossScaleOptimizer,
    MultiOptimizer,
    Muon,
    Nadam,
    Optimizer,
    RMSprop,
    ScheduleFreeAdamW,
)
from nnlite.optimizers.base import blocks
from nnlite.registry import snake_case

STEPS = 6


SCHEDULE = ExponentialDecay(0.1, decay_steps=2, decay_rate=0.5)
CASES = [
    (SGD(), formulas.sgd),
    (SGD(0.1, momentum=0.9), formulas.sgd),
    (SGD(0.1, momentum=0.9, nesterov=True), formulas.sgd),
    (SGD(0.1, nesterov=True), formulas.sgd),
    (SGD(SCHEDULE, momentum=0.5), formulas.sgd),
    (RMSprop(), formulas.rmsprop),
    (RMSprop(0.1, rho=0.5, momentum=0.9, epsilon=1e-2), formulas.rmsprop),
    (RMSprop(0.1, epsilon=1e-2, centered=True), formulas.rmsprop),
    (RMSprop(0.1, momentum=0.5, epsilon=1e-2, centered=True), formulas.rmsprop),
    (RMSprop(SCHEDULE), formulas.rmsprop),
    (Adam(), formulas.adam),
    (Adam(0.1, beta_1=0.5, beta_2=0.6, epsilon=0.1), formulas.adam),
    (Adam(0.1, beta_2=0.6, amsgrad=True), formulas.adam),
    (Adam(SCHEDULE, weight_decay=0.5), formulas.adam),
    (AdamW(0.1), formulas.adam),
    (AdamW(0.1, weight_decay=0.5, amsgrad=True), formulas.adam),
    (Adagrad(), formulas.adagrad),
    (Adagrad(SCHEDULE, initial_accumulator_value=0.0, epsilon=1e-2), formulas.adagrad),
    (Adadelta(), formulas.adadelta),
    (Adadelta(1.0, rho=0.5, epsilon=1e-3), formulas.adadelta),
    (Adamax(), formulas.adamax),
    (Adamax(SCHEDULE, beta_1=0.5, beta_2=0.6, epsilon=0.1), formulas.adamax),
    (Nadam(), formulas.nadam),
    (Nadam(0.1, beta_1=0.5, beta_2=0.6, epsilon=0.1, weight_decay=0.5), formulas.nadam),
    (Ftrl(), formulas.ftrl),
    (Ftrl(SCHEDULE, -0.7, 0.2, 0.01, 0.02, 0.03, 0.04), formulas.ftrl),
    (Lion(), formulas.lion),
    (Lion(SCHEDULE, beta_1=0.5, beta_2=0.6, weight_decay=0.5), formulas.lion),
    (Lamb(), formulas.lamb),
    (Lamb(SCHEDULE, beta_1=0.5, beta_2=0.6, epsilon=0.1, weight_decay=0.5), formulas.lamb),
    (Adafactor(), formulas.adafactor),
    (Adafactor(0.3, -0.5, 1e-3, 2.0, 0.5, weight_decay=0.5), formulas.adafactor),
    (Muon(), formulas.muon),
    (Muon(SCHEDULE, nesterov=False, rms_rate=None, adam_lr_ratio=0.5, ns_steps=2), formulas.muon),
    (Muon(0.1, momentum=0.5, adam_weight_decay=None, weight_decay=0.5, exclude_layers=["^first$"]), formulas.muon),
    (ScheduleFreeAdamW(), formulas.schedule_free),
    (ScheduleFreeAdamW(0.1, beta_1=0.5, beta_2=0.6, epsilon=0.1, warmup_steps=4), formulas.schedule_free),
]
LAYERWISE = (Lamb, Adafactor, Muon)
each = pytest.mark.parametrize("prototype, formula", CASES, ids=str)


def pack_of(values, gradients, segments):
    """A pack of parameters, of which those of an even number of elements, four and more, are matrices."""
    sizes = [len(range(*segment.indices(values.size))) for segment in segments]
    shapes = [(2, size // 2) if size % 2 == 0 and size > 3 else (size,) for size in sizes]
    paths = ["first", "second"][: len(segments)]
    parts = {"segments": segments, "shapes": shapes, "paths": paths, "parameters": paths}
    return SimpleNamespace(values=values, gradients=gradients, **parts)


def make_pack(size=7, dtype="float64", seed=0):
    """A pack of two parameters, the second of which has 3 elements."""
    values = np.random.default_rng(seed).standard_normal(size).astype(dtype)
    return pack_of(values, np.zeros_like(values), [slice(0, size - 3), slice(size - 3, size)])


def gradients_of(step, size=7):
    """Gradients of which each step's are smaller, so that a running maximum differs from a running mean."""
    return np.random.default_rng(100 + step).standard_normal(size) * 0.7**step


def train(optimizer, pack, steps=STEPS, start=0):
    for step in range(start, start + steps):
        pack.gradients[:] = gradients_of(step, pack.values.size)
        optimizer.apply_packs([pack])
    return pack.values


def new(prototype, **changes):
    """A fresh optimizer of the same configuration, but for `changes`."""
    return type(prototype)(**{**prototype.get_config(), **changes})


def test_every_optimizer_has_a_case():
    beside = FullBatchOptimizer, LossScaleOptimizer, MultiOptimizer  # which have files of their own
    own = {name for name, one in registered(Optimizer).items() if not issubclass(one, beside)}
    assert own == {type(case[0]).__name__ for case in CASES}


@each
def test_formula(prototype, formula):
    optimizer, pack = new(prototype), make_pack()
    rates = [
        SCHEDULE(step) if prototype.learning_rate is SCHEDULE else prototype.learning_rate for step in range(STEPS)
    ]
    gradients, before = [gradients_of(step) for step in range(STEPS)], pack.values.copy()
    expected = expected_of(prototype, formula, pack, gradients, rates)
    np.testing.assert_allclose(train(optimizer, pack), expected, rtol=1e-12, atol=1e-13)
    assert np.abs(pack.values - before).max() > 1e-6
    assert optimizer.iterations == STEPS


def expected_of(prototype, formula, pack, gradients, rates):
    """What a plainly written formula makes of each parameter."""
    arguments, parts = vars(prototype), []
    for segment, shape, path in zip(pack.segments, pack.shapes, pack.paths, strict=True):
        own = [gradient[segment].reshape(shape) for gradient in gradients]
        parts.append(formula(pack.values[segment].reshape(shape).copy(), own, rates, path=path, **arguments).ravel())
    return np.concatenate(parts)


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
    monkeypatch.setattr(blocks, "BLOCK_SIZE", 5)
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
        ({"Adam": {"epsilon": -1}}, r"Adam.epsilon: must be >= 0, got -1"),
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


CLIPPING = {"clipnorm": None, "clipvalue": None, "global_clipnorm": None}
SHARED = {"weight_decay": None} | CLIPPING
OTHERS = {
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}
OURS = {"exclude_from_weight_decay": [], "learning_rate_multipliers": {}}
ADAM = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
MOMENTS = ADAM | {"amsgrad": False}
KERAS_DEFAULTS = {
    SGD: {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False} | SHARED,
    RMSprop: {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False} | SHARED,
    Adam: {"learning_rate": 0.001} | MOMENTS | SHARED,
    AdamW: {"learning_rate": 0.001, "weight_decay": 0.004} | MOMENTS | CLIPPING,
    Adagrad: {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7} | SHARED,
    Adadelta: {"learning_rate": 0.001, "rho": 0.95, "epsilon": 1e-7} | SHARED,
    Adamax: {"learning_rate": 0.001} | ADAM | SHARED,
    Nadam: {"learning_rate": 0.001} | ADAM | SHARED,
    Ftrl: {
        "learning_rate": 0.001,
        "learning_rate_power": -0.5,
        "initial_accumulator_value": 0.1,
        "l1_regularization_strength": 0.0,
        "l2_regularization_strength": 0.0,
        "l2_shrinkage_regularization_strength": 0.0,
        "beta": 0.0,
    }
    | SHARED,
    Lion: {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.99} | SHARED,
    Lamb: {"learning_rate": 0.001} | ADAM | SHARED,
    Adafactor: {
        "learning_rate": 0.001,
        "beta_2_decay": -0.8,
        "epsilon_1": 1e-30,
        "epsilon_2": 1e-3,
        "clip_threshold": 1.0,
        "relative_step": True,
    }
    | SHARED,
    Muon: {
        "learning_rate": 0.001,
        "adam_beta_1": 0.9,
        "adam_beta_2": 0.999,
        "adam_weight_decay": 0.004,
        "epsilon": 1e-7,
        "weight_decay": 0.004,
        "exclude_layers": [],
        "exclude_embeddings": True,
        "muon_a": 3.4445,
        "muon_b": -4.775,
        "muon_c": 2.0315,
        "adam_lr_ratio": 1.0,
        "momentum": 0.95,
        "ns_steps": 5,
        "nesterov": True,
        "rms_rate": 0.2,
    }
    | CLIPPING,
    ScheduleFreeAdamW: {"learning_rate": 0.0025} | ADAM | {"epsilon": 1e-8, "warmup_steps": 0} | SHARED,
}


@pytest.mark.parametrize("optimizer", KERAS_DEFAULTS, ids=lambda member: member.__name__)
def test_arguments_and_defaults_are_those_of_keras(optimizer):
    made = optimizer()
    assert made.name == snake_case(optimizer.__name__)
    assert made.get_config() == KERAS_DEFAULTS[optimizer] | OTHERS | {"name": made.name}
    assert made.to_spec()[optimizer.__name__] == made.get_config() | OURS
    assert type(made.get_config()["learning_rate"]) is float
    inside = [name for name in made.get_config() if name not in SHARED | OTHERS | OURS | {"name": ""}]
    assert inside == [name for name in KERAS_DEFAULTS[optimizer] if name not in SHARED]


@pytest.mark.parametrize("optimizer", KERAS_DEFAULTS, ids=lambda member: member.__name__)
def test_keras_has_these_arguments_and_defaults(optimizer):
    keras = pytest.importorskip("keras")
    parameters = inspect.signature(getattr(keras.optimizers, optimizer.__name__).__init__).parameters
    config = optimizer().get_config()
    for name, parameter in list(parameters.items())[1:]:
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD and name != "name":
            expected = [] if name == "exclude_layers" else parameter.default
            assert config[name] == expected, name


@pytest.mark.parametrize("shape", [(2, 3), (3, 2)])
@pytest.mark.parametrize("size", [1.0, 1e-19, 1e-21, 1e-200])
def test_muon_steps_along_large_and_tiny_matrices(shape, size):
    """High ones as wide ones, transposed; tiny ones, whose products are left out, as the formula has them."""
    gradient = size * np.random.default_rng(0).standard_normal(shape)
    optimizer, array = Muon(1.0, weight_decay=None), np.zeros(shape)
    optimizer.apply([gradient], [array])
    wide = gradient if shape[0] < shape[1] else gradient.T
    rest = {key: value for key, value in vars(optimizer).items() if key != "path"}
    expected = formulas.muon(np.zeros((2, 3)), [wide], [1.0], "kernel", **rest)
    np.testing.assert_allclose(array if shape == (2, 3) else array.T, expected, rtol=1e-12)


RECORDED = 200


def recorded_gradients(size=7):
    """Gradients of scales from e^-9 to e^9, with stretches of zeros and a spike of a million."""
    random = np.random.default_rng(7)
    gradients = random.standard_normal((RECORDED, size)) * np.exp(random.uniform(-9, 9, (RECORDED, size)))
    gradients[50:80] = 0.0
    gradients[:, 2] *= random.random(RECORDED) < 0.2
    gradients[120] *= 1e6
    return gradients


@each
def test_two_hundred_recorded_steps_follow_the_formula(prototype, formula):
    optimizer, pack, recorded = new(prototype), make_pack(), recorded_gradients()
    rates = [optimizer.learning_rate] * RECORDED
    if prototype.learning_rate is SCHEDULE:
        rates = [SCHEDULE(step) for step in range(RECORDED)]
    expected = expected_of(prototype, formula, pack, list(recorded), rates)
    for gradient in recorded:
        pack.gradients[:] = gradient
        optimizer.apply_packs([pack])
    np.testing.assert_allclose(pack.values, expected, rtol=1e-12, atol=1e-12)


OF_KERAS = [case[0] for case in CASES if case[0].learning_rate is not SCHEDULE and type(case[0]) in KERAS_DEFAULTS]
OF_KERAS = [own for own in OF_KERAS if type(own) is not AdamW or own.weight_decay]  # it refuses one without decay


@pytest.mark.parametrize("prototype", OF_KERAS, ids=str)
def test_keras_agrees_on_two_hundred_recorded_steps(prototype):
    keras = pytest.importorskip("keras")
    if type(prototype) is ScheduleFreeAdamW and keras.backend.backend() == "torch":
        pytest.skip("there Keras overwrites the old z in place before it is used")
    keras.config.set_floatx("float64")
    try:
        pack, recorded = make_pack(), recorded_gradients()
        places = list(zip(pack.segments, pack.shapes, strict=True))
        variables = [
            keras.Variable(pack.values[segment].reshape(shape).copy(), dtype="float64", name=path)
            for (segment, shape), path in zip(places, pack.paths, strict=True)
        ]
        config = {key: value for key, value in prototype.get_config().items() if key not in OURS}
        peer = getattr(keras.optimizers, type(prototype).__name__)(**config)
        optimizer = new(prototype)
        for gradient in recorded:
            pack.gradients[:] = gradient
            optimizer.apply_packs([pack])
            peer.apply([keras.ops.array(gradient[part].reshape(shape)) for part, shape in places], variables)
        found = np.concatenate([keras.ops.convert_to_numpy(variable).ravel() for variable in variables])
        np.testing.assert_allclose(pack.values, found, rtol=1e-6, atol=1e-9)
    finally:
        keras.config.set_floatx("float32")


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


@pytest.mark.parametrize(
    "kind", ["Adagrad", "Adam", "AdamW", "Adamax", "Lamb", "Nadam", "RMSprop", "ScheduleFreeAdamW"]
)
def test_a_denominator_may_have_nothing_added(kind):
    gradient = np.array([0.5, -2.0])
    exact, near = np.zeros((2, 2))
    for values, epsilon in ((exact, 0.0), (near, 1e-12)):
        Optimizer.get({kind: {"epsilon": epsilon}}).apply([gradient], [values])
    assert (exact != 0).all()
    np.testing.assert_allclose(exact, near, rtol=1e-9)


def test_an_average_without_frequency_never_takes_the_values():
    results = []
    for frequency in (0, None):
        values = np.zeros(2)
        optimizer = SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=frequency)
        for _ in range(3):
            optimizer.apply([np.ones(2)], [values])
        results.append(values)
    np.testing.assert_array_equal(*results)


def test_momentums_of_sgd_are_its_velocities():
    values, optimizer = [np.ones(2), np.zeros(1)], SGD(0.5, momentum=0.9)
    optimizer.apply([np.array([1.0, 2.0]), np.array([4.0])], values)
    assert [velocity.numpy().tolist() for velocity in optimizer.momentums] == [[-0.5, -1.0], [-2.0]]
    assert SGD(0.5).momentums == []


def test_adamw_is_a_kind_of_adam():
    assert isinstance(AdamW(), Adam)
