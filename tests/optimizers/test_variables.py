"""An optimizer by itself, on arrays and parameters: Keras's methods of a training loop of one's own."""

import copy
import pickle

import numpy as np
import pytest
from test_optimizers import CASES, make_pack, new

from nnlite import Variable, kernels
from nnlite.constraints import NonNeg
from nnlite.errors import ConfigError, NotReadyError, ShapeError
from nnlite.layers import BatchNormalization, Dense, Embedding
from nnlite.models import Sequential, load_model
from nnlite.optimizers import (
    SGD,
    Adafactor,
    Adam,
    AdamW,
    ExponentialDecay,
    Lamb,
    LossScaleOptimizer,
    Muon,
    Optimizer,
    deserialize,
    get,
    serialize,
)
from nnlite.registry import register_function

PROTOTYPES = [case[0] for case in CASES]
each = pytest.mark.parametrize("prototype", PROTOTYPES, ids=str)


def variables(dtype="float64"):
    generator = np.random.default_rng(3)
    return [generator.standard_normal(shape).astype(dtype) for shape in ((3, 4), (4,), (2, 3, 2), ())]


def gradients(step, dtype="float64"):
    generator = np.random.default_rng(50 + step)
    return [generator.standard_normal(shape).astype(dtype) for shape in ((3, 4), (4,), (2, 3, 2), ())]


@each
def test_each_variable_as_if_alone(prototype):
    together, alone = variables(), variables()
    optimizer, own = new(prototype), [new(prototype) for _ in alone]
    optimizer.build(together)
    before = copy.deepcopy(together)
    for step in range(3):
        optimizer.apply(gradients(step))
        for member, variable, gradient in zip(own, alone, gradients(step), strict=True):
            member.apply([gradient], [variable])
    for trained, single, start in zip(together, alone, before, strict=True):
        np.testing.assert_allclose(trained, single, rtol=1e-13, atol=1e-15)
        assert np.any(trained != start)
    assert optimizer.iterations == 3 and optimizer.built


@each
def test_weights_are_taken_over(prototype):
    first, second = variables(), variables()
    optimizer, other = new(prototype), new(prototype)
    optimizer.apply_gradients(zip(gradients(0), first, strict=True))
    with pytest.raises(NotReadyError, match=r"You are calling set_weights\(\) on an optimizer that has not"):
        other.set_weights(optimizer.variables)
    other.build(first)
    other.set_weights([np.array(variable) for variable in optimizer.variables])
    assert other.iterations == 1
    for mine, theirs in zip(optimizer.variables, other.variables, strict=True):
        assert mine.name == theirs.name
        np.testing.assert_array_equal(mine.value, theirs.value)
    second = copy.deepcopy(first)
    optimizer.apply(gradients(1), first)
    resumed = new(prototype)
    resumed.build(second)
    resumed.set_weights(other.get_weights())
    resumed.apply(gradients(1), second)
    for expected, found in zip(first, second, strict=True):
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(ShapeError):
        other.set_weights(optimizer.variables[:-1])


@each
def test_a_variable_without_gradient_stays(prototype):
    arrays, optimizer = variables(), new(prototype)
    optimizer.apply(gradients(0), arrays)
    before, slots = copy.deepcopy(arrays), optimizer.get_weights()
    optimizer.apply([*gradients(1)[:1], None, *gradients(1)[2:]], arrays)
    np.testing.assert_array_equal(arrays[1], before[1])
    kept = [place for place, variable in enumerate(optimizer.variables) if variable.name.startswith("variable_1_")]
    assert all(np.array_equal(optimizer.variables[place].value, slots[place]) for place in kept)
    optimizer.apply(gradients(2)[2:3], arrays[2:3])  # some of them
    np.testing.assert_array_equal(arrays[1], before[1])
    assert np.any(arrays[2] != before[2])


