"""Dense: the NTK parametrization, ensembles, and first weights fitted to data."""

import numpy as np
import pytest
from draws import normal

from nnlite import Input, Model, Sequential, load_model
from nnlite.errors import ConfigError, DataError, ShapeError
from nnlite.initializers import GlorotUniform, HeNormal
from nnlite.layers import Dense, GlobalAveragePooling1D, Normalization, Parallel, RepeatVector
from nnlite.optimizers import SGD
from nnlite.random import RandomSource

pytestmark = pytest.mark.usefixtures("double_precision")

MEMBERS, ROWS, FEATURES, UNITS = 3, 7, 4, 2


def built(shape=(None, FEATURES), units=UNITS, seed=5, **options):
    layer = Dense(units, **options)
    layer._ensure_built(shape, RandomSource(seed))
    return layer


def of_ensemble(**options):
    layer = built((None, MEMBERS, FEATURES), members=MEMBERS, **options)
    layer.set_weights([normal(*value.shape) for value in layer.get_weights()])
    return layer


class TestMembers:
    @pytest.mark.parametrize("use_bias", [True, False])
    @pytest.mark.parametrize("parametrization", ["standard", "ntk"])
    def test_each_is_a_layer_of_its_own(self, parametrization, use_bias):
        options = {"activation": "selu", "parametrization": parametrization, "use_bias": use_bias}
        layer, inputs = of_ensemble(**options), normal(ROWS, MEMBERS, FEATURES)
        outputs, cotangent = layer.forward(inputs), normal(ROWS, MEMBERS, UNITS)
        gradients, each = layer.backward(cotangent), layer.jacobians.per_example(cotangent)
        tangents = [normal(*array.shape) for array in (inputs, *layer.values)]
        pushed = layer.jvp(*tangents)
        assert outputs.shape == (ROWS, MEMBERS, UNITS)
        for member in range(MEMBERS):
            one = built(**options)
            one.set_weights([value[member] for value in layer.values])
            np.testing.assert_allclose(one.forward(inputs[:, member]), outputs[:, member], rtol=1e-13)
            found = one.backward(cotangent[:, member])
            expected = [gradients[0][:, member], *(gradient[member] for gradient in gradients[1:])]
            for own, other in zip(found, expected, strict=True):
                np.testing.assert_allclose(own, other, rtol=1e-12, atol=1e-13)
            rows = one.jacobians.per_example(cotangent[:, member])
            for own, other in zip(rows[1:], each[1:], strict=True):
                np.testing.assert_allclose(own, other[:, member], rtol=1e-12, atol=1e-13)
            own = one.jvp(tangents[0][:, member], *(tangent[member] for tangent in tangents[1:]))
            np.testing.assert_allclose(own, pushed[:, member], rtol=1e-12, atol=1e-13)

    def test_one_is_the_plain_layer(self):
        one, plain = built((None, 1, FEATURES), members=1), built()
        for own, other in zip(one.get_weights(), plain.get_weights(), strict=True):
            np.testing.assert_array_equal(own[0], other)
        inputs, cotangent = normal(ROWS, FEATURES), normal(ROWS, UNITS)
        np.testing.assert_allclose(one.forward(inputs[:, None])[:, 0], plain.forward(inputs), rtol=1e-13)
        own, other = one.backward(cotangent[:, None]), plain.backward(cotangent)
        np.testing.assert_allclose(own[0][:, 0], other[0], rtol=1e-13)
        for gradient, expected in zip(own[1:], other[1:], strict=True):
            np.testing.assert_allclose(gradient[0], expected, rtol=1e-13, atol=1e-14)

    @pytest.mark.parametrize("initializer", ["glorot_uniform", HeNormal(seed=1), "orthogonal", "random_normal"])
    def test_first_weights_differ(self, initializer):
        kernel = built((None, MEMBERS, 30), 20, members=MEMBERS, kernel_initializer=initializer).kernel.value
        for member in range(MEMBERS):
            assert not np.any(kernel[member] == kernel[member - 1])

    def test_fans_are_those_of_one(self):
        kernel = built((None, 4, 200), 100, members=4, kernel_initializer="he_normal").kernel.value
        np.testing.assert_allclose(kernel.std(axis=(1, 2)), np.sqrt(2 / 200), rtol=0.03)
        square = built((None, 4, 5), 5, members=4, kernel_initializer="orthogonal").kernel.value
        np.testing.assert_allclose(square @ square.swapaxes(1, 2), np.broadcast_to(np.eye(5), (4, 5, 5)), atol=1e-12)

    @pytest.mark.parametrize("shape", [(2, 3), (2, 4, 3), (2, 5, 3, 1), (2,), (2, 5, None)])
    def test_inputs_of_another_shape(self, shape):
        with pytest.raises(ShapeError) as error:
            Dense(2, members=5, name="body")._ensure_built(shape)
        expected = "layer 'body' (Dense) with 5 members needs inputs of shape (batch, 5, features), got "
        assert str(error.value) == f"{expected}{shape}; RepeatVector(5) gives all members the same inputs"

    def test_number(self):
        with pytest.raises(ConfigError, match="members"):
            Dense(2, members=0)

    def test_outputs_of_members_lie_together(self):
        outputs = of_ensemble(activation="selu")(normal(ROWS, MEMBERS, FEATURES))
        assert outputs.swapaxes(0, 1).flags.c_contiguous

    def test_an_ensemble_trains_as_its_members_would(self):
        x, y = normal(40, FEATURES), normal(40, 1)
        body = [Dense(6, "selu", members=MEMBERS, parametrization="ntk"), Dense(1, members=MEMBERS)]
        together = Sequential([Input((FEATURES,)), RepeatVector(MEMBERS), *body], seed=0)
        weights = together.get_weights()
        together.compile(SGD(0.02 * MEMBERS), "mse")  # its loss is the mean over members
        together.fit(x, np.repeat(y[:, None], MEMBERS, 1), batch_size=8, epochs=3, shuffle=False, verbose=0)
        for member in range(MEMBERS):
            alone = Sequential([Input((FEATURES,)), Dense(6, "selu", parametrization="ntk"), Dense(1)], seed=0)
            alone.set_weights([value[member] for value in weights])
            alone.compile(SGD(0.02), "mse")
            alone.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
            for own, other in zip(alone.get_weights(), together.get_weights(), strict=True):
                np.testing.assert_allclose(own, other[member], rtol=1e-10, atol=1e-12)

    def test_derivatives_of_an_ensemble(self):
        body = [Dense(5, "tanh", members=2), Dense(3, "softmax", members=2), GlobalAveragePooling1D()]
        model = Sequential([Input((FEATURES,)), RepeatVector(2), *body], seed=0)
        model.compile("sgd", "categorical_crossentropy")
        x, y = normal(5, FEATURES), np.eye(3)[[0, 1, 2, 0, 1]]
        direction = [normal(*value.shape) for value in model.get_weights()]
        flat = np.concatenate([part.ravel() for part in direction])
        per_example = model.per_example_gradients(x, y)
        np.testing.assert_allclose(per_example.mean(axis=0), model.gradient(x, y), rtol=1e-10, atol=1e-12)
        start, step = model.get_weights(), 1e-5
        sides = []
        for sign in (1, -1):
            model.set_weights([own + sign * step * part for own, part in zip(start, direction, strict=True)])
            sides.append(model.gradient(x, y))
        model.set_weights(start)
        np.testing.assert_allclose(model.hvp(x, y, flat), (sides[0] - sides[1]) / (2 * step), rtol=1e-5, atol=1e-8)


