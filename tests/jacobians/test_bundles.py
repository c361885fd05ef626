"""Every bundle keeps the whole protocol: a subclass of `Bundle` without an instance here fails by name."""

import importlib
import importlib.util
import pkgutil
from typing import NamedTuple

import numpy as np
import pytest
from numeric import EXACT, relative_error

import nnlite
from nnlite import Input, Sequential
from nnlite.circuits.jacobians import CircuitJacobians
from nnlite.derivatives.observed import Stage, watch
from nnlite.jacobians import (
    AttentionJacobians,
    Bundle,
    ChainJacobians,
    ColumnNormalizationJacobians,
    FoldedJacobians,
    GraphJacobians,
    Jacobian,
    Jacobians,
    JointBundle,
    NormalizationJacobians,
    Partial,
    RecurrentJacobians,
    StencilJacobians,
    UnrolledJacobians,
    WaveJacobians,
)
from nnlite.jacobians.maps.base import one_row_each
from nnlite.layers import (
    GRU,
    LSTM,
    RNN,
    BatchNormalization,
    Bidirectional,
    Chain,
    Dense,
    Embedding,
    GroupNormalization,
    GRUCell,
    InputDerivatives,
    LayerNormalization,
    LSTMCell,
    PeriodicEmbedding,
    SimpleRNN,
    SimpleRNNCell,
    TimeDistributed,
)
from nnlite.layers.composite.fused_dense import JoinedJacobians
from nnlite.losses import MeanSquaredError
from nnlite.losses.output_losses import OutputGradients, OutputLosses
from nnlite.ops import Trace
from nnlite.ops.attention import attend
from nnlite.training.train_step import Steps

generator = np.random.default_rng(11)
BATCH = 3


def normal(*shape):
    return generator.normal(size=shape)


class Example(NamedTuple):
    """A bundle, the shape of each output, and the shape of each input; None for one without derivative."""

    bundle: Bundle
    out_shapes: list
    in_shapes: list

    def cotangent(self, *seeds):
        """Random numbers for each output: an array, or a tuple where there are several."""
        parts = tuple(normal(*seeds, *shape) for shape in self.out_shapes)
        return parts if len(parts) > 1 else parts[0]

    def targets(self, *lead, chosen=None):
        """An array to write into for each chosen input, with `lead` before its axes."""
        chosen = chosen or [True] * len(self.in_shapes)
        pairs = zip(self.in_shapes, chosen, strict=True)
        return [np.full((*lead, *shape), np.nan) if want and shape is not None else None for shape, want in pairs]


def parts_of(value):
    """An array as a tuple of one; a tuple as it is."""
    return value if isinstance(value, tuple) else (value,)


def of_layer(layer, *shape, inputs=None, training=True):
    inputs = normal(*shape) if inputs is None else inputs
    layer.dtype = "float64"
    layer._ensure_built((None, *inputs.shape[1:]))
    for parameter in layer.parameters:
        parameter.value[...] += 0.1 * normal(*parameter.shape)
    context = {"training": training} if "training" in layer._context else {}
    output, bundle = layer.linearize(inputs, *layer.values, **context)
    shapes = [inputs.shape if inputs.dtype.kind == "f" else None]
    shapes += [parameter.shape if parameter.trainable else None for parameter in layer.parameters]
    return Example(bundle, [part.shape for part in parts_of(output)], shapes)


def of_chain(*layers, inputs=None):
    inputs = normal(BATCH, 4) if inputs is None else inputs
    shape, built = (None, *inputs.shape[1:]), []
    for layer in layers:
        layer.dtype = "float64"
        shape = layer._ensure_built(shape)
        built += [own.shape if own.trainable else None for own in layer.parameters]
    values = [value for layer in layers for value in layer.values]
    output, bundle = Chain(layers, "float64").linearize(inputs, *values, training=True)
    return Example(bundle, [output.shape], [inputs.shape if inputs.dtype.kind == "f" else None, *built])


def of_graph(*functions, shapes=((BATCH, 4), (4, 2))):
    trace = Trace()
    variables = [trace.variable(normal(*shape)) for shape in shapes]
    outputs = [function(*variables) for function in functions]
    return Example(trace.jacobians(*outputs), [own.shape for own in outputs], list(shapes))


def of_attention():
    arrays = [normal(BATCH, steps, 2, width) for steps, width in ((4, 5), (6, 5), (6, 5))]
    output, bundle = attend(*arrays, scale=0.7, hidden=normal(BATCH, 2, 4, 6) > 1, noise=normal(BATCH, 2, 4, 6))
    return Example(bundle, [output.shape], [array.shape for array in arrays])


def watched(example):
    count = len(example.in_shapes)
    return example._replace(bundle=watch(example.bundle, None, "whole", [None] * count))