def test_slots_are_found_by_name_and_written_through():
    optimizer, arrays = Adam(), variables()
    optimizer.apply(gradients(0), arrays)
    names = [variable.name for variable in optimizer.variables]
    assert names[:4] == ["iteration", "learning_rate", "variable_0_momentum", "variable_0_velocity"]
    assert optimizer.variables[2].shape == (3, 4)
    optimizer.variables[2].assign(np.full((3, 4), 7.0))
    np.testing.assert_allclose(optimizer.slots[0]["momentum"][:12], 70.0)  # a sum, where Keras has the mean
    assert [variable.name for variable in Adam(ExponentialDecay(0.1, 1, 0.5)).variables] == ["iteration"]
    muon = Muon()
    muon.apply(gradients(0), arrays)
    assert [variable.name for variable in muon.variables[2:5]] == [
        "variable_0_momentum",
        "variable_1_momentum",
        "variable_1_velocity",
    ]


def test_several_dtypes_and_parameters_of_layers():
    layer = Dense(2)
    layer.build((None, 3))
    kernel, array = layer.weights[0], np.ones(3, "float32")
    start = kernel.value.copy()
    optimizer = SGD(0.5)
    optimizer.apply([np.ones((3, 2)), np.ones(3)], [kernel, array])
    np.testing.assert_allclose(kernel.value, start - 0.5)
    np.testing.assert_array_equal(array, np.full(3, 0.5, "float32"))


def test_a_training_loop_of_ones_own_does_what_a_step_of_the_model_does():
    """Of a model with rows of an embedding too; the parameters have moved into the packs of `fit` before."""
    x, y = np.array([[0, 1], [1, 2]]), np.ones((2, 2, 1))
    models = [Sequential([Embedding(4, 3), Dense(1)], seed=1) for _ in range(2)]
    for model in models:
        model.compile(Lamb(0.1), "mse")
        model.build((None, 2))
    by_step, by_hand = models
    by_step.train_on_batch(x, y)
    gradients = [np.asarray(weight.gradient) for weight in by_step.trainable_weights]
    Lamb(0.1).apply(gradients, by_hand.trainable_weights)
    for found, expected in zip(by_hand.get_weights(), by_step.get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "act, error, message",
    [
        (lambda: Adam().apply([np.ones(2)]), NotReadyError, r"Adam does not know the variables: pass them, or call"),
        (lambda: Adam().build([[1.0]]), ConfigError, r"Adam updates writable NumPy arrays .*, got list"),
        (lambda: Adam().build([np.ones(2, int)]), ConfigError, r"floating-point numbers"),
        (lambda: Adam().apply([np.ones(2)], [np.ones(3)]), ShapeError, r"gradient has the shape \(2,\), .* \(3,\)"),
        (lambda: Adam().apply([], [np.ones(3)]), ShapeError, r"Adam got 0 gradients for 1 variables"),
        (lambda: Adam().apply([None], [np.ones(3)]), ConfigError, r"No gradients provided for any variable"),
    ],
)
def test_what_is_refused(act, error, message):
    with pytest.raises(error, match=message):
        act()


def test_unknown_variables_are_refused():
    optimizer = Adam()
    optimizer.apply([np.ones(3)], [np.ones(3)])
    with pytest.raises(ConfigError, match=r"Unknown variable of shape \(2,\): Adam is built for 1 others"):
        optimizer.apply([np.ones(2)], [np.ones(2)])


def test_learning_rate_is_assigned_read_and_saved():
    optimizer = Adam(0.1)
    optimizer.learning_rate.assign(0.25)
    assert optimizer.learning_rate == 0.25 and optimizer.learning_rate.numpy() == 0.25
    assert type(optimizer.get_config()["learning_rate"]) is float
    assert type(pickle.loads(pickle.dumps(optimizer.learning_rate))) is float
    again = pickle.loads(pickle.dumps(optimizer))
    again.learning_rate.assign(0.5)
    assert (optimizer.learning_rate, again.learning_rate) == (0.25, 0.5)
    with pytest.raises(ConfigError, match="must be >= 0"):
        optimizer.learning_rate.assign(-1)


def a_rate():
    return 0.125