class TestParametrization:
    @pytest.mark.parametrize("shape", [(ROWS, FEATURES), (ROWS, 3, FEATURES)])
    def test_a_kernel_with_the_factor_is_the_standard_layer(self, shape):
        root = np.sqrt(FEATURES)
        standard, ntk = built(activation="tanh"), built(activation="tanh", parametrization="ntk")
        kernel, bias = normal(FEATURES, UNITS), normal(UNITS)
        standard.set_weights([kernel, bias])
        ntk.set_weights([kernel * root, bias])
        inputs, cotangent = normal(*shape), normal(*shape[:-1], UNITS)
        standard.input_shape = ntk.input_shape = (None, *shape[1:])
        np.testing.assert_allclose(ntk.forward(inputs), standard.forward(inputs), rtol=1e-13)
        found, expected = ntk.backward(cotangent), standard.backward(cotangent)
        for own, other, factor in zip(found, expected, (1, root, 1), strict=True):
            np.testing.assert_allclose(own * factor, other, rtol=1e-12, atol=1e-14)

    def test_first_kernel(self):
        kernel = built((None, 300), 200, parametrization="ntk").kernel.value
        assert abs(kernel.std() - 1) < 0.01
        assert np.abs(kernel).max() > 3  # no uniform distribution
        named = built((None, 300), 200, parametrization="ntk", kernel_initializer="he_normal").kernel.value
        np.testing.assert_array_equal(named, built((None, 300), 200, kernel_initializer="he_normal").kernel.value)
        seeded = Dense(2, parametrization="ntk", kernel_initializer=GlorotUniform(seed=3))
        assert isinstance(seeded.kernel_initializer, GlorotUniform)

    def test_config_says_what_is_drawn(self):
        layer = Dense(2, parametrization="ntk", data_dependent_init=True, members=5)
        again = Dense.from_config(layer.to_spec()["Dense"])
        assert repr(layer) == repr(again)
        assert again.to_spec() == layer.to_spec()

    def test_an_unknown_one(self):
        with pytest.raises(ConfigError, match="parametrization"):
            Dense(2, parametrization="mup")