def of_losses():
    losses = OutputLosses([MeanSquaredError(), None, MeanSquaredError()], [0.5, 1.0, 2.0], ["a", "b", "c"])
    outputs = [normal(BATCH, width) for width in (2, 3, 1)]
    _, bundle = losses.linearize([normal(*own.shape) for own in outputs], outputs)
    return Example(bundle, [()], [outputs[0].shape, None, outputs[2].shape])


def joined(rows=BATCH):
    """The model, its steps, a batch, and what the joined program makes of it."""
    model = Sequential(
        [Input((4,)), *[Dense(units, "tanh", dtype="float64") for units in (5, 6)], Dense(2, dtype="float64")]
    )
    model.compile("sgd", "mse")
    steps, x = Steps(model.trainer), normal(rows, 4)
    outputs, chain = steps.joined.program.run(x, steps.joined.values, True)
    return steps, x, outputs, chain.stages[0]


def rnn(*cells, **options):
    return of_layer(RNN(list(cells), **options), BATCH, 4, 2)


def tanh_of_product(x, w):
    return nnlite.ops.tanh(x @ w)


EXAMPLES = {
    Jacobians: [
        lambda: of_layer(Dense(2), BATCH, 4),
        lambda: of_layer(Dense(2, "tanh"), BATCH, 4),
        lambda: of_layer(Dense(2, "softmax", use_bias=False), BATCH, 5, 4),
        lambda: of_layer(BatchNormalization(1), BATCH, 4, 2),
        lambda: of_layer(Embedding(5, 2), inputs=generator.integers(5, size=(BATCH, 4))),
    ],
    ChainJacobians: [
        lambda: of_chain(Dense(3, "tanh"), Dense(2)),
        lambda: of_chain(Dense(3), BatchNormalization(), Dense(2)),
        lambda: of_chain(TimeDistributed(Dense(3)), LSTM(2), Dense(2), inputs=normal(BATCH, 4, 2)),
        lambda: of_chain(Embedding(5, 2), GRU(2), inputs=generator.integers(5, size=(BATCH, 4))),
    ],
    GraphJacobians: [
        lambda: of_graph(tanh_of_product),
        lambda: of_graph(lambda x, w: tanh_of_product(x, w) + nnlite.ops.sum(w)),
        lambda: of_graph(tanh_of_product, lambda x, w: x * nnlite.ops.sum(w)),
        lambda: of_graph(lambda x, w: tanh_of_product(x - nnlite.ops.mean(x, axis=0), w)),
        lambda: of_layer(Bidirectional(LSTM(2)), BATCH, 4, 2),
    ],
    RecurrentJacobians: [
        lambda: of_layer(LSTM(2), BATCH, 4, 3),
        lambda: of_layer(GRU(2, return_sequences=True, go_backwards=True), BATCH, 4, 3),
        lambda: of_layer(SimpleRNN(2, return_state=True), BATCH, 4, 3),
    ],
    UnrolledJacobians: [
        lambda: rnn(SimpleRNNCell(2), GRUCell(3)),
        lambda: rnn(LSTMCell(2), SimpleRNNCell(1), go_backwards=True, return_sequences=True),
        lambda: rnn(LSTMCell(2), SimpleRNNCell(1), return_state=True),
    ],
    FoldedJacobians: [
        lambda: of_layer(TimeDistributed(Dense(2, "tanh")), BATCH, 4, 3),
        lambda: of_layer(TimeDistributed(BatchNormalization()), BATCH, 4, 3),
        lambda: of_layer(TimeDistributed(LSTM(2)), BATCH, 4, 3, 2),
    ],
    AttentionJacobians: [of_attention],
    NormalizationJacobians: [
        lambda: of_layer(LayerNormalization(), BATCH, 4),
        lambda: of_layer(LayerNormalization((1, 2), scale=False), BATCH, 3, 4),
    ],
    ColumnNormalizationJacobians: [
        lambda: of_layer(GroupNormalization(2), BATCH, 4),
        lambda: of_layer(GroupNormalization(2, center=False), BATCH, 3, 4),
        lambda: of_layer(GroupNormalization(4, scale=False), BATCH, 2, 3, 4),
        lambda: of_layer(BatchNormalization(), BATCH, 4),
    ],
    Stage: [
        lambda: watched(of_layer(Dense(2, "tanh"), BATCH, 4)),
        lambda: watched(of_chain(Dense(3), BatchNormalization(), Dense(2))),
        lambda: watched(of_graph(tanh_of_product)),
    ],
    WaveJacobians: [
        lambda: of_layer(PeriodicEmbedding(3, 2), BATCH, 4),
        lambda: of_layer(PeriodicEmbedding(3, 2, columns=[2, 0]), BATCH, 4),
        lambda: of_layer(PeriodicEmbedding(3, 1, members=5, columns=[1, 2]), BATCH, 5, 4),
    ],
    OutputGradients: [of_losses],
    StencilJacobians: [
        lambda: of_layer(InputDerivatives([Dense(3, "tanh"), Dense(2)]), BATCH, 4),
        lambda: of_layer(InputDerivatives([Dense(3, "tanh"), Dense(1)], columns=[1]), BATCH, 4),
    ],
}
APART = {
    JoinedJacobians,  # has `vjp` alone and refuses the rest: `test_a_joined_stage_...`
    CircuitJacobians,  # of a layer of another room, whose checks are in tests/circuits
}
ALL = [pytest.param(cls, make, id=f"{cls.__name__}-{n}") for cls, row in EXAMPLES.items() for n, make in enumerate(row)]


