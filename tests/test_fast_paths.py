"""Fast paths: what layers answer for themselves, and that no answer outlives the method that it speaks for."""

import numpy as np
import pytest
from layers.cases import CASES
from registered import registered

import nnlite.circuits  # noqa: F401 - registers its layers
from nnlite import Input, Model, Sequential, kernels
from nnlite.inference import Predictor
from nnlite.inference.quick import quick_outputs
from nnlite.jacobians import ComplexStepHessian, Diagonal, Jacobians
from nnlite.layers import (
    GRU,
    LSTM,
    Activation,
    BatchNormalization,
    Bidirectional,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPooling2D,
    Rescaling,
    SimpleRNN,
    SpectralNormalization,
)
from nnlite.layers.base.simplified import Activated, Affine, Product, Unchanged
from nnlite.losses import BinaryCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy
from nnlite.ops import ReLU, Softmax, Tanh
from nnlite.optimizers import SGD, Adam
from nnlite.registry import Configurable, outlives
from nnlite.training.train_step import Steps

# Why a layer has no simpler form at inference.
WHOLE = {
    "several inputs": "Add Average Concatenate Dot Maximum Minimum Multiply Subtract",
    "sums over other axes than one product": "EinsumDense DepthwiseConv1D DepthwiseConv2D SeparableConv1D "
    "SeparableConv2D Conv1DTranspose Conv2DTranspose Conv3DTranspose",
    "a function of whole rows, or of the values": "LayerNormalization GroupNormalization RMSNormalization "
    "UnitNormalization PReLU Cast Clip PeriodicEmbedding PiecewiseLinearEncoding IsotonicCalibration",
    "it sets a mask": "Masking",
    "a table is looked up": "Embedding ReversibleEmbedding CategoryEmbedding CategoryEncoding Discretization "
    "HashedCrossing Hashing IntegerLookup StringLookup TextVectorization",
    "a walk over steps": "RNN SimpleRNN SimpleRNNCell GRU GRUCell LSTM LSTMCell StackedRNNCells Bidirectional "
    "ConvLSTM1D ConvLSTM2D ConvLSTM3D",
    "attention, or a table added": "Attention AdditiveAttention MultiHeadAttention GroupQueryAttention "
    "PositionEmbedding SinePositionEncoding",
    "derivatives of other layers": "InputDerivatives",
    "histograms and extremes of whole images": "AutoContrast Equalization ContrastLimitedAdaptiveHistogramEqualization",
    "a Fourier transform of frames": "MelSpectrogram STFTSpectrogram",
    "it runs layers of its own": "ColumnBranch Parallel Pipeline Residual Wrapper Lambda SpectralNormalization "
    "TimeDistributed Model Sequential",
    "it runs a function of nnlite.ops": "Operation",
    "no window of its own": "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D "
    "GlobalMaxPooling2D GlobalMaxPooling3D AdaptiveAveragePooling1D AdaptiveAveragePooling2D "
    "AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D",
    "entries are moved, repeated or left out": "Columns Permute RepeatVector Cropping1D Cropping2D Cropping3D "
    "ZeroPadding1D ZeroPadding2D ZeroPadding3D UpSampling1D UpSampling2D UpSampling3D Resizing CenterCrop RandomCrop",
}
generator = np.random.default_rng(5)


def test_every_layer_has_a_simpler_form_or_a_reason():
    simple = {type(layer)._spec_name for layer, _ in (case.prepared() for case in CASES) if layer.at_inference()}
    whole = [name for names in WHOLE.values() for name in names.split()]
    assert len(whole) == len(set(whole))
    assert set(whole) == set(registered(Layer)) - simple