def before_activation(layer, data, bias=0.0):
    """What the units compute of the data, without their biases, `(rows, members or 1, units)`."""
    kernel = layer.kernel.value
    kernel = kernel if kernel.ndim == 3 else kernel[None]
    rows = data if layer.members else data.reshape(-1, 1, data.shape[-1])
    return np.einsum("bmf,mfu->bmu", rows, kernel) * layer.factor


class TestAdapt:
    @pytest.mark.parametrize("parametrization", ["standard", "ntk"])
    @pytest.mark.parametrize(("members", "shape"), [(None, (80, 6)), (None, (20, 4, 6)), (3, (80, 3, 6))])
    def test_units_start_with_variance_one_and_kinks_among_the_data(self, members, shape, parametrization):
        options = {"members": members, "parametrization": parametrization, "data_dependent_init": True}
        layer = built((None, *shape[1:]), 9, activation="selu", **options)
        data = 3 + 5 * normal(*shape)
        assert not layer.adapted
        layer.adapt(data)
        assert layer.adapted
        found = before_activation(layer, data)
        np.testing.assert_allclose(found.var(axis=0), 1, rtol=1e-10)
        kinks = -layer.bias.value.reshape(found.shape[1:])
        assert np.all((found.min(axis=0) < kinks) & (kinks < found.max(axis=0)))
        assert len(np.unique(kinks)) == kinks.size
        assert np.all(np.abs(kinks - found.mean(axis=0)).mean() < 0.8)  # of variance one, and a mean of five

    def test_the_same_again(self):
        data, layers = normal(30, FEATURES), [built(data_dependent_init=True) for _ in range(2)]
        for layer in layers:
            layer.adapt(data)
        layers[1].adapt(data)
        for own, other in zip(*(layer.get_weights() for layer in layers), strict=True):
            np.testing.assert_allclose(own, other, rtol=1e-13)

    def test_units_that_do_not_vary_keep_their_weights(self):
        layer = built(data_dependent_init=True, use_bias=False)
        before = layer.get_weights()[0]
        layer.adapt(np.full((20, FEATURES), 0.1))
        np.testing.assert_array_equal(layer.get_weights()[0], before)
        assert layer.adapted
        silent = built(data_dependent_init=True, kernel_initializer="zeros")
        silent.adapt(normal(9, FEATURES))
        assert silent.adapted
        assert not np.any(silent.kernel.value)

    @pytest.mark.parametrize("data", [np.empty((0, FEATURES)), np.full((2, FEATURES), np.nan)])
    def test_useless_data(self, data):
        with pytest.raises(DataError, match=r"layer 'body' \(Dense\): adapt needs"):
            Dense(2, data_dependent_init=True, name="body").adapt(data)