def subclasses(cls):
    return {cls, *(inner for own in cls.__subclasses__() for inner in subclasses(own))}


def test_every_bundle_has_examples():
    unloaded = ("nnlite.__main__", *([] if importlib.util.find_spec("numba") else ["nnlite.kernels.compiled"]))
    for module in pkgutil.walk_packages(nnlite.__path__, "nnlite."):
        if not module.name.startswith(unloaded):
            importlib.import_module(module.name)
    written = {cls for cls in subclasses(Bundle) if cls.__module__.startswith("nnlite.")} - {Bundle, JointBundle}
    assert written == {*EXAMPLES} | APART


@pytest.mark.parametrize(("cls", "make"), ALL)
class TestProtocol:
    def test_class_and_size(self, cls, make):
        example = make()
        bundle = example.bundle
        assert type(bundle) is cls
        assert len(bundle) == len(example.in_shapes)
        assert 1 <= bundle.data <= len(bundle)
        assert isinstance(bundle.mixes_rows, bool)
        assert isinstance(bundle.state, (tuple, list))
        assert bundle.mask is None or isinstance(bundle.mask, (tuple, np.ndarray))
        with pytest.raises(IndexError):
            bundle[len(bundle)]

    def test_reverse_mode_is_the_transpose_of_forward_mode(self, cls, make):
        example = make()
        cotangent = example.cotangent()
        products = example.bundle.vjp(cotangent)
        for index, (shape, product) in enumerate(zip(example.in_shapes, products, strict=True)):
            if shape is None:
                assert product is None
                continue
            assert product.shape == shape
            tangent = normal(*shape)
            pushed = example.bundle.jvp(*[tangent if i == index else None for i in range(len(example.in_shapes))])
            pairs = zip(parts_of(cotangent), parts_of(pushed), strict=True)
            by_output = sum((left * right).sum() for left, right in pairs if right is not None)
            assert relative_error((product * tangent).sum(), by_output) <= EXACT

    def test_the_tangents_of_all_inputs_add_up(self, cls, make):
        example = make()
        tangents = [None if shape is None else normal(2, *shape) for shape in example.in_shapes]
        together = parts_of(example.bundle.jvp(*tangents))
        total = [np.zeros((2, *shape)) for shape in example.out_shapes]
        for index in range(len(tangents)):
            alone = example.bundle.jvp(*[own if i == index else None for i, own in enumerate(tangents)])
            for part, own in zip(total, parts_of(alone) if alone is not None else (), strict=alone is not None):
                part += 0 if own is None else own
        assert all(relative_error(*pair) <= EXACT for pair in zip(together, total, strict=True))
        assert all(part is None for part in parts_of(example.bundle.jvp(*[None] * len(tangents))))

    def test_seed_axes_are_free(self, cls, make):
        example = make()
        cotangent = example.cotangent(2, 2)
        products = example.bundle.vjp(cotangent)
        for seed in np.ndindex(2, 2):
            parts = tuple(part[seed] for part in parts_of(cotangent))
            alone = example.bundle.vjp(parts if len(parts) > 1 else parts[0])
            for product, own in zip(products, alone, strict=True):
                assert product is own is None or relative_error(product[seed], own) <= EXACT

    def test_what_is_not_wanted_is_none(self, cls, make):
        example = make()
        cotangent = example.cotangent()
        for method in (example.bundle.vjp, example.bundle.per_example):
            every = method(cotangent)
            for index in range(len(every)):
                some = method(cotangent, tuple(i == index for i in range(len(every))))
                assert all(product is None for i, product in enumerate(some) if i != index)
                assert some[index] is every[index] is None or relative_error(some[index], every[index]) <= EXACT

    def test_products_are_written_into_arrays(self, cls, make):
        example = make()
        cotangent = example.cotangent()
        count, data = len(example.in_shapes), example.bundle.data
        for chosen in ([True] * count, [i % 2 == 0 for i in range(count)], [i % 2 == 1 for i in range(count)]):
            targets = example.targets(chosen=chosen)
            written(example.bundle.vjp(cotangent, chosen, targets), targets, example.bundle.vjp(cotangent, chosen))
            chosen = [want and index >= data for index, want in enumerate(chosen)]
            targets, expected = example.targets(BATCH, chosen=chosen), example.bundle.per_example(cotangent, chosen)
            written(example.bundle.per_example(cotangent, chosen, targets), targets, expected)
            written(
                example.bundle.without_data(cotangent, chosen), [None] * count, example.bundle.vjp(cotangent, chosen)
            )

    def test_each_example_apart(self, cls, make):
        example = make()
        cotangent = example.cotangent()
        if example.out_shapes == [()]:  # the loss has no rows, and no parameters
            assert example.bundle.per_example(cotangent) == (None,) * len(example.in_shapes)
            return
        rows = tuple(one_row_each(part) for part in parts_of(cotangent))
        expected = example.bundle.vjp(rows if len(rows) > 1 else rows[0])
        products, total = example.bundle.per_example(cotangent), example.bundle.vjp(cotangent)
        for index, product in enumerate(products):
            if index < example.bundle.data or example.in_shapes[index] is None:
                assert product is None
                continue
            assert relative_error(product, expected[index]) <= EXACT
            assert relative_error(product.sum(axis=0), total[index]) <= EXACT

    def test_maps_of_single_inputs(self, cls, make):
        example = make()
        cotangent = example.cotangent()
        products = example.bundle.vjp(cotangent)
        for index, shape in enumerate(example.in_shapes):
            part = example.bundle[index]
            if shape is None:
                assert part is None
                continue
            assert isinstance(part, Jacobian)
            assert part.in_shape == shape
            assert part.out_shape == example.out_shapes[0]
            assert relative_error(part.vjp(cotangent), products[index]) <= EXACT
            part.vjp_into(cotangent, target := np.full(shape, np.nan))
            assert relative_error(target, products[index]) <= EXACT

    def test_parts_arrays_and_words(self, cls, make):
        bundle = make().bundle
        parts = list(bundle.parts())
        assert parts
        assert all(isinstance(label, str) and isinstance(part, (Jacobian, Bundle)) for label, part in parts)
        arrays = list(bundle.stored())
        assert arrays
        assert all(isinstance(array, np.ndarray) for array in arrays)
        inner = [array for _, part in parts if not isinstance(part, Partial) for array in part.stored()]
        assert {id(array) for array in inner} <= {id(array) for array in arrays}
        assert repr(bundle).startswith(f"{cls.__name__}(")


