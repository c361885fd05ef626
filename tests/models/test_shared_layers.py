"""A layer that is part of several layers of one model: its parameters are there once, its gradients are summed."""

import copy
import importlib.util
import pickle

import numpy as np
import pytest

import nnlite
from nnlite import Input, Model, Sequential
from nnlite.errors import ConfigError, ModelFileError
from nnlite.layers import (
    RNN,
    Add,
    BatchNormalization,
    Bidirectional,
    Concatenate,
    Dense,
    Embedding,
    Flatten,
    Layer,
    Parallel,
    SimpleRNNCell,
    StackedRNNCells,
    TimeDistributed,
)
from nnlite.models import clone_model, model_from_json

RNG = np.random.default_rng(0)
STEP = 1e-6


def dense(units=3, **options):
    return Dense(units, activation="tanh", dtype="float64", **options)


def in_sequentials():
    shared, inputs = dense(name="shared"), Input((3,), dtype="float64")
    first = Sequential([shared, dense()], seed=1, dtype="float64")
    second = Sequential([dense(), shared], seed=2, dtype="float64")
    return Model(inputs, Add(dtype="float64")([second(first(inputs)), first(inputs)]), seed=0, dtype="float64")


def in_models():
    inner = Input((3,), dtype="float64")
    nested = Model(inner, dense()(inner), seed=3, dtype="float64")
    ends = []
    for seed in range(2):
        start = Input((3,), dtype="float64")
        ends.append(Model(start, dense(3)(nested(start)), seed=seed, dtype="float64"))
    inputs = Input((3,), dtype="float64")
    return Model(inputs, ends[1](ends[0](inputs)), seed=0, dtype="float64")


def in_a_chain():
    shared = dense(name="shared")
    parts = [Sequential([shared], name="a", dtype="float64"), dense(), Sequential([shared, dense()], dtype="float64")]
    return Sequential([Input((3,)), *parts], seed=0, dtype="float64")


def beside_itself():
    shared, inputs = dense(name="shared"), Input((3,), dtype="float64")
    return Model(inputs, Sequential([shared, dense()], dtype="float64")(shared(inputs)), seed=0, dtype="float64")


class OfAList(Model):
    def __init__(self):
        super().__init__(seed=0, dtype="float64")
        shared = dense(name="shared")
        self.parts = [Sequential([shared, dense()], dtype="float64"), Sequential([shared], dtype="float64")]

    def call(self, inputs):
        for part in self.parts:
            inputs = part(inputs)
        return inputs


class Plain(Layer):
    def __init__(self, **options):
        super().__init__(**options)
        shared = dense(name="shared")
        self.parts = {"a": Sequential([shared], dtype="float64"), "b": Sequential([shared, dense()], dtype="float64")}

    def call(self, inputs):
        return self.parts["a"](inputs) + self.parts["b"](inputs)


def of_a_list():
    model = OfAList()
    model.build((None, 3))
    return model


def in_a_layer():
    return Sequential([Input((3,)), Plain(dtype="float64"), dense()], seed=0, dtype="float64")


def in_branches():
    shared = dense(name="shared")
    branches = [Sequential([shared], dtype="float64"), Sequential([shared, dense()], dtype="float64")]
    return Sequential([Input((3,)), Parallel(branches, dtype="float64"), dense()], seed=0, dtype="float64")


def in_both_directions():
    cell = SimpleRNNCell(2, dtype="float64")
    layers = RNN(cell, dtype="float64"), RNN(cell, go_backwards=True, dtype="float64")
    return Sequential([Input((4, 3)), Bidirectional(*layers[:1], backward_layer=layers[1]), dense()], seed=0)


def in_stacked_cells():
    cell = SimpleRNNCell(3, dtype="float64")
    return Sequential([Input((4, 3)), RNN(StackedRNNCells([cell, cell]), dtype="float64"), dense()], seed=0)