def waiting(seed=0, **options):
    """A model of two layers that wait for data."""
    body = [Dense(5, "selu", data_dependent_init=True, **options), Dense(1, data_dependent_init=True)]
    model = Sequential([Input((FEATURES,)), *body], seed=seed)
    model.compile(SGD(0.0), "mse")
    return model


class TestFit:
    def test_fits_first_weights_once_to_a_sample(self, monkeypatch):
        seen = []
        adapt = Dense.adapt
        monkeypatch.setattr(Dense, "adapt", lambda layer, data: seen.append(len(data)) or adapt(layer, data))
        model, x, y = waiting(), normal(1300, FEATURES), normal(1300, 1)
        assert not model.adapted
        for _ in range(2):
            model.fit(x, y, epochs=2, batch_size=500, verbose=0)
        assert seen == [1000, 1000]
        again = waiting()
        again.fit(x, y, batch_size=100, verbose=0)
        for own, other in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(own, other)

    def test_on_what_is_trained_on_alone(self):
        x, y = normal(50, FEATURES), normal(50, 1)
        model = waiting()
        model.fit(x, y, validation_data=(1e6 * x, y), verbose=0)
        np.testing.assert_allclose(before_activation(model.layers[0], x).var(axis=0), 1, rtol=1e-10)
        hidden = model.layers[0](x)
        np.testing.assert_allclose(before_activation(model.layers[1], hidden).var(axis=0), 1, rtol=1e-10)

    def test_of_batches_on_the_first(self):
        x, y = normal(50, FEATURES), normal(50, 1)
        model = waiting()
        model.fit([(x[:30], y[:30]), (x[30:], y[30:])], epochs=2, verbose=0)
        np.testing.assert_allclose(before_activation(model.layers[0], x[:30]).var(axis=0), 1, rtol=1e-10)

    def test_weights_that_were_set_stay(self, tmp_path):
        x, y = normal(50, FEATURES), normal(50, 1)
        fitted = waiting()
        fitted.fit(x, y, verbose=0)
        fitted.save(tmp_path / "fitted.safetensors")
        waiting().save(tmp_path / "waiting.safetensors")
        assigned, other_seed = waiting(), waiting(seed=9)
        assigned.set_weights(fitted.get_weights())
        other_seed.load_weights(tmp_path / "fitted.safetensors")
        loaded, still = load_model(tmp_path / "fitted.safetensors"), load_model(tmp_path / "waiting.safetensors")
        assert [model.adapted for model in (assigned, other_seed, loaded, still)] == [True, True, True, False]
        for model in (assigned, other_seed, loaded, still):
            model.fit(x, y, verbose=0)
            for own, other in zip(model.get_weights(), fitted.get_weights(), strict=True):
                np.testing.assert_array_equal(own, other)

    def test_single_batches_leave_them_alone(self):
        model = waiting()
        before = model.get_weights()
        model.train_on_batch(normal(9, FEATURES), normal(9, 1))
        for own, other in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(own, other)
        assert not model.adapted

    def test_in_graphs_and_branches(self):
        given = Input((FEATURES,))
        hidden = Parallel([Dense(3, "selu", data_dependent_init=True), Dense(2)])(given)
        model = Model(given, Dense(1, data_dependent_init=True)(hidden), seed=4)
        model.compile(SGD(0.0), "mse")
        assert not model.adapted
        x = normal(30, FEATURES)
        model.fit(x, normal(30, 1), verbose=0)
        assert model.adapted
        np.testing.assert_allclose(before_activation(model.layers[1].layers[0], x).var(axis=0), 1, rtol=1e-10)

    def test_after_a_layer_that_was_adapted(self):
        model = Sequential([Normalization(), Dense(5, "selu", data_dependent_init=True), Dense(1)], seed=0)
        model.compile(SGD(0.0), "mse")
        x = 100 + normal(30, FEATURES)
        model.layers[0].adapt(x)
        model.fit(x, normal(30, 1), verbose=0)
        np.testing.assert_allclose(before_activation(model.layers[1], model.layers[0](x)).var(axis=0), 1, rtol=1e-10)
