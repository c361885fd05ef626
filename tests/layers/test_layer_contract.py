"""The contract of a layer as users of Keras know it: building, weights, losses, masks, arguments, shapes, refusals."""

import copy
import pickle

import numpy as np
import pytest
from numeric import EXACT, NEAR, relative_error, stencil

from nnlite import ops
from nnlite.errors import ConfigError, NotReadyError, ShapeError, WrongTypeError
from nnlite.layers import (
    Activation,
    ActivityRegularization,
    AdaptiveMaxPooling2D,
    Add,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Cropping1D,
    Dense,
    Dropout,
    EinsumDense,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GroupNormalization,
    Input,
    InputLayer,
    InputSpec,
    Lambda,
    Layer,
    LayerNormalization,
    Masking,
    MaxPooling1D,
    ReLU,
    Reshape,
    ReversibleEmbedding,
    Softmax,
    SpatialDropout1D,
    ZeroPadding1D,
)
from nnlite.models import Model, Sequential, load_model
from nnlite.ops import activations
from nnlite.optimizers import SGD, AdamW
from nnlite.regularizers import L1, L2

pytestmark = pytest.mark.usefixtures("double_precision")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


class TestBuilding:
    def test_build_sets_built_and_its_names_agree(self):
        layer = BatchNormalization()
        assert not layer.built
        layer.build((None, 4))
        assert layer.built
        assert layer.variables == layer.weights
        assert layer.trainable_variables == layer.trainable_weights == [layer.gamma, layer.beta]
        assert (
            layer.non_trainable_variables == layer.non_trainable_weights == [layer.moving_mean, layer.moving_variance]
        )
        layer.trainable = False
        assert layer.trainable_weights == []
        assert layer.non_trainable_weights == layer.weights

    @pytest.mark.parametrize("layer", [Flatten(), ReLU(), Add(), Dense(2)], ids=lambda layer: type(layer).__name__)
    def test_a_layer_is_built_once(self, layer):
        layer = copy.deepcopy(layer)
        shape = [(None, 3), (None, 3)] if isinstance(layer, Add) else (None, 3)
        layer.build(shape)
        weights = list(layer.weights)
        layer.build(shape)
        assert layer.built
        assert layer.weights == weights

    def test_build_without_a_shape(self):
        embedding = Embedding(3, 2)
        embedding.build()
        assert embedding.built
        table = embedding.embeddings
        assert embedding(np.array([[0, 2]])).shape == (1, 2, 2)
        assert embedding.weights == [table]
        with pytest.raises(WrongTypeError, match="build needs the shape"):
            Dense(2).build()

        class Scaled(Layer):
            def build(self):
                self.factor = self.add_weight((2,), "ones")

            def call(self, inputs):
                return self.factor * inputs

        np.testing.assert_array_equal(Scaled()(np.ones((3, 2))), np.ones((3, 2)))

    def test_a_constructor_and_a_super_build_may_declare_weights(self):
        class Affine(Dense):
            def __init__(self, units, **kwargs):
                super().__init__(units, **kwargs)
                self.shift = self.add_weight((1,), "ones", name="shift")

            def build(self, input_shape):
                super().build(input_shape)
                self.extra = self.add_weight((1,), "zeros", name="extra")

            def call(self, inputs):
                return inputs @ self.kernel + self.bias + self.shift + self.extra

        layer = Affine(2, kernel_initializer="ones")
        assert [own.name for own in layer.weights] == ["shift"]
        np.testing.assert_array_equal(layer(np.ones((1, 3))), [[4.0, 4.0]])
        assert [own.name for own in layer.weights] == ["shift", "kernel", "bias", "extra"]

    def test_layers_inside_that_build_builds_follow_the_seed_of_the_model(self):
        class InnerBlock(Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.inner = Dense(2)

            def build(self, input_shape):
                self.inner.build(input_shape)

            def call(self, inputs):
                return self.inner(inputs)

        drawn = [Sequential([Input((3,)), InnerBlock()], seed=5).get_weights() for _ in range(2)]
        assert len(drawn[0]) == 2
        np.testing.assert_array_equal(drawn[0][0], drawn[1][0])

    def test_what_is_not_there_is_none(self):
        layers = [Dense(2, use_bias=False), Conv1D(2, 1, use_bias=False), EinsumDense("abc,cd->abd", (None, 2))]
        for layer in layers:
            layer.build((None, 4, 3))
            assert layer.bias is None
        for cls in (BatchNormalization, LayerNormalization, lambda **given: GroupNormalization(1, **given)):
            layer = cls(center=False, scale=False)
            layer.build((None, 3))
            assert layer.beta is layer.gamma is None
        with pytest.raises(NotReadyError, match="no parameters yet"):
            Dense(2).count_params()
        with pytest.raises(ValueError, match="no parameters yet"):
            Dense(2).count_params()


class TestWeights:
    def test_a_weight_as_keras_users_use_it(self):
        layer = Dense(2, name="first")
        layer.build((None, 1))
        kernel = layer.kernel
        kernel.assign([[1.0, 2.0]])
        kernel.assign_add([[1.0, 1.0]])
        kernel.assign_sub([[0.5, 0.5]])
        np.testing.assert_array_equal(kernel.numpy(), [[1.5, 2.5]])
        kernel.numpy()[...] = 0
        np.testing.assert_array_equal(2 * kernel - kernel + [[0.5, 0.5]], [[2.0, 3.0]])
        np.testing.assert_array_equal(kernel[0], [1.5, 2.5])
        np.testing.assert_array_equal(1 / -kernel, -1 / kernel.value)
        np.testing.assert_array_equal(kernel > 2, [[False, True]])
        assert (kernel.path, layer.bias.path, kernel.ndim) == ("first/kernel", "first/bias", 2)
        layer.name = "second"
        assert kernel.path == "second/kernel"
        assert kernel in [layer.bias, kernel]

    def test_operators_keep_the_dtype(self):
        layer = Dense(2, dtype="float32")
        layer.build((None, 1))
        assert (layer.kernel * 2 + 1).dtype == (1 - layer.kernel).dtype == np.float32

    def test_arguments_of_add_weight(self):
        class Many(Layer):
            def build(self, input_shape):
                self.first = self.add_weight((2,), "ones", "float32")
                self.count = self.add_weight(shape=(), dtype="int32", trainable=False, name="count")
                self.drawn = self.add_weight((2,), lambda shape, dtype=None: np.full(shape, 3.0), constraint="non_neg")
                self.single = self.add_weight()
                self.one = self.add_weight(3, "zeros")

            def call(self, inputs):
                return inputs * self.drawn

        layer = Many()
        np.testing.assert_array_equal(layer(np.ones((1, 2))), [[3.0, 3.0]])
        assert [own.dtype for own in (layer.first, layer.count, layer.drawn)] == [np.float32, np.int32, np.float64]
        assert (layer.count.value, layer.single.shape, layer.one.shape) == (0, (), (3,))
        assert type(layer.drawn.constraint).__name__ == "NonNeg"


class TestCalls:
    def test_call_is_there_for_every_layer(self):
        np.testing.assert_array_equal(ReLU().call(np.array([[-1.0, 2.0]])), [[0.0, 2.0]])
        dense = Dense(2, kernel_initializer="ones")
        np.testing.assert_array_equal(dense.call(np.ones((1, 3))), [[3.0, 3.0]])
        batch = BatchNormalization(momentum=0.5)
        batch.call(np.array([[1.0], [3.0]]), training=True)
        np.testing.assert_array_equal(batch.moving_mean.value, [1.0])

    def test_a_subclass_calls_that_of_its_base(self):
        class Doubled(Dense):
            def call(self, inputs):
                return 2 * super().call(inputs)

        layer = Doubled(3, activation="tanh")
        inputs = normal(4, 2)
        outputs = layer.forward(inputs)
        np.testing.assert_allclose(outputs, 2 * np.tanh(inputs @ layer.kernel.value + layer.bias.value), rtol=1e-14)
        by_inputs, by_kernel, _ = layer.backward(1)
        plain = Dense(3, activation="tanh")
        plain(inputs)
        plain.set_weights(layer.get_weights())
        plain.forward(inputs)
        for own, other in zip((by_inputs, by_kernel), plain.backward(2), strict=False):
            assert relative_error(own, other) <= EXACT

    def test_several_inputs_positional_named_and_in_a_dict(self):
        class Mixed(Layer):
            def build(self, first_shape, second_shape):
                self.kernel = self.add_weight((first_shape[-1], second_shape[-1]), "ones")

            def call(self, first, second, scale=1.0):
                return scale * (first @ self.kernel + second)

        layer = Mixed()
        expected = np.full((2, 2), 4.0)
        np.testing.assert_array_equal(layer(np.ones((2, 3)), np.ones((2, 2))), expected)
        np.testing.assert_array_equal(layer(np.ones((2, 3)), second=np.ones((2, 2))), expected)
        np.testing.assert_array_equal(layer(np.ones((2, 3)), np.ones((2, 2)), scale=3.0), 3 * expected)

        class Named(Layer):
            def call(self, inputs):
                return inputs["a"] - 2 * inputs["b"]

        given = {"a": np.ones((2, 2)), "b": np.ones((2, 2))}
        np.testing.assert_array_equal(Named()(given), -np.ones((2, 2)))

        class Listed(Layer):
            def call(self, inputs):
                return inputs[0] - 2 * inputs[1]

        np.testing.assert_array_equal(Listed()([np.ones((2, 2)), np.ones((2, 2))]), -np.ones((2, 2)))

    def test_wrong_calls_are_type_errors(self):
        for wrong in (lambda: Dense(2)(), lambda: Dense(2)(np.ones((1, 2)), foo=3)):
            with pytest.raises(TypeError, match="layer Dense cannot be called like this"):
                wrong()

    def test_dropout_told_to_train_within_a_call_that_does_not(self):
        class Sampled(Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.dropout = Dropout(0.75)

            def call(self, inputs):
                return self.dropout(inputs, training=True)

        layer = Sampled()
        first, second = (layer(np.ones((100, 100))) for _ in range(2))
        assert set(np.unique(first)) == {0.0, 4.0}
        assert abs((first == 0).mean() - 0.75) < 0.03
        assert (first != second).any()


class Penalty(Layer):
    """Adds the sum of the squares of its weights, and of its inputs times 0.1, to the loss."""

    def build(self, input_shape):
        self.factor = self.add_weight((input_shape[-1],), "ones")

    def call(self, inputs):
        self.add_loss(ops.sum(self.factor**2))
        self.add_loss(0.1 * ops.sum(inputs))
        return inputs * self.factor


class TestLosses:
    def test_terms_of_the_last_call(self):
        layer = Penalty()
        layer(np.ones((2, 3)))
        assert layer.losses == pytest.approx([3.0, 0.6])
        layer(np.ones((1, 3)))
        assert layer.losses == pytest.approx([3.0, 0.3])

    def test_they_reach_the_loss_and_the_gradient(self):
        layer, x, y = Penalty(), normal(4, 3), normal(4, 3, seed=1)
        model = Sequential([Input((3,)), Dense(3, activation="tanh"), layer], seed=0)
        model.compile(SGD(1.0), "mse")

        def loss(kernel, bias, factor):
            hidden = np.tanh(x @ kernel + bias)
            return ((hidden * factor - y) ** 2).mean() + (factor**2).sum() + 0.1 * hidden.sum()

        before = model.get_weights()
        assert abs(model.evaluate(x, y, verbose=0) - loss(*before)) <= EXACT
        model.fit(x, y, batch_size=4, epochs=1, shuffle=False, verbose=0)
        for which, (old, new) in enumerate(zip(before, model.get_weights(), strict=True)):
            slopes = stencil(lambda *values: np.asarray(loss(*values)), before, which)
            assert relative_error(old - new, slopes) <= NEAR

    def test_a_term_of_a_layer_inside_another_one_counts(self):
        class Outer(Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.inner = Penalty()

            def call(self, inputs):
                return 2 * self.inner(inputs)

        model = Sequential([Input((3,)), Outer()])
        model.compile("sgd", "mse")
        x = np.ones((2, 3))
        assert model.evaluate(x, 2 * x, verbose=0) == pytest.approx(3.6)

    def test_a_constant_is_refused(self):
        class Constant(Layer):
            def call(self, inputs):
                self.add_loss(1.0)
                return inputs

        with pytest.raises(ConfigError, match="add_loss takes"):
            Constant()(np.ones((1, 2)))

    @pytest.mark.parametrize(
        ("layer", "expected"),
        [
            (ActivityRegularization(l2=0.1), 0.3),
            (Dense(2, kernel_initializer="ones", activity_regularizer="l2"), 0.18),
            (ReLU(activity_regularizer=L1(0.1)), 0.3),
            (Dense(1, kernel_initializer="ones", kernel_regularizer=L2(0.1)), 0.3),
        ],
        ids=["layer", "Dense", "ReLU", "kernel"],
    )
    def test_penalties_are_divided_by_the_examples(self, layer, expected):
        layer = copy.deepcopy(layer)
        layer(np.ones((4, 3)))
        assert layer.losses == pytest.approx([expected])
        layer(np.ones((8, 3)))
        assert layer.losses == pytest.approx([expected])

    @pytest.mark.parametrize("name", ["convolution", "recorded", "normalization"])
    def test_a_penalty_on_any_layer_equals_the_layer_of_it(self, name):
        def layers(penalized):
            given = {"activity_regularizer": L2(0.3)} if penalized else {}
            layer = {
                "convolution": lambda: Conv1D(2, 2, activation="tanh", **given),
                "recorded": lambda: Lambda(ops.tanh, **given),
                "normalization": lambda: BatchNormalization(**given),
            }[name]()
            penalty = [] if penalized else [ActivityRegularization(l2=0.3)]
            return [Input((4, 2)), Dense(2), layer, *penalty, Flatten(), Dense(1)]

        x, y = normal(6, 4, 2), normal(6, 1, seed=1)
        models = [Sequential(layers(penalized), seed=3) for penalized in (False, True)]
        models[1].set_weights(models[0].get_weights())
        losses = []
        for model in models:
            model.compile(SGD(0.1), "mse")
            losses.append(model.fit(x, y, epochs=3, batch_size=6, shuffle=False, verbose=0).history["loss"])
        assert relative_error(*map(np.array, losses)) <= EXACT
        for own, other in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
            assert relative_error(own, other) <= EXACT

    def test_the_argument_is_saved_only_where_it_is_given(self):
        assert "activity_regularizer" not in ReLU().get_config()
        layer = ReLU.from_config(ReLU(activity_regularizer=L2(0.1)).get_config())
        assert layer.activity_regularizer.to_spec() == L2(0.1).to_spec()
        again = pickle.loads(pickle.dumps(layer))
        again(np.ones((4, 3)))
        assert again.losses == pytest.approx([0.3])


class TestMasks:
    def test_compute_mask(self):
        indices, steps = np.array([[1, 0, 2]]), np.array([[True, False]])
        np.testing.assert_array_equal(Embedding(4, 2, mask_zero=True).compute_mask(indices), [[True, False, True]])
        assert Embedding(4, 2).compute_mask(indices) is None
        assert Dense(2).compute_mask(np.ones((1, 2, 3)), steps) is steps
        assert GlobalAveragePooling1D().compute_mask(np.ones((1, 2, 3)), steps) is None
        for shape in ((2, 3), (2, 2, 2, 3)):
            inputs = normal(*shape)
            inputs[0] = 0
            np.testing.assert_array_equal(Masking().compute_mask(inputs), inputs.any(axis=-1))
            np.testing.assert_array_equal(Masking()(inputs), inputs)

    def test_the_mask_of_a_user_reaches_the_loss(self):
        class Known(Layer):
            supports_masking = True

            def compute_mask(self, inputs, previous_mask=None):
                return (np.asarray(inputs) != 0).any(axis=-1)

            def call(self, inputs):
                return inputs + 1

        model = Sequential([Input((2, 1)), Known()])
        model.compile("sgd", "mse")
        x, y = np.array([[[1.0], [0.0]]]), np.array([[[3.0], [100.0]]])
        assert model.evaluate(x, y, verbose=0) == pytest.approx(1.0)

    def test_softmax(self):
        inputs, mask = np.array([[1.0, 2.0, 1.0]]), np.array([[True, False, True]])
        np.testing.assert_array_equal(Softmax()(inputs, mask=mask), [[0.5, 0.0, 0.5]])
        np.testing.assert_array_equal(Softmax()(inputs, mask=[[0.6, 0.4, 1.0]]), [[0.5, 0.0, 0.5]])
        np.testing.assert_array_equal(Softmax()(inputs, mask=np.zeros((1, 3), bool)), np.zeros((1, 3)))
        part = Softmax(axis=(1, 2))(normal(2, 2, 3), mask=np.array([[True], [False]]))
        np.testing.assert_allclose(part.sum(axis=(1, 2)), 1)
        assert not part[:, 1].any()
        with pytest.raises(ShapeError, match="stretches to"):
            Softmax()(inputs, mask=np.ones((1, 2), bool))

    def test_gradients_of_a_masked_softmax(self):
        class Weighted(Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.softmax = Softmax()

            def call(self, inputs):
                return self.softmax(inputs, mask=np.array([True, False, True]))

        layer, inputs = Weighted(), normal(2, 3)
        layer.forward(inputs)
        expected = stencil(lambda x: Softmax()(x, mask=np.array([True, False, True])), [inputs])
        assert relative_error(layer.backward(np.eye(6).reshape(6, 2, 3)), expected.reshape(6, 2, 3)) <= NEAR

    def test_weights_as_mask_of_a_batch_normalization(self):
        inputs, weights = normal(4, 3, 2), np.abs(normal(4, 3, seed=1))
        layer = BatchNormalization(momentum=0.0)
        outputs = layer(inputs, training=True, mask=weights)
        shares = (weights / weights.sum())[..., None]
        mean = (inputs * shares).sum(axis=(0, 1))
        variance = ((inputs - mean) ** 2 * shares).sum(axis=(0, 1))
        np.testing.assert_allclose(outputs, (inputs - mean) / np.sqrt(variance + 1e-3), rtol=1e-12)
        np.testing.assert_allclose(layer.moving_variance.value, variance, rtol=1e-12)
        stretched = layer(inputs, training=True, mask=np.array([[True], [False], [True], [True]]))
        np.testing.assert_allclose(stretched[[0, 2, 3]].mean(axis=(0, 1)), 0, atol=1e-14)

    def test_lambda(self):
        steps = np.array([[True, False]])
        assert Lambda(lambda inputs: inputs, mask=steps).compute_mask(np.ones((1, 2, 3))) is steps
        layer = Lambda(lambda inputs, training=None: inputs * (2.0 if training else 1.0))
        np.testing.assert_array_equal(layer(np.ones((1, 2)), training=True), [[2.0, 2.0]])
        cut = Lambda(lambda inputs: inputs[:, :2], output_shape=(2,))
        assert cut.compute_output_shape((None, 3)) == (None, 2)
        assert Lambda(lambda inputs: inputs, output_shape=lambda shape: shape).compute_output_shape((7, 3)) == (7, 3)


class TestShapes:
    @pytest.mark.parametrize(
        ("layer", "shapes"),
        [
            (Dense(3), [(2, 4), (2, 5, 4), (1, 2, 3, 4)]),
            (Conv2D(2, 3, padding="same"), [(2, 7, 6, 3), (1, 5, 4, 3)]),
            (Conv2D(2, 3, data_format="channels_first"), [(2, 3, 7, 6), (1, 3, 5, 4)]),
            (LayerNormalization(), [(2, 3), (2, 4, 3)]),
            (BatchNormalization(axis=1), [(2, 3, 4), (2, 3, 5)]),
            (Embedding(9, 2), [(2, 3), (4,), (2, 2, 2)]),
            (EinsumDense("abc,cd->abd", (None, 3)), [(2, 5, 4), (2, 3, 4)]),
            (MaxPooling1D(), [(2, 5, 4), (2, 3, 7)]),
            (Flatten(), [(2, 3, 4), (2,), (1, 2, 2, 2)]),
            (Reshape((2, -1)), [(2, 4), (2, 6), (2, 2, 2)]),
            (ReLU(), [(2,), (2, 3), (2, 3, 4)]),
            (Activation("softmax"), [(2, 2), (2, 3), (2, 3, 4)]),
            (Dropout(0.5), [(2, 3), (2,)]),
            (Masking(), [(2, 3, 4), (2, 5, 4), (3, 4)]),
            (Lambda(ops.tanh), [(2, 3), (2, 3, 4)]),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_a_call_may_have_another_length_or_rank(self, layer, shapes):
        layer = copy.deepcopy(layer)
        for shape in shapes:
            whole = np.random.default_rng(0).integers(0, 9, shape)
            x = whole if layer.input_kind == "indices" else normal(*shape)
            outputs = layer.forward(x)
            fresh = copy.deepcopy(layer) if isinstance(layer, Lambda) else type(layer).get(layer.to_spec())
            fresh(x)
            fresh.set_weights(layer.get_weights())
            np.testing.assert_array_equal(outputs, fresh.forward(x))
            for own, other in zip(layer.jacobians.vjp(outputs), fresh.jacobians.vjp(outputs), strict=True):
                assert (own is None and other is None) or np.array_equal(own, other)

    def test_several_inputs(self):
        layer = Add()
        assert layer([np.ones((1, 2)), np.ones((1, 2))]).shape == (1, 2)
        assert layer([np.ones((1, 3, 2)), np.ones((1, 3, 2))]).shape == (1, 3, 2)

    @pytest.mark.parametrize(
        ("layer", "first", "second"),
        [
            (Dense(2), (1, 3), (1, 4)),
            (Conv2D(2, 3), (1, 5, 5, 1), (1, 5, 5, 2)),
            (BatchNormalization(), (2, 4), (2, 3, 4)),
            (SpatialDropout1D(0.5), (2, 3, 4), (2, 3)),
            (Reshape((2, 2)), (1, 4), (1, 5)),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_what_the_parameters_fix_stays_fixed(self, layer, first, second):
        layer = copy.deepcopy(layer)
        layer(np.ones(first))
        with pytest.raises(ShapeError):
            layer(np.ones(second))

    def test_input_states_the_batch_too(self):
        assert Input((8, 5)).shape == (None, 8, 5)
        assert Input(batch_shape=(4, 3)).shape == Input((3,), 4).batch_shape == (4, 3)
        assert Input.from_config(Input((3,), batch_size=4).get_config()).shape == (4, 3)
        assert Input((3,)).to_spec()["Input"]["shape"] == [3]
        assert InputLayer is Input
        for wrong in ({}, {"shape": (3,), "batch_shape": (None, 3)}):
            with pytest.raises(ValueError, match="give shape"):
                Input(**wrong)

    @pytest.mark.parametrize(
        ("make", "shape"),
        [
            (lambda: Dense(2, input_shape=(4,)), (None, 4)),
            (lambda: Dense(2, input_dim=4), (None, 4)),
            (lambda: Flatten(input_shape=(2, 3)), (None, 2, 3)),
        ],
    )
    def test_the_first_layer_states_the_shape(self, make, shape):
        model = Sequential([make(), Dense(1)])
        assert model.built
        assert model.input_shape == shape
        assert model.output_shape == (None, 1)

    def test_lengths_of_an_input_spec_are_not_negative(self):
        assert InputSpec(shape=(None, 0)).ndim == 2
        with pytest.raises(ConfigError, match=r"InputSpec.shape: lengths must be >= 0 or None, got \(2, -1\)"):
            InputSpec(shape=(2, -1))

    def test_input_spec(self):
        class Images(Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.input_spec = InputSpec(min_ndim=3, axes={-1: 2})

            def call(self, inputs):
                return 2 * inputs

        assert Images()(np.ones((1, 3, 2))).shape == (1, 3, 2)
        for wrong in ((1, 2), (1, 2, 3)):
            with pytest.raises(ValueError, match="layer Images needs inputs"):
                Images()(np.ones(wrong))


class TestTables:
    def test_embedding_takes_its_first_table(self):
        table = normal(3, 2)
        for given in (table, [table]):
            np.testing.assert_array_equal(Embedding(3, 2, weights=given)(np.array([[2, 0]])), [table[[2, 0]]])
        with pytest.raises(ConfigError, match=r"Embedding\.weights: expected the shape \(3, 2\)"):
            Embedding(3, 2, weights=np.ones((2, 3)))

    @pytest.mark.parametrize("given", [{}, {"tie_weights": False}, {"logit_soft_cap": 2.0}], ids=str)
    def test_reversed_embedding_and_its_gradients(self, given):
        layer, vectors = ReversibleEmbedding(4, 3, **given), normal(2, 5, 3)
        logits = layer(vectors, reverse=True)
        kernel = layer.weights[1].value if layer.weights[1:] else layer.embeddings.value.T
        expected, cap = vectors @ kernel, layer.logit_soft_cap
        np.testing.assert_allclose(logits, cap * np.tanh(expected / cap) if cap else expected, rtol=1e-12)

        class Tied(Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.table = layer

            def call(self, inputs):
                return self.table(ops.tanh(self.table(inputs)), reverse=True)

        tied, indices = Tied(), np.array([[0, 3], [2, 2]])
        tied(indices)

        def outputs(*values):
            hidden = np.tanh(values[0][indices])
            raw = hidden @ (values[1] if values[1:] else values[0].T)
            return cap * np.tanh(raw / cap) if cap else raw

        values = [own.value for own in tied.parameters]
        np.testing.assert_allclose(tied.forward(indices), outputs(*values), rtol=1e-12)
        upstream = normal(2, 2, 4)
        for which, found in enumerate(tied.backward(upstream)[1:]):
            slopes = stencil(lambda *moved: np.asarray((outputs(*moved) * upstream).sum()), values, which)
            assert relative_error(found, slopes) <= NEAR

    def test_logits_of_a_reversed_embedding_have_the_type_asked_for(self):
        layer, vectors = ReversibleEmbedding(4, 3, reverse_dtype="float16"), normal(2, 3)
        assert layer.compute_output_shape((2, 3), reverse=True) == (2, 4)
        logits = layer(vectors, reverse=True)
        assert logits.dtype == np.float16 and layer(np.array([1])).dtype == layer.dtype
        table = layer.embeddings.value.astype(np.float16)
        np.testing.assert_allclose(logits, vectors.astype(np.float16) @ table.T, atol=1e-3)
        layer.embeddings.value[:, :2] = [1 + 2**-12, 1]  # in float16 both are 1
        assert layer(np.array([[1.0, -1.0, 0.0]]), reverse=True).tolist() == [[0.0] * 4]
        assert ReversibleEmbedding.from_config(layer.get_config()).reverse_dtype == "float16"
        with pytest.raises(ConfigError, match="logits are floating-point numbers, got 'int32'"):
            ReversibleEmbedding(4, 3, reverse_dtype="int32")

    @pytest.mark.parametrize("tied", [True, False])
    def test_a_graph_uses_an_embedding_in_both_directions(self, tied, tmp_path):
        inputs, layer = Input((4,), dtype="int32"), ReversibleEmbedding(7, 2, tie_weights=tied)
        outputs = layer(layer(inputs), reverse=True)
        model, x = Model(inputs, outputs), np.array([[0, 3, 6, 1], [2, 2, 5, 4]])
        assert outputs.shape == (None, 4, 7)
        expected = layer(layer(x), reverse=True)
        np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-7)
        model.save(tmp_path / "model.safetensors")
        again = load_model(tmp_path / "model.safetensors")
        np.testing.assert_allclose(again.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Reshape((-1, -1)),
        lambda: Reshape((-2,)),
        lambda: Dropout(0.5, noise_shape=(0, 1)),
        lambda: Dropout(0.5, noise_shape=(-1, 2)),
        lambda: Cropping1D((1,)),
        lambda: ZeroPadding1D((1,)),
        lambda: Cropping1D((2, 2))(np.ones((1, 4, 1))),
        lambda: BatchNormalization(renorm=True, renorm_clipping={"rmin": 2.0, "rmax": 1.0}),
        lambda: AdamW(weight_decay=None),
        lambda: Dense(2, units_of_it=3),
    ],
)
def test_refused_as_a_value_error(wrong):
    with pytest.raises(ValueError, match=r"got|unknown"):
        wrong()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Dense("a"),
        lambda: Dense(2.5),
        lambda: Dense([2]),
        lambda: Dense(2, use_bias="maybe"),
        lambda: Dense(2, name=3),
        lambda: LayerNormalization(axis="a"),
        lambda: AdaptiveMaxPooling2D("a"),
        lambda: Lambda(3),
        lambda: Dense(2, kernel_initializer=3),
        lambda: Dense(2, foo=1),
        lambda: AdamW(weight_decay=None),
    ],
)
def test_a_value_of_a_wrong_type_is_a_type_error_and_a_value_error(wrong):
    for kind in (TypeError, ValueError, ConfigError):
        with pytest.raises(kind):
            wrong()


def test_adaptive_pooling_keeps_one_length_for_each_axis():
    assert AdaptiveMaxPooling2D(2).get_config()["output_size"] == (2, 2)
    assert AdaptiveMaxPooling2D((2, 3)).output_size == (2, 3)


def test_flatten_channels_first_gives_the_features_of_channels_last():
    images = normal(2, 3, 4, 5)
    first = Flatten(data_format="channels_first")(images.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(first, Flatten()(images))


def test_layer_normalization_with_rms_scaling():
    inputs = normal(4, 3)
    expected = inputs / np.sqrt(inputs.var(axis=-1, keepdims=True) + 1e-3)
    np.testing.assert_allclose(LayerNormalization(rms_scaling=True)(inputs), expected, rtol=1e-12)


def test_softmax_of_a_layer_is_that_of_its_activation_without_a_mask():
    inputs = normal(2, 3)
    np.testing.assert_array_equal(Softmax()(inputs), activations.Softmax()(inputs))