def along_time():
    shared = dense(name="shared")
    parts = [TimeDistributed(shared, dtype="float64"), TimeDistributed(shared, dtype="float64"), Flatten()]
    return Sequential([Input((4, 3)), *parts, dense()], seed=0, dtype="float64")


# Each with the number of scalars that Keras counts.
BUILDS = {
    in_sequentials: 36,
    in_models: 36,
    in_a_chain: 36,
    beside_itself: 24,
    of_a_list: 24,
    in_a_layer: 36,
    in_branches: 24 + 21,
    in_both_directions: 12 + 12 + 15,  # the forward layer is a copy
    in_stacked_cells: 21 + 12,
    along_time: 12 + 39,
}


def data(model, rows=6):
    x = RNG.normal(size=(rows, *model.input_shape[1:]))
    return x, RNG.normal(size=(rows, *model.output_shape[1:]))


def compiled(build, optimizer="adam"):
    model = build()
    model.compile(optimizer, "mse")
    return model


def differences(model, x, y):
    """The gradient of the mean squared error, by central differences of the parameters."""
    slopes = []
    for parameter in model.parameters:
        for place in np.ndindex(*parameter.shape):
            values = []
            for step in (STEP, -STEP):
                parameter.value[place] += step
                values.append(np.mean((model.predict(x, verbose=0) - y) ** 2))
                parameter.value[place] -= step
            slopes.append((values[0] - values[1]) / (2 * STEP))
    return np.array(slopes)


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__)
def test_each_parameter_is_there_once(build):
    model = compiled(build)
    ids = list(map(id, model.parameters))
    assert len(set(ids)) == len(ids)
    assert model.count_params() == sum(weight.size for weight in model.weights) == BUILDS[build]
    assert set(map(id, model.weights)) == set(ids) and len(model.weights) == len(ids)
    assert sorted(map(id, model.trainable_weights)) == sorted(ids)
    assert len(model.get_weights()) == len(ids)
    packs = model.trainer.ready_steps().store.packs
    assert sum(pack.values.size for pack in packs) == BUILDS[build]
    assert f"Total params: {BUILDS[build]} " in repr(model)


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__)
def test_gradients_are_those_of_differences(build):
    model = compiled(build)
    x, y = data(model)
    expected = differences(model, x, y)
    np.testing.assert_allclose(model.gradient(x, y), expected, rtol=1e-6, atol=1e-8)
    per_example = model.per_example_gradients(x, y)
    np.testing.assert_allclose(np.mean(per_example, axis=0), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__)
def test_a_step_goes_down_the_whole_gradient(build):
    model = compiled(build, {"SGD": {"learning_rate": 0.1}})
    x, y = data(model)
    before, slopes = [weight.copy() for weight in model.values], model.gradient(x, y)
    model.train_on_batch(x, y)
    moved = np.concatenate([(old - new).ravel() for old, new in zip(before, model.values, strict=True)])
    np.testing.assert_allclose(moved, 0.1 * slopes, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__)
def test_second_derivatives_are_differences_of_the_gradient(build):
    model = compiled(build)
    x, y = data(model)
    direction = RNG.normal(size=model.count_params())
    product, slopes = model.hvp(x, y, direction), []
    weights = np.concatenate([value.ravel() for value in model.values])
    for sign in (1, -1):
        moved = weights + sign * STEP * direction
        stops = np.cumsum([value.size for value in model.values])[:-1]
        for parameter, part in zip(model.parameters, np.split(moved, stops), strict=True):
            parameter.assign(part.reshape(parameter.shape))
        slopes.append(model.gradient(x, y))
    np.testing.assert_allclose(product, (slopes[0] - slopes[1]) / (2 * STEP), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__)