def written(products, targets, expected):
    """Each product is what is expected, and the array that was given for it."""
    for product, target, own in zip(products, targets, expected, strict=True):
        if own is None:
            assert product is None
            continue
        assert target is None or product is target
        assert relative_error(product, own) <= EXACT


def test_a_joined_stage_writes_all_gradients():
    steps, x, outputs, bundle = joined()
    assert type(bundle) is JoinedJacobians
    assert (len(bundle), bundle.data, bundle.state, bundle.mask, bundle.mixes_rows) == (7, 1, (), None, False)
    cotangent = normal(*outputs.shape)
    _, layered = steps.chain.linearize(x, *[own.value for own in steps.parameters])
    expected = layered.vjp(cotangent)
    products = bundle.vjp(cotangent)
    assert all(relative_error(*pair) <= EXACT for pair in zip(products, expected, strict=True))
    assert [id(product) for product in products[1:]] == [id(own.gradient) for own in steps.parameters]
    assert bundle.vjp(cotangent, (False, *[True] * 6), (None, *products[1:]))[0] is None
    assert list(bundle.parts()) == []
    assert [array.ndim for array in bundle.stored()] == [1]
    assert repr(bundle) == "JoinedJacobians(rows=3, layers=3)"


@pytest.mark.parametrize(
    ("method", "use"),
    [
        ("jvp", lambda bundle: bundle.jvp(*[None] * 7)),
        ("per_example", lambda bundle: bundle.per_example(normal(BATCH, 2))),
        ("map of a single input", lambda bundle: bundle[0]),
    ],
)
def test_a_joined_stage_says_what_it_cannot_do(method, use):
    with pytest.raises(NotImplementedError, match=f"JoinedJacobians has no {method}: it is made for the step"):
        use(joined()[3])


def test_a_bundle_without_a_method_cannot_be_made():
    class Half(Bundle):
        def vjp(self, cotangent, wanted=None, into=None):
            return ()

    with pytest.raises(TypeError, match="abstract"):
        Half()