def as_model(case, before=(), after=()):
    """A model of the layer of a row, between others, with random weights; and a batch."""
    layer, inputs = case.prepared()
    kinds = {"indices": "int64", "strings": "string", "categories": "string"}
    dtype = {"dtype": kinds[layer.input_kind]} if layer.input_kind in kinds else {}
    given = [Input(shape[1:], **dtype) for shape in case.shapes]
    if case.several:
        return Model(given, layer(given), seed=0), inputs if inputs[1:] else inputs[0]
    return Sequential([*given, *before, layer, *after], seed=0), inputs


def predictor_of(model):
    """`model.compile_predict()`; it tries the layers on empty strings, which not every vocabulary has."""
    if getattr(model.layers[0], "num_oov_indices", 1) == 0:
        return Predictor([layer for layer in model.layers if not isinstance(layer, Input)], model)
    return model.compile_predict()


def check_compiled(model, inputs):
    model.reset_states()
    predictor = predictor_of(model)
    expected, found = model.predict(inputs, verbose=0), predictor(inputs)
    for one, other in zip(*(x if isinstance(x, tuple) else (x,) for x in (found, expected)), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * max(1, np.abs(other).max(initial=0)))


PREDICTED = [case for case in CASES if case.mask is None and case.layer != "Input"]


@pytest.mark.parametrize("case", PREDICTED, ids=str)
def test_compiled_prediction_of_every_row_is_that_of_the_layer(case, double_precision):
    layer, _ = case.prepared()
    check_compiled(*as_model(case))
    if layer.at_inference() is not None and layer.input_shape[-1] is not None:
        width = layer.input_shape[-1]
        check_compiled(*as_model(case, [Dense(width), Rescaling(0.7, 0.3)], [Rescaling(-0.5, 0.25)]))