@pytest.mark.parametrize("way", ["safetensors", "keras", "pickle", "copy"])
def test_models_are_kept_with_what_they_share(build, way, tmp_path):
    model = compiled(build)
    x, y = data(model)
    model.fit(x, y, epochs=2, verbose=0)
    if way in ("safetensors", "keras"):
        if way == "keras" and (build is in_branches or importlib.util.find_spec("h5py") is None):
            pytest.skip("Keras has no Parallel, or there is no h5py")
        model.save(tmp_path / f"model.{way}")
        twin = nnlite.load_model(tmp_path / f"model.{way}")
    else:
        twin = pickle.loads(pickle.dumps(model)) if way == "pickle" else copy.deepcopy(model)
    assert twin.count_params() == BUILDS[build]
    np.testing.assert_array_equal(twin.predict(x, verbose=0), model.predict(x, verbose=0))
    for trained in (model, twin):
        trained.train_on_batch(x, y)
    np.testing.assert_array_equal(twin.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__)
def test_weights_go_into_a_model_of_the_same_layers(build, tmp_path):
    model, other = build(), build()
    x, _ = data(model)
    for parameter in model.parameters:
        parameter.assign_add(0.1)
    model.save_weights(tmp_path / "weights.safetensors")
    other.load_weights(tmp_path / "weights.safetensors")
    np.testing.assert_array_equal(other.predict(x, verbose=0), model.predict(x, verbose=0))
    other.set_weights([0.5 * weight for weight in model.get_weights()])
    np.testing.assert_array_equal(other.get_weights()[0], 0.5 * model.get_weights()[0])


@pytest.mark.parametrize("build", [in_sequentials, in_models, in_a_chain, beside_itself, in_branches])
def test_clones_and_descriptions_share_too(build):
    model = build()
    assert clone_model(model).count_params() == BUILDS[build]
    assert model_from_json(model.to_json()).count_params() == BUILDS[build]
    assert type(model).from_config(model.get_config()).count_params() == BUILDS[build]
    assert nnlite.layers.Layer.get(model.to_spec()).count_params() == BUILDS[build]


def test_a_description_without_shared_layers_says_nothing_of_them():
    assert "shared layer" not in Sequential([Input((3,)), Sequential([dense()]), dense()]).to_json()
    assert in_a_chain().to_json().count('"shared layer"') == 2


@pytest.mark.parametrize(
    ("number", "change", "message"),
    [("one", {}, "number of a layer"), ([], {}, "number of a layer"), (None, {"units": 4}, "two ways")],
)
def test_descriptions_that_disagree_are_refused(number, change, message):
    spec = in_a_chain().to_spec()
    part = spec["Sequential"]["layers"][-1]["Sequential"]["layers"][0]
    part["Dense"] |= change
    part["shared layer"] = part["shared layer"] if number is None else number
    with pytest.raises(ConfigError, match=message):
        Layer.get(spec)


def test_training_is_that_of_a_graph_without_containers():
    models = []
    for nested in (False, True):
        shared, first, second = (
            Dense(3, "tanh", name="shared"),
            Dense(3, "relu", name="first"),
            Dense(2, name="second"),
        )
        inputs = Input((3,))
        parts = [[shared, first], [shared, second]]
        if nested:
            parts = [[Sequential(part)] for part in parts]
        end = inputs
        for layer in (layer for part in parts for layer in part):
            end = layer(end)
        models.append(Model(inputs, end, seed=0))
    models[1].set_weights(models[0].get_weights())
    x, y = RNG.normal(size=(40, 3)), RNG.normal(size=(40, 2))
    for model in models:
        model.compile("adam", "mse")
        model.fit(x, y, epochs=5, batch_size=8, shuffle=False, verbose=0)
    for one, other in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("sparse", [False, True])