def test_a_function_is_a_learning_rate():
    rates = iter([0.5, 0.25])
    optimizer, array = SGD(lambda: next(rates)), np.zeros(1)
    optimizer.apply([np.ones(1)], [array])
    optimizer.apply([np.ones(1)])
    assert array[0] == -0.75
    optimizer.learning_rate = a_rate
    assert optimizer.current_learning_rate == 0.125
    with pytest.raises(ConfigError, match="is not registered and cannot be saved"):
        SGD(lambda: 0.5).to_spec()
    with pytest.raises(ConfigError, match=r"a_rate.*custom_objects"):
        Optimizer.get(optimizer.to_spec())
    register_function(a_rate)
    assert Optimizer.get(optimizer.to_spec()).current_learning_rate == 0.125
    with pytest.raises(ConfigError, match="ExponentialDecay"):
        SGD(ExponentialDecay)


def test_variables_are_excluded_from_weight_decay():
    arrays = [np.ones(2), np.ones(2)]
    optimizer = AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[arrays[1]])
    optimizer.apply([np.zeros(2), np.zeros(2)], arrays)
    np.testing.assert_allclose(arrays, [[0.95, 0.95], [1.0, 1.0]])
    assert optimizer.exclude_from_weight_decay == ["variable_1"]
    optimizer.exclude_from_weight_decay(var_list=[np.ones(2)])
    with pytest.raises(ConfigError, match=r"exclude_from_weight_decay: a variable of shape .* not one of the trained"):
        optimizer.apply([np.zeros(2), np.zeros(2)], arrays)


def test_losses_are_scaled_and_gradients_scaled_back():
    optimizer, array = SGD(1.0, loss_scale_factor=8.0), np.zeros(1)
    assert optimizer.scale_loss(2.0) == 16.0 and SGD().scale_loss(2.0) == 2.0
    optimizer.apply([np.full(1, 16.0)], [array])
    assert array[0] == -2.0