@pytest.mark.parametrize("case", [case for case in PREDICTED if case.build().infer], ids=str)
def test_inference_of_every_row_is_that_of_the_layer(case, double_precision):
    model, inputs = as_model(case)
    layer, given = model.layers[-1], inputs.copy()
    np.testing.assert_allclose(layer.infer(inputs), model.predict(inputs, verbose=0), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(inputs, given)
    assert layer.linearize(inputs, *layer.values)[1].mask is None


def test_a_layer_of_ones_own_has_no_other_inference():
    class Doubled(Dense):
        def linearize(self, inputs, *parameters):
            return super().linearize(inputs * 2, *parameters)

    model = Sequential([Input((3,)), Dense(4), Doubled(2)], seed=0)
    assert model.layers[0].infer is not None
    assert model.layers[1].infer is None
    assert quick_outputs(model, np.zeros((1, 3))) is None


def test_quick_outputs_are_those_of_the_weights_of_the_moment():
    x = generator.normal(size=(2, 3))
    layers = [BatchNormalization(), Dense(2)], [Dense(4, "mish"), Dropout(0.5), Dense(2)]
    other, model = (Sequential([Input((3,)), *own], seed=0, dtype="float64") for own in layers)
    assert quick_outputs(other, x) is None
    for _ in range(2):
        np.testing.assert_allclose(quick_outputs(model, x), model.linearize(x, *model.values)[0], rtol=0, atol=1e-12)
        model.layers[0].kernel.value[...] *= -1.5
    for refused in (x[:, :2], np.full((2, 3), np.inf), np.zeros((0, 3)), np.zeros((1000, 3)), x.tolist()):
        assert quick_outputs(model, refused) is None


class Scaled:
    """Twice a map."""

    mixes_rows = False

    def __init__(self, part):
        self.part, self.in_shape, self.out_shape, self.dtype = part, part.in_shape, part.out_shape, part.dtype

    def vjp(self, cotangent):
        return 2 * self.part.vjp(cotangent)

    def vjp_into(self, cotangent, out):
        out[...] = self.vjp(cotangent)


def doubled(layer, inputs, kernel, bias=None):
    """Twice what `Dense` computes."""
    outputs, jacobians = Dense.linearize(layer, inputs, kernel, bias)
    return 2 * outputs, Jacobians(*map(Scaled, jacobians))


class Doubled(Dense, abstract=True):
    """Another function of the same inputs."""

    def linearize(self, inputs, kernel, bias=None):
        return doubled(self, inputs, kernel, bias)


class Called(Dense, abstract=True):
    """Another function too, recorded."""

    def call(self, inputs):
        return 2 * (inputs @ self.kernel + self.bias)


class Mixin:
    def linearize(self, inputs, kernel, bias=None):
        return doubled(self, inputs, kernel, bias)


class Mixed(Mixin, Dense, abstract=True):
    """The method comes from a class that is not a layer."""


class FromDoubled(Doubled, abstract=True):
    """Nothing redefined: the fast paths stay withdrawn."""


class DoubledProduct(Doubled, abstract=True):
    """With a form of its own at inference."""

    def linearize(self, inputs, kernel, bias=None):
        return super().linearize(inputs, kernel, bias)

    def at_inference(self):
        kernel, bias = self.values
        return Product(2 * kernel, 2 * bias, None)


DOUBLED = [Doubled, Called, Mixed, FromDoubled]


@pytest.mark.parametrize("kind", DOUBLED)
def test_a_layer_with_another_linearize_or_call_has_no_fast_path(kind, double_precision):
    layer = kind(4, use_bias=True)
    layer._ensure_built((None, 3))
    assert layer.at_inference() is None
    assert layer._dense_part() is None
    assert layer.without_activation() == (layer, None)
    model = Sequential([Input((3,)), Dense(5, "tanh"), kind(4), Dropout(0.5), BatchNormalization(), Dense(2)], seed=0)
    check_compiled(model, generator.normal(size=(6, 3)))


@pytest.mark.parametrize("kind", DOUBLED)
def test_training_runs_the_other_method(kind, double_precision):
    x, y = generator.normal(size=(8, 4)), generator.normal(size=(8, 2))
    weights = []
    for layers in ([kind(4), Dense(2)], [Dense(4), Rescaling(2.0), Dense(2)]):
        model = Sequential([Input((4,)), *layers], seed=3)
        start = np.random.default_rng(2)
        model.set_weights([start.normal(size=value.shape) for value in model.get_weights()])
        model.compile(SGD(0.01), "mse")
        model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0)
        weights.append(model.get_weights())
    for found, expected in zip(*weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_a_layer_that_redefines_both_has_its_own_answer(double_precision):
    model = Sequential([Input((3,)), DoubledProduct(4), Activation("relu")], seed=0)
    predictor = model.compile_predict()
    assert [repr(stage) for stage in predictor.stages] == ["Product(3, 4)"]
    check_compiled(model, generator.normal(size=(6, 3)))


class Around(Layer, abstract=True):
    """Its derivative is that of whatever function a subclass writes."""

    def linearize(self, inputs):
        outputs = self.call(inputs) + 100
        return outputs, Jacobians(Diagonal(np.full((), 2.0), inputs.shape, outputs.shape))


class Twice(Around):
    def call(self, inputs):
        return inputs * 2


class Recorded(Twice):
    def call(self, inputs):
        return inputs * 3


class Nothing(Layer):
    """A form at inference beside `call`."""

    def call(self, inputs):
        return inputs * 1

    def at_inference(self):
        return Unchanged()


class Fivefold(Nothing):
    def call(self, inputs):
        return inputs * 5


def test_an_abstract_layer_may_run_the_call_of_its_subclasses(double_precision):
    x = generator.normal(size=(2, 3))
    np.testing.assert_array_equal(Twice()(x), x * 2 + 100)
    np.testing.assert_array_equal(Recorded()(x), x * 3)  # Twice is a layer of its own: this is another function


def test_a_form_at_inference_does_not_outlive_call(double_precision):
    x = generator.normal(size=(2, 3))
    assert Nothing().at_inference() == Unchanged()
    model = Sequential([Input((3,)), Fivefold()], seed=0)
    np.testing.assert_array_equal(model.compile_predict()(x), x * 5)


def test_logits_are_not_taken_of_a_layer_with_another_end():
    class Tempered(Dense, abstract=True):
        def linearize(self, inputs, kernel, bias=None):
            return doubled(self, inputs, kernel, bias)

    model = Sequential([Input((3,)), Tempered(2, "sigmoid")], seed=0)
    model.compile("sgd", "bce")
    assert Steps(model.trainer).activation is None

    class Wrapped(SpectralNormalization, abstract=True):
        def linearize(self, inputs, *parameters, **context):
            return super().linearize(-inputs, *parameters, **context)

    assert SpectralNormalization(Dense(2, "softmax")).without_activation()[1] is not None
    assert Wrapped(Dense(2, "softmax")).without_activation()[1] is None
    plain = Sequential([Input((3,)), Dense(2, "sigmoid")], seed=0)
    plain.compile("sgd", "bce")
    assert Steps(plain.trainer).activation is not None


class Falling(ReLU, abstract=True):
    """The largest input has the smallest output."""

    def linearize(self, x):
        y, jacobians = super().linearize(x)
        return -y, Jacobians(Scaled2(jacobians[0]))


class Scaled2(Scaled):
    def vjp(self, cotangent):
        return -self.part.vjp(cotangent)


class Raised(Tanh, abstract=True):
    """Not the function that kernels know as tanh."""

    def linearize(self, x):
        y, jacobians = super().linearize(x)
        return y + 1, jacobians


class Sharp(Softmax, abstract=True):
    """Not the function that is computed in place as softmax."""

    def linearize(self, x):
        return super().linearize(3 * x)


@pytest.mark.parametrize("kind", [Falling, Raised, Sharp])
def test_an_activation_with_another_linearize(kind, double_precision):
    assert kind().kernel_code() is None
    assert not kind().keeps_order
    layers = [
        Conv2D(3, 2, activation=kind()),
        MaxPooling2D(2),
        Flatten(),
        Dense(4),
        Activation(kind()),
        Dense(4, kind()),
    ]
    model = Sequential([Input((5, 6, 2)), *layers], seed=0)
    assert [type(layer._dense_part()).__name__ for layer in layers[3:]] == ["DenseLayer", "NoneType", "NoneType"]
    check_compiled(model, generator.normal(size=(6, 5, 6, 2)))


@pytest.mark.parametrize("kind", [SimpleRNN, LSTM, GRU])
def test_recurrent_kernels_know_their_activations_and_their_step(kind, double_precision):
    class HalvedCell(kind.cell_class, abstract=True):
        def call(self, inputs, states, training=False, random=None):
            return super().call(inputs * 0.5, states, training, random)

    class Halved(kind, abstract=True):
        cell_class = HalvedCell

    x = generator.normal(size=(3, 4, 2))
    model, halved = kind(3), Halved(3)
    assert model.fuses
    assert not halved.fuses
    assert not kind(3, activation=Raised()).fuses
    weights = [generator.normal(size=value.shape) for value in (model(x), model.get_weights())[1]]
    halved(x)
    for layer in (model, halved):
        layer.set_weights(weights)
    np.testing.assert_allclose(halved(x), model(x * 0.5), rtol=1e-12)
    assert Bidirectional(halved)(x).shape == (3, 6)


class Weighted(BinaryCrossentropy, abstract=True):
    def per_row(self, y_true, y_pred):
        losses, rows = super().per_row(y_true, y_pred)
        return 3 * losses, Scaled3(rows)


class Scaled3(Scaled):
    def vjp(self, cotangent):
        return 3 * self.part.vjp(cotangent)


class Squared(MeanSquaredError, abstract=True):
    def call(self, y_true, y_pred):
        return 3 * ((y_true - y_pred) ** 2).sum(-1)


class WholeSum(MeanSquaredError, abstract=True):
    """With a sum of its own."""

    def per_row(self, y_true, y_pred):
        raise AssertionError("there is a quicker way")

    def total(self, y_true, y_pred, scale, weights=None):
        return 7.0, np.zeros_like(y_pred)

    def row_hessian(self, y_true, y_pred):
        return None


def test_losses_with_another_row():
    y, p = np.array([[1.0], [0.0]]), np.array([[0.25], [0.5]])
    plain, weighted = BinaryCrossentropy(), Weighted()
    assert weighted.forward(y, p) == pytest.approx(3 * plain.forward(y, p))
    np.testing.assert_allclose(weighted.backward(), 3 * plain.backward())
    assert isinstance(weighted.output_hessian(y, p), ComplexStepHessian)
    assert not isinstance(plain.output_hessian(y, p), ComplexStepHessian)
    assert weighted.from_outputs_of(plain.link()) is None
    assert plain.from_outputs_of(plain.link()) is not None
    called = Squared()
    assert called.forward(y, p) == pytest.approx(3 * np.sum((y - p) ** 2) / 2)
    np.testing.assert_allclose(called.output_hessian(y, p).jvp(np.ones((2, 1))), np.full((2, 1), 3.0))
    assert WholeSum().forward(y, p) == 7


def test_a_loss_without_another_row_keeps_its_link():
    class Named(SparseCategoricalCrossentropy, abstract=True):
        pass

    assert Named().from_outputs_of(Softmax()).from_logits


class Slow(Adam, abstract=True):
    def update(self, values, gradients, slots, learning_rate, scratch):
        assert values.size <= 65_536
        values -= learning_rate * gradients


class Quick(SGD, abstract=True):
    by_kernel = True

    def update(self, values, gradients, slots, learning_rate, scratch):
        assert values.size == 70_000
        values -= gradients


@pytest.mark.parametrize(("optimizer", "by_kernel"), [(Slow(1.0), False), (Quick(1.0), True)])
def test_optimizers_with_another_update(optimizer, by_kernel, monkeypatch):
    class Pack:
        values, gradients, segments, rows = np.zeros(70_000), np.ones(70_000), [slice(0, 70_000)], None
        paths, parameters, shapes = ["kernel"], [values], [(70_000,)]

    assert Adam.by_kernel
    assert optimizer.by_kernel == by_kernel
    monkeypatch.setattr(kernels, "compiled_now", lambda: True)
    optimizer.apply_packs([Pack])
    assert (Pack.values < 0).all()


class Family(Configurable, family="fast path", abstract=True):
    _fast_paths = {"quick": ("slow",), "quicker": ("quick",)}

    def slow(self):
        return "slow"

    def quick(self):
        return self.slow()

    def quicker(self):
        return self.quick()


class First(Family, abstract=True):
    def quick(self):
        return "quick"

    def quicker(self):
        return "quicker"


def test_the_rule():
    class Same(First):
        pass

    class Other(First):
        def slow(self):
            return "other"

    class Again(Other):
        def quicker(self):
            return "again"

    class Kept(Family):
        @outlives("slow")
        def quick(self):
            return f"quick and {self.slow()}"

    class Redefined(Kept):
        def slow(self):
            return "redefined"

    class Joined(Other, First):
        pass

    assert (Same().quick(), Same().quicker()) == ("quick", "quicker")
    assert (Other().quick(), Other().quicker()) == ("other", "other")
    assert (Again().quick(), Again().quicker()) == ("other", "again")
    assert Redefined().quicker() == "quick and redefined"
    assert Joined().quicker() == "other"


def test_forms_combine():
    twice, raised = Affine(np.array([2.0]), np.array([0.0])), Affine(np.array([1.0]), np.array([3.0]))
    assert (twice.then(raised).of(np.array([5.0])), raised.then(twice).of(np.array([5.0]))) == (13.0, 16.0)
    product = Product(np.eye(1), None, None)
    relu = Activated(None, ReLU())
    assert product.then(relu).activation is relu.activation
    assert product.then(relu).then(raised) is None
    assert twice.then(product).kernel == 2