def test_shared_tables_gather_the_rows_of_all_uses(sparse):
    table, inputs = Embedding(7, 2, sparse=sparse, dtype="float64"), [Input((2,), dtype="int64") for _ in range(2)]
    ends = [Sequential([table, Flatten()], dtype="float64")(own) for own in inputs]
    model = Model(inputs, Concatenate(dtype="float64")(ends), dtype="float64")
    model.compile({"SGD": {"learning_rate": 0.1}}, "mse")
    x, y = [RNG.integers(0, 5, size=(4, 2)) for _ in range(2)], RNG.normal(size=(4, 8))
    assert model.count_params() == 14
    before, expected = table.embeddings.value.copy(), differences(model, x, y).reshape(7, 2)
    model.train_on_batch(x, y)
    np.testing.assert_allclose((before - table.embeddings.value) / 0.1, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("order", ["ab", "aba", "abb"])
def test_moving_averages_go_on_from_use_to_use(order):
    norm, plain = (BatchNormalization(momentum=0.5, dtype="float64") for _ in range(2))
    parts = {name: Sequential([norm], dtype="float64") for name in "ab"}
    inputs = Input((3,), dtype="float64")
    nested, direct_end = inputs, inputs
    for name in order:
        nested, direct_end = parts[name](nested), plain(direct_end)
    models = [Model(inputs, end, dtype="float64") for end in (nested, direct_end)]
    x, y = RNG.normal(2, 3, size=(8, 3)), RNG.normal(size=(8, 3))
    for model in models:
        model.compile({"SGD": {"learning_rate": 0.1}}, "mse")
        assert model.count_params() == 12 and len(model.trainable_weights) == 2
        for _ in range(3):
            model.train_on_batch(x, y)
    for one, other in zip(norm.values, plain.values, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_frozen_layers_stay_as_they_are():
    shared = dense(name="shared")
    parts = [Sequential([shared], dtype="float64"), Sequential([shared, dense()], dtype="float64")]
    model = Sequential([Input((3,)), *parts], dtype="float64")
    shared.trainable = False
    model.compile("sgd", "mse")
    x, y = data(model)
    before = shared.kernel.value.copy()
    model.fit(x, y, verbose=0)
    assert len(model.trainable_weights) == 2 and len(model.non_trainable_weights) == 2
    np.testing.assert_array_equal(shared.kernel.value, before)


def test_penalties_count_once():
    shared = dense(kernel_regularizer={"L2": {"l2": 0.1}})
    model = Sequential([Input((3,)), *(Sequential([shared], dtype="float64") for _ in range(2))], dtype="float64")
    model.compile("sgd", "mse")
    x, y = data(model)
    penalty = 0.1 * float(np.sum(shared.kernel.value**2))
    expected = np.mean((model.predict(x, verbose=0) - y) ** 2) + penalty
    assert model.evaluate(x, y, verbose=0) == pytest.approx(expected, rel=1e-6)
    assert model.losses == pytest.approx([penalty])


def test_a_seed_draws_the_same_weights():
    for one, other in zip(in_sequentials().get_weights(), in_sequentials().get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_parameters_that_are_listed_twice_are_refused():
    class Twice(Layer):
        def build(self, input_shape):
            self.inner = Dense(3, name="inner")
            self.inner.build(input_shape)
            self.parameters = [*self.inner.parameters, *self.inner.parameters]

        def linearize(self, inputs, *parameters):
            return self.inner.linearize(inputs, *parameters[:2])

    with pytest.raises(ConfigError, match=r"layer 'twice'.*'twice/inner/kernel' among its parameters twice.*each_once"):
        Twice(name="twice")(np.ones((2, 3)))


def test_compiled_predictions_use_the_shared_layers():
    for build in (in_sequentials, in_models, in_a_chain, in_branches):
        model = build()
        x, _ = data(model)
        np.testing.assert_allclose(model.compile_predict()(x), model.predict(x, verbose=0), rtol=1e-9)


def test_a_file_of_fewer_layers_is_refused(tmp_path):
    in_a_chain().save(tmp_path / "model.safetensors")
    model = Sequential([Input((3,)), dense(), dense(), dense(), dense()], dtype="float64")
    with pytest.raises(ModelFileError):
        model.load_weights(tmp_path / "model.safetensors")