@each
@pytest.mark.parametrize("shared", [{"use_ema": True}, {"gradient_accumulation_steps": 3}])
def test_models_are_saved_and_resumed_to_the_bit(prototype, shared, tmp_path):
    generator = np.random.default_rng(0)
    x, y = generator.standard_normal((24, 3)), generator.standard_normal((24, 2))
    model = Sequential([Dense(4, "tanh"), Dense(2)], seed=0)
    model.compile(new(prototype, **shared), "mse")
    for _ in range(4):
        model.train_on_batch(x, y)
    model.save(tmp_path / "model.safetensors")
    loaded, pickled = load_model(tmp_path / "model.safetensors"), pickle.loads(pickle.dumps(model))
    for twin in (model, loaded, pickled):
        for _ in range(3):
            twin.train_on_batch(x, y)
    for twin in (loaded, pickled):
        for found, expected in zip(twin.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(found, expected)
        assert twin.optimizer.to_spec() == model.optimizer.to_spec()
        assert twin.optimizer.batches == 7


@each
def test_accumulated_gradients_are_one_step_of_their_mean(prototype):
    together, apart = variables(), variables()
    whole, parts = new(prototype, clipnorm=0.5), new(prototype, gradient_accumulation_steps=2, clipnorm=0.5)
    for step in range(3):
        pairs = gradients(2 * step), gradients(2 * step + 1)
        if isinstance(whole.learning_rate, ExponentialDecay):  # which counts batches
            whole.batches = 2 * step + 1
            parts_rate = parts.learning_rate
            whole.learning_rate = ExponentialDecay(whole.current_learning_rate, 1, 1.0)
            whole.batches = step
        whole.apply([(one + other) / 2 for one, other in zip(*pairs, strict=True)], together)
        parts.apply(pairs[0], apart)
        assert parts.iterations == step
        parts.apply(pairs[1], apart)
        if isinstance(parts.learning_rate, ExponentialDecay):
            whole.learning_rate = parts_rate
    assert parts.iterations == 3 and parts.batches == 6
    for expected, found in zip(together, apart, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)
    with pytest.raises(ConfigError, match="gradient_accumulation_steps: must be an integer >= 2"):
        new(prototype, gradient_accumulation_steps=1)


def test_averages_of_the_values():
    plain, array = np.zeros(2), np.zeros(2)
    optimizer, average = SGD(0.1, use_ema=True, ema_momentum=0.75), None
    for step in range(5):
        plain -= 0.1 * (step + 1)
        average = plain.copy() if average is None else 0.75 * average + 0.25 * plain
        optimizer.apply([np.full(2, step + 1.0)], [array])
    np.testing.assert_allclose(array, plain, rtol=1e-15)
    optimizer.finalize_variable_values([array])
    np.testing.assert_allclose(array, average, rtol=1e-15)
    array, optimizer = np.zeros(1), SGD(1.0, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2)
    seen = []
    for _ in range(4):
        optimizer.apply([np.ones(1)], [array])
        seen.append(float(array[0]))
    assert seen == [-1.0, -1.5, -2.5, -2.75]


def test_fit_ends_with_the_averages():
    x, y = np.ones((8, 1)), np.zeros((8, 1))
    model = Sequential([Dense(1)], seed=0)
    model.compile(SGD(0.05, use_ema=True, ema_momentum=0.5), "mse")
    model.build((None, 1))
    weights = [model.get_weights()]

    model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    twin = Sequential([Dense(1)], seed=0)
    twin.compile(SGD(0.05), "mse")
    twin.build((None, 1))
    for _ in range(4):
        twin.train_on_batch(x[:4], y[:4])
        weights.append(twin.get_weights())
    average = weights[1]
    for later in weights[2:]:
        average = [0.5 * one + 0.5 * other for one, other in zip(average, later, strict=True)]
    for found, expected in zip(model.get_weights(), average, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_optimizers_are_read_and_written():
    described = {"class_name": "Adam", "config": {"learning_rate": 0.5, "name": "mine"}, "module": "keras.optimizers"}
    assert get(described).name == "mine" and deserialize(described).learning_rate == 0.5
    assert get(None) is None and get("lion").name == "lion" and repr(get(Adam)) == "Adam()"
    assert deserialize(serialize(Muon(0.5))).get_config() == Muon(0.5).get_config()
    nested = {
        "class_name": "ExponentialDecay",
        "config": {"initial_learning_rate": 1, "decay_steps": 2, "decay_rate": 0.5},
    }
    assert get({"class_name": "SGD", "config": {"learning_rate": nested}}).current_learning_rate == 1.0
    assert repr(Adam(name="mine")) == "Adam(name='mine')"


FADING = [own for own in PROTOTYPES if not isinstance(own.learning_rate, ExponentialDecay)]


@pytest.mark.parametrize("prototype", FADING, ids=str)
def test_no_subnormal_number_is_left_after_zero_gradients(prototype):
    pack, optimizer = make_pack(dtype="float32"), new(prototype, use_ema=True)
    pack.gradients[:] = [1e-3, 1.0, -1e3, 1e-9, 0.0, 1e-18, 1e-15]
    optimizer.apply_packs([pack])
    pack.gradients[:] = 0.0
    for _ in range(20_000):
        optimizer.apply_packs([pack])
    smallest = np.finfo("float32").tiny
    for name, slot in optimizer.slots[0].items():
        assert not np.count_nonzero((slot != 0) & (np.abs(slot) < smallest)), name


@pytest.mark.parametrize("dtype, small", [("float32", 1e-31), ("float64", 1e-301)])
def test_flushing_takes_what_is_next_to_nothing_alone(dtype, small):
    vector = np.array([1.0, small, -small, 10 * small, -10 * small, np.nan, 0.0] * 20_000, dtype)
    expected = np.where(np.abs(vector) == np.abs(vector[1]), 0.0, vector)
    kernels.flush(vector)
    np.testing.assert_array_equal(vector, expected)
    half = np.array([6e-8, 1e-3], "float16")
    kernels.flush(half)
    assert np.all(half)


def test_moving_averages_of_a_layer_fade_to_zero():
    model = Sequential([BatchNormalization(momentum=0.5), Dense(1)], seed=0)
    model.compile("sgd", "mse")
    model.build((None, 2))
    model.layers[0].moving_mean.assign([1e-36, 1.0])
    for _ in range(256):
        model.train_on_batch(np.zeros((4, 2)), np.zeros((4, 1)))
    assert np.all(model.layers[0].moving_mean.value == 0.0)


LISTED = {
    "SGD": [], "RMSprop": ["velocity"], "Adam": ["momentum", "velocity"], "Adagrad": ["accumulator"],
    "Adadelta": ["accumulated_grad", "accumulated_delta_var"], "Adamax": ["momentum", "norm"],
    "Ftrl": ["accumulator", "linear"], "Lion": ["momentum"], "Lamb": ["momentum", "velocity"],
}  # fmt: skip


@pytest.mark.parametrize("name", LISTED)
def test_variables_have_the_names_and_the_order_of_keras(name):
    optimizer = Optimizer.get(name)
    optimizer.build([Variable(np.ones((2, 3)), name="kernel"), Variable(np.ones(3), name="bias")])
    slots = [f"{one}_{slot}" for one in ("kernel", "bias") for slot in LISTED[name]]
    assert [one.name for one in optimizer.variables] == ["iteration", "learning_rate", *slots]
    assert [one.dtype.name for one in optimizer.variables[:2]] == ["int32", "float32"]


def test_groups_of_slots_come_one_after_another():
    optimizer = Adam(amsgrad=True, use_ema=True)
    optimizer.build([Variable(np.ones((2, 3)), name="k"), Variable(np.ones(3), name="b")])
    assert [one.name for one in optimizer.variables[2:]] == [
        *("k_average", "b_average", "k_momentum", "k_velocity", "b_momentum", "b_velocity"),
        *("k_velocity_hat", "b_velocity_hat"),
    ]


@pytest.mark.parametrize("name", [*LISTED, "Nadam", "Muon", "ScheduleFreeAdamW", "AdamW", "Adafactor"])
def test_a_store_takes_the_state_and_gives_it_back(name):
    def trained(steps, store=None):
        optimizer, array = Optimizer.get({name: {"learning_rate": 0.1}}), values.copy()
        if store is not None:
            optimizer.build([array])
            optimizer.load_own_variables(store)
        for step in steps:
            optimizer.apply([np.random.default_rng(step).normal(size=array.shape)], [array])
        return optimizer, array

    values = np.random.default_rng(9).normal(size=(3, 4))
    first, values = trained(range(3))
    store = {}
    first.save_own_variables(store)
    assert [*store] == [str(number) for number in range(len(store))] and store["0"] == 3
    second, found = trained(range(3, 6), store)
    for step in range(3, 6):
        first.apply([np.random.default_rng(step).normal(size=values.shape)], [values])
    np.testing.assert_allclose(found, values, rtol=1e-12)
    assert second.learning_rate == 0.1
    with pytest.warns(UserWarning, match="nothing is loaded, it has"):
        second.load_own_variables({"0": 1})


def test_the_means_of_adam_are_those_of_the_paper():
    optimizer, array = Adam(), np.zeros(3)
    gradient = np.array([1.0, -2.0, 3.0])
    optimizer.apply([gradient], [array])
    np.testing.assert_allclose(optimizer.variables[2].value, 0.1 * gradient, rtol=1e-14)
    np.testing.assert_allclose(optimizer.variables[3].value, 0.001 * gradient**2, rtol=1e-12)


@pytest.mark.parametrize("name", ["SGD", "Adam", "Nadam", "Muon"])
def test_stateless_steps_leave_all_as_it_is(name):
    optimizer, array = Optimizer.get(name), np.arange(6.0).reshape(2, 3)
    gradient = np.random.default_rng(0).normal(size=array.shape)
    optimizer.build([array])
    state = [one.value.copy() for one in optimizer.variables]
    values, kept = [array.copy()], state
    for _ in range(3):
        values, kept = optimizer.stateless_apply(kept, [gradient], values)
    assert int(kept[0]) == 3 and optimizer.iterations == 0 and np.array_equal(array, np.arange(6.0).reshape(2, 3))
    for _ in range(3):
        optimizer.apply([gradient], [array])
    np.testing.assert_allclose(values[0], array, rtol=1e-6)


def test_apply_keeps_to_constraints_and_variables_may_be_assigned():
    variable = Variable(np.array([-1.0, 2.0]))
    variable.constraint = NonNeg()
    optimizer = SGD(0.5)
    optimizer.apply([np.array([1.0, 1.0])], [variable])
    np.testing.assert_array_equal(variable.value, [0.0, 1.5])
    optimizer.assign(variable, [3.0, 4.0])
    optimizer.assign_add(variable, [1.0, 1.0])
    optimizer.assign_sub(variable, [0.5, 0.5])
    np.testing.assert_array_equal(variable.value, [3.5, 4.5])


def test_variables_are_listed_as_in_keras():
    optimizer = Adafactor(name="ada")
    pair = [Variable(np.ones((2, 3)), name="x"), Variable(np.ones(3), name="y")]
    optimizer.build(pair)
    assert [variable.shape for variable in optimizer.variables[2:]] == [(2,), (3,), (2, 3), (), (), (3,)]
    names = ["iteration", "learning_rate", "x", "x", "x_velocity", "y", "y", "y_velocity"]
    assert [variable.path for variable in optimizer.variables] == [f"ada/{name}" for name in names]
    single = Adafactor()
    single.build([Variable(np.ones((2, 3), np.float32))])
    assert {variable.value.dtype.name for variable in single.variables[2:]} == {"float32"}
    optimizer.apply([np.arange(1.0, 7.0).reshape(2, 3), np.ones(3)], pair)
    row, column, squares = (variable.value for variable in optimizer.variables[2:5])
    np.testing.assert_allclose(squares, np.outer(row, column) / row.mean(), rtol=1e-6)
    other = Adafactor()
    other.build(pair)
    other.set_weights(optimizer.variables)
    for mine, theirs in zip(optimizer.variables, other.variables, strict=True):
        np.testing.assert_array_equal(mine.value, theirs.value)


def test_variables_that_take_gradients_as_their_values():
    plain, taking = Variable([1.0, 2.0]), Variable([1.0, 2.0])
    taking.overwrite_with_gradient = True
    optimizer = SGD(0.5, momentum=0.9)
    for step in (1.0, 2.0):
        optimizer.apply([np.full(2, step), np.full(2, 7.0 * step)], [plain, taking])
    assert taking.numpy().tolist() == [14.0, 14.0]
    alone = np.array([1.0, 2.0], np.float32)
    other = SGD(0.5, momentum=0.9)
    for step in (1.0, 2.0):
        other.apply([np.full(2, step)], [alone])
    assert plain.numpy().tolist() == alone.tolist()
    optimizer.apply([np.full(2, 5.0)], [taking])
    assert taking.numpy().tolist() == [5.0, 5.0] and plain.numpy().tolist() == alone.tolist()
    assert optimizer.iterations == 3
    scaling = LossScaleOptimizer(SGD(0.5), initial_scale=8.0)
    scaling.apply([np.full(2, 8.0), np.full(2, 3.0)], [plain, taking])
    assert taking.numpy().tolist() == [3.0, 3.0] and plain.numpy().tolist() == (alone - 0.5).tolist()
    scaling.apply([None, np.full(2, 4.0)])
    assert taking.numpy().tolist() == [4.0, 4.0]


def test_numbers_that_are_assigned_are_returned():
    optimizer = SGD(0.5)
    optimizer.apply([])  # nothing, also where no variables are known
    assert optimizer.learning_rate.assign(0.25) == 0.25 and optimizer.iterations.assign_add(2) == 2
    assert [variable.assign(variable.value).tolist() for variable in optimizer.variables] == [2, 0.25]


def test_slots_of_a_model_are_named_by_whole_paths():
    model = Sequential([Dense(1)], name="net")
    model.compile("adam", "mse")
    model.fit(np.ones((2, 2)), np.ones(2), verbose=0)
    paths = [variable.path for variable in model.optimizer.variables[2:4]]
    assert paths == ["adam/net_dense_kernel_momentum", "adam/net_dense_kernel_velocity"]
