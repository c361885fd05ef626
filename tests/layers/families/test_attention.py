"""Attention, einsum layers and positions: against PyTorch and plain formulas, masks, dropout, wrong input."""

import math
from functools import partial

import numpy as np
import pytest
from draws import normal
from torch_parity import assert_same, backpropagated, near, needs_torch, tensors_of, torch

from nnlite import Model, Sequential, layers, load_model, ops
from nnlite.config import set_floatx
from nnlite.errors import ConfigError, ShapeError
from nnlite.kernels.reference import attention as attention_kernels
from nnlite.layers import (
    AdditiveAttention,
    Attention,
    Dense,
    EinsumDense,
    Flatten,
    Input,
    Layer,
    MultiHeadAttention,
    PositionEmbedding,
    SinePositionEncoding,
)
from nnlite.optimizers import Adam
from nnlite.random import RandomSource, SeedGenerator

pytestmark = pytest.mark.usefixtures("double_precision")


def randomized(layer, *shapes):
    """A built layer, no parameter of which is zero; one that attends takes any number of steps."""
    any_length = not isinstance(layer, EinsumDense)
    free = tuple((None, *[None if any_length else n for n in shape[1:-1]], shape[-1]) for shape in shapes)
    layer._ensure_built(free if len(free) > 1 else free[0], RandomSource(1))
    for place, parameter in enumerate(layer.parameters):
        parameter.assign(normal(*parameter.shape, seed=place + 1))
    return layer


PADDED = np.array([[True, True, True, False], [True, False, False, False], [True] * 4])
TWINS = [
    # shapes of query, value and key, heads, masks, causal
    (((3, 4, 6),), 2, None, False),
    (((3, 4, 6),), 3, None, True),
    (((1, 1, 4),), 1, None, False),
    (((3, 5, 8), (3, 4, 3)), 4, (None, PADDED), False),
    (((3, 2, 4), (3, 4, 5), (3, 4, 6)), 2, (None, None, PADDED), True),
    (((2, 7, 4), (2, 3, 4)), 2, None, False),
]


def in_torch(layer, widths):
    """PyTorch's layer with the same weights."""
    size = layer.num_heads * layer.key_dim
    query, value, key = widths
    twin = torch.nn.MultiheadAttention(query, layer.num_heads, kdim=key, vdim=value, batch_first=True).double()
    given = [torch.tensor(parameter.value) for parameter in layer.parameters]
    kernels = [given[place].reshape(-1, size).T for place in (0, 2, 4)]
    if twin._qkv_same_embed_dim:
        twin.in_proj_weight.data = torch.cat(kernels)
    else:
        names = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
        for name, kernel in zip(names, kernels, strict=True):
            getattr(twin, name).data = kernel.contiguous()
    twin.in_proj_bias.data = torch.cat([given[place].reshape(-1) for place in (1, 3, 5)])
    twin.out_proj.weight.data, twin.out_proj.bias.data = given[6].reshape(size, -1).T.contiguous(), given[7]
    return twin


def gradients_of(twin, size):
    """PyTorch's gradients in the order and the shapes of ours, but for the heads."""
    if twin._qkv_same_embed_dim:
        kernels = twin.in_proj_weight.grad.split(size)
    else:
        kernels = [twin.q_proj_weight.grad, twin.k_proj_weight.grad, twin.v_proj_weight.grad]
    biases = twin.in_proj_bias.grad.split(size)
    inner = [part for kernel, bias in zip(kernels, biases, strict=True) for part in (kernel.T, bias)]
    return [*inner, twin.out_proj.weight.grad.T, twin.out_proj.bias.grad]


@needs_torch
@pytest.mark.parametrize(("shapes", "heads", "mask", "causal"), TWINS, ids=lambda value: str(value)[:40])
def test_multi_head_attention_equals_pytorch(shapes, heads, mask, causal):
    width = shapes[0][-1]
    layer = randomized(MultiHeadAttention(heads, width // heads, use_causal_mask=causal), *shapes)
    data = tuple(normal(*shape, seed=9) for shape in shapes)
    outputs = layer.forward(data if len(data) > 1 else data[0], mask=mask)
    inputs = tensors_of(*data)
    query, value, key = (inputs[min(place, len(inputs) - 1)] for place in range(3))
    twin = in_torch(layer, [array.shape[-1] for array in (query, value, key)])
    masked = None if mask is None else torch.tensor(~PADDED)
    hidden = torch.tensor(~np.tri(query.shape[1], key.shape[1], dtype=bool)) if causal else None
    expected, _ = twin(query, key, value, key_padding_mask=masked, attn_mask=hidden, need_weights=False)
    assert near(outputs, expected)
    (upstream,) = backpropagated([expected], [outputs])
    theirs = [*[array.grad for array in inputs], *gradients_of(twin, width)]
    for own, other in zip(layer.backward(upstream), theirs, strict=True):
        assert near(own, other.reshape(own.shape))


def attend_in_torch(layer, query, value, key, *weights):
    """The formula of each layer, written with PyTorch's functions."""
    if isinstance(layer, MultiHeadAttention):
        kernels, biases = weights[::2], weights[1::2]
        q, k, v = (
            torch.einsum("bsf,fhd->bhsd", array, kernel) + bias[:, None]
            for array, kernel, bias in zip((query, key, value), kernels, biases, strict=False)
        )
        scores = q @ k.mT / math.sqrt(layer.key_dim)
        return torch.einsum("bhsd,hdo->bso", scores.softmax(-1) @ v, kernels[3]) + biases[3]
    if isinstance(layer, AdditiveAttention):
        scores = (weights[0] * torch.tanh(query[:, :, None] + key[:, None])).sum(-1)
    elif layer.score_mode == "concat":
        scores = weights[1] * torch.tanh(weights[0] * (query[:, :, None] + key[:, None])).sum(-1)
    else:
        scores = weights[0] * query @ key.mT
    return scores.softmax(-1) @ value


@needs_torch
@pytest.mark.parametrize(
    "make",
    [
        lambda: MultiHeadAttention(3, 2, value_dim=5, output_shape=7),
        lambda: Attention(use_scale=True),
        lambda: Attention(use_scale=True, score_mode="concat"),
        AdditiveAttention,
    ],
)
@pytest.mark.parametrize(
    "shapes",
    [
        ((2, 3, 4), (2, 5, 4), (2, 5, 4)),
        ((1, 1, 4), (1, 1, 2), (1, 1, 4)),
        ((3, 1, 2), (3, 6, 5), (3, 6, 2)),
        ((1, 7, 3), (1, 2, 3), (1, 2, 3)),
        ((4, 2, 1), (4, 2, 1), (4, 2, 1)),
    ],
    ids=str,
)
def test_formulas_equal_pytorch(make, shapes):
    layer = randomized(make(), *shapes)
    assert_same(layer, tuple(normal(*shape, seed=5) for shape in shapes), partial(attend_in_torch, layer))


@needs_torch
@pytest.mark.parametrize(
    ("equation", "output_shape", "shape"),
    [
        ("ab,bc->ac", 3, (4, 5)),
        ("abc,cd->abd", (None, 3), (2, 4, 5)),
        ("abc,bcd->ad", 2, (2, 4, 5)),
        ("...x,xy->...y", 3, (2, 3, 4, 5)),
        ("abc,cde->abed", (None, 2, 3), (1, 4, 5)),
    ],
)
def test_einsum_dense_equals_pytorch(equation, output_shape, shape):
    layer = randomized(EinsumDense(equation, output_shape, bias_axes=equation[-1], activation="tanh"), shape)

    def twin(x, kernel, bias):
        return torch.tanh(torch.einsum(equation, x, kernel) + bias)

    assert_same(layer, normal(*shape, seed=3), twin)


def test_dense_is_an_einsum_dense():
    x = normal(3, 2, 4)
    layer, dense = randomized(EinsumDense("...x,xy->...y", 5, bias_axes="y"), x.shape), Dense(5)
    dense._ensure_built((None, 2, 4))
    dense.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(x), dense(x), rtol=1e-13)


SELF = [
    lambda **options: MultiHeadAttention(2, 3, **options),
    lambda **options: Attention(use_scale=True, **options),
    AdditiveAttention,
]
each_kind = pytest.mark.parametrize("make", SELF, ids=["heads", "dot", "additive"])


@each_kind
def test_a_masked_step_is_as_if_it_were_not_there(make):
    x = normal(3, 4, 6)
    layer = randomized(make(), x.shape)
    outputs = layer(x, mask=PADDED)
    changed = np.where(PADDED[..., None], x, 99.0)
    np.testing.assert_array_equal(layer(changed, mask=PADDED)[PADDED], outputs[PADDED])
    for row, count in enumerate(PADDED.sum(1)):
        np.testing.assert_allclose(outputs[row, :count], layer(x[row : row + 1, :count])[0], rtol=1e-12)


@each_kind
def test_a_causal_step_sees_nothing_later(make):
    x = normal(2, 5, 6)
    layer = randomized(make(use_causal_mask=True), x.shape)
    whole = layer(x)
    for steps in range(1, 6):
        np.testing.assert_allclose(layer(x[:, :steps])[:, -1], whole[:, steps - 1], rtol=1e-12)
    layer.forward(x)
    first = np.zeros(whole.shape)
    first[:, 1] = 1
    assert not layer.backward(first)[0][:, 2:].any()


@each_kind
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_where_all_is_masked_all_count_alike(make, dtype):
    set_floatx(dtype)
    query, value = normal(2, 3, 4).astype(dtype), normal(2, 5, 4).astype(dtype)
    layer = randomized(make(), query.shape, value.shape)
    none = np.array([[False] * 5, [True] * 5])
    outputs = layer.forward((query, value), mask=(None, none))
    assert np.isfinite(outputs).all()
    assert all(np.isfinite(result).all() for result in layer.backward(1))
    np.testing.assert_allclose(outputs[0], np.broadcast_to(outputs[0, :1], outputs[0].shape), rtol=1e-5)
    if not isinstance(layer, MultiHeadAttention):
        np.testing.assert_allclose(outputs[0, 0], value[0].mean(0), rtol=1e-5)
    by_query = layer.backward(np.ones(outputs.shape))[0]
    assert not by_query[0].any()
    assert by_query[1].any()


def test_masked_queries():
    x = normal(3, 4, 6)
    heads, plain = randomized(MultiHeadAttention(2, 3), x.shape), randomized(Attention(), x.shape)
    assert not plain(x, mask=PADDED)[~PADDED].any()  # Keras sets them to zero
    pair = randomized(MultiHeadAttention(2, 3), x.shape, x.shape)
    np.testing.assert_allclose(pair((x, x), mask=(PADDED, None)), pair((x, x)), rtol=1e-12)  # as in Keras
    for layer in (heads, plain):
        _, jacobians = layer.linearize(x, *layer.values, mask=PADDED)
        assert jacobians.mask is PADDED
        assert layer.linearize(x, *layer.values)[1].mask is None


def test_an_attention_mask_is_a_mask_for_each_query():
    x = normal(3, 4, 6)
    allowed = np.random.default_rng(0).uniform(size=(3, 4, 4)) < 0.6
    layer = randomized(MultiHeadAttention(2, 3), x.shape)
    outputs = layer(x, mask=allowed)
    pair = randomized(MultiHeadAttention(2, 3), x.shape, x.shape)
    np.testing.assert_allclose(pair((x, x), mask=(None, None, allowed)), outputs, rtol=1e-13)
    for step in range(4):
        alone = pair((x[:, step : step + 1], x), mask=(None, allowed[:, step]))
        np.testing.assert_allclose(outputs[:, step], alone[:, 0], rtol=1e-12)
    assert layer.linearize(x, *layer.values, mask=allowed)[1].mask is None


def test_one_input_is_query_value_and_key():
    x = normal(2, 3, 4)
    for make in SELF:
        alone, several = randomized(make(), x.shape), randomized(make(), x.shape, x.shape, x.shape)
        np.testing.assert_allclose(alone.forward(x), several.forward((x, x, x)), rtol=1e-13)
        total = sum(several.backward(1)[:3])
        np.testing.assert_allclose(alone.backward(1)[0], total, rtol=1e-12, atol=1e-14)


def test_a_list_of_arrays_are_several_inputs():
    query, value = normal(2, 3, 4), normal(2, 5, 4)
    assert Attention()([query, value]).shape == (2, 3, 4)
    assert MultiHeadAttention(2, 3)((query, value)).shape == (2, 3, 4)
    assert MultiHeadAttention(2, 3)(query.tolist()).shape == (2, 3, 4)


def test_attention_axes_attend_within_the_other_axes():
    x = normal(2, 3, 4, 5)
    layer = randomized(MultiHeadAttention(2, 3, attention_axes=2), x.shape)
    twin = randomized(MultiHeadAttention(2, 3), (2, 4, 5))
    whole = layer(x)
    for row in range(3):
        np.testing.assert_allclose(whole[:, row], twin(x[:, row]), rtol=1e-12)
    over_all = randomized(MultiHeadAttention(2, 3), x.shape)
    np.testing.assert_allclose(over_all(x).reshape(2, 12, 5), twin(x.reshape(2, 12, 5)), rtol=1e-12)


def test_scores_of_any_size_are_finite():
    for dtype in ("float32", "float64"):
        set_floatx(dtype)
        layer = randomized(MultiHeadAttention(2, 3), (2, 3, 4))
        assert np.isfinite(layer.forward(normal(2, 3, 4) * 1e6)).all()
        assert all(np.isfinite(result).all() for result in layer.backward(1))


def test_blocks_of_examples_make_no_difference(monkeypatch):
    x, layer = normal(5, 3, 4), randomized(MultiHeadAttention(2, 3, dropout=0.3, seed=1), (5, 3, 4))
    runs = []
    for size in (2**18, 1, 2 * 2 * 3 * 3 * 8):
        monkeypatch.setattr(attention_kernels, "BLOCK", size)
        layer.seed_generator = SeedGenerator(1)
        runs.append([layer.forward(x, training=True, mask=np.arange(3) < 2 + normal(5, 1)), *layer.backward(1)])
    for run in runs[1:]:
        for result, expected in zip(run, runs[0], strict=True):
            np.testing.assert_allclose(result, expected, rtol=1e-13, atol=1e-14)


@each_kind
def test_dropout_drops_attention_weights_while_training(make):
    x = np.ones((1, 200, 6))  # all weights are 1 / 200, and the outputs count those that are kept
    layer = randomized(make(dropout=0.25), x.shape)
    plain = layer(x)
    layer.seed_generator = SeedGenerator(3)
    first, second = layer(x, training=True), layer(x, training=True)
    assert not np.array_equal(first, second)
    layer.seed_generator = SeedGenerator(3)
    np.testing.assert_array_equal(layer(x, training=True), first)
    if not isinstance(layer, MultiHeadAttention):
        assert abs(first.mean() - plain.mean()) < 0.01
        kept = first * 0.75 * 200
        np.testing.assert_allclose(kept, kept.round(), atol=1e-9)
        assert 0.02 < (first.std() / plain.mean()) < 0.06  # sqrt(0.25 / 0.75 / 200) is 0.04
    np.testing.assert_array_equal(layer(x), plain)


def test_learns_in_a_sequential_and_is_saved(tmp_path):
    set_floatx("float32")
    generator = np.random.default_rng(0)
    x = generator.normal(size=(256, 5, 4)).astype(np.float32)
    y = (x[:, :, 0].argmax(1) == x[:, :, 1].argmax(1)).astype(int)
    first = [Input((5, 4)), PositionEmbedding(5), MultiHeadAttention(2, 8, dropout=0.05), Flatten()]
    model = Sequential([*first, Dense(16, activation="relu"), Dense(2, activation="softmax")], seed=0)
    model.compile(Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=40, batch_size=64, verbose=0)
    assert history.history["accuracy"][-1] > 0.95
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    again = Layer.get(model.layers[1].to_spec())
    assert again.get_config()["output_shape"] is None
    assert again.get_config()["dropout"] == 0.05


def test_two_sequences_in_a_model_are_saved(tmp_path):
    query, value = Input((3, 4)), Input((5, 4))
    looked = MultiHeadAttention(2, 3)((query, value))
    model = Model([query, value], Flatten()(layers.add([looked, query, Attention()([looked, value])])), seed=0)
    model.compile("sgd", "mse")
    data = [normal(6, 3, 4), normal(6, 5, 4)]
    history = model.fit(data, normal(6, 12), epochs=3, verbose=0).history["loss"]
    assert history[2] < history[0]
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict(data, verbose=0), model.predict(data, verbose=0))


def test_output_shape_is_an_argument_and_an_attribute():
    layer = MultiHeadAttention(2, 3, output_shape=(4, 2))
    assert layer.output_shape is None
    layer._ensure_built((None, 5, 6))
    assert layer.output_shape == (None, 5, 4, 2)
    assert layer.get_config()["output_shape"] == (4, 2)
    assert repr(layer) == "MultiHeadAttention(num_heads=2, key_dim=3, output_shape=(4, 2), dtype='float64')"
    assert Layer.get(layer.to_spec()).given_shape == (4, 2)
    assert EinsumDense("ab,bc->ac", 5).get_config()["output_shape"] == (5,)
    with pytest.raises(ConfigError, match=r"EinsumDense\.output_shape"):
        EinsumDense("ab,bc->ac", 0)


def test_weights_have_the_shapes_of_keras():
    layer = MultiHeadAttention(2, 3, value_dim=4, output_shape=5)
    layer._ensure_built(((None, 7, 6), (None, 8, 9), (None, 8, 10)))
    assert [(weight.name, weight.shape) for weight in layer.weights] == [
        ("query_kernel", (6, 2, 3)),
        ("query_bias", (2, 3)),
        ("key_kernel", (10, 2, 3)),
        ("key_bias", (2, 3)),
        ("value_kernel", (9, 2, 4)),
        ("value_bias", (2, 4)),
        ("output_kernel", (2, 4, 5)),
        ("output_bias", (5,)),
    ]
    assert all(not layer.parameters[place].value.any() for place in (1, 3, 5, 7))


def test_sequences_of_any_length():
    model = Sequential(
        [Input((None, 4)), SinePositionEncoding(), PositionEmbedding(9), MultiHeadAttention(2, 3)], seed=0
    )
    assert model.output_shape == (None, None, 4)
    for steps in (1, 5, 9):
        assert model.predict(normal(2, steps, 4), verbose=0).shape == (2, steps, 4)
    with pytest.raises(ShapeError, match="has vectors for 9 steps, got 10"):
        model.predict(normal(2, 10, 4), verbose=0)


def test_positions_equal_their_formulas():
    zeros = np.zeros((1, 6, 5))
    encoding = SinePositionEncoding(max_wavelength=100)(zeros)[0]
    for step in range(6):
        for feature in range(5):
            angle = step / 100 ** (2 * (feature // 2) / 5)
            assert math.isclose(encoding[step, feature], (math.cos if feature % 2 else math.sin)(angle), abs_tol=1e-15)
    layer = PositionEmbedding(8)
    np.testing.assert_array_equal(layer(zeros)[0], layer.parameters[0].value[:6])


class Bilinear(Layer):
    """x' K x for each example, written with einsum alone."""

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], input_shape[-1]))

    def call(self, inputs):
        return ops.einsum("bi,ij,bj->b", inputs, self.kernel, inputs)[:, None]


def test_einsum_is_recorded():
    x, layer = normal(3, 4), Bilinear()
    outputs, kernel = layer.forward(x), layer.parameters[0].value
    np.testing.assert_allclose(outputs[:, 0], [row @ kernel @ row for row in x], rtol=1e-12)
    by_inputs, by_kernel = layer.backward(1)
    np.testing.assert_allclose(by_inputs, x @ (kernel + kernel.T), rtol=1e-12)
    np.testing.assert_allclose(by_kernel, x.T @ x, rtol=1e-12)
    np.testing.assert_allclose(layer.jacobians.per_example(np.ones((3, 1)))[1], x[:, :, None] * x[:, None], rtol=1e-12)


class Similarity(Bilinear):
    """x (sum of x over the batch)' K: every example sees all others."""

    def call(self, inputs):
        return ops.einsum("bi,ci,ij->bj", inputs, inputs, self.kernel)


def test_an_einsum_may_mix_the_rows_of_a_batch():
    x, upstream = normal(3, 4), normal(3, 2, seed=2)
    model = Sequential([Dense(2), Similarity()], seed=0)
    model.build((None, 4))
    _, jacobians = model.linearize(x, *model.values)
    assert jacobians.mixes_rows
    found = jacobians.per_example(upstream)
    for row in range(3):
        alone = np.where(np.arange(3)[:, None] == row, upstream, 0)
        for place, expected in enumerate(jacobians.vjp(alone)[1:], 1):
            np.testing.assert_allclose(found[place][row], expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("subscripts", "shapes", "error", "message"),
    [
        ("ab,bc->ac", [(2, 3), (4, 5)], ShapeError, "'b' have the lengths 3 and 4"),
        ("ab,bc->ac", [(2, 3)], ShapeError, "needs 2 operands, got 1"),
        ("ab->ba", [(2, 3, 4)], ShapeError, r"axes 'ab', got the shape \(2, 3, 4\)"),
        ("...ab->ba", [(2,)], ShapeError, "got the shape"),
        ("ab->ac", [(2, 3)], ConfigError, "'c'"),
        ("ab->aa", [(2, 3)], ConfigError, "each label of the result once"),
        ("a1->a", [(2, 3)], ConfigError, "subscripts are letters"),
        ("a.b->a", [(2, 3)], ConfigError, "subscripts are letters"),
    ],
)
def test_wrong_subscripts(subscripts, shapes, error, message):
    with pytest.raises(error, match=message):
        ops.einsum(subscripts, *(np.ones(shape) for shape in shapes))


PAIR = ((None, 3, 4), (None, 5, 4))
WRONG = [
    (lambda: MultiHeadAttention(2, 3), (None, 4), ShapeError, "needs inputs .batch, steps, features"),
    (lambda: MultiHeadAttention(2, 3), ((None, 3, 4), (None, 4)), ShapeError, "needs inputs .batch, steps, features"),
    (lambda: MultiHeadAttention(2, 3), (*PAIR, (None, 6, 4)), ShapeError, "needs as many keys as values"),
    (lambda: MultiHeadAttention(2, 3), (None, 3, None), ShapeError, "known number of features"),
    (lambda: MultiHeadAttention(2, 3), (*PAIR, *PAIR), ShapeError, "one, or query and value"),
    (lambda: MultiHeadAttention(2, 3, attention_axes=2), (None, 3, 4), ConfigError, "must be axes in 1 to 1"),
    (lambda: MultiHeadAttention(2, 3, attention_axes=0), (None, 3, 4), ConfigError, "must be axes in 1 to 1"),
    (
        lambda: MultiHeadAttention(2, 3, attention_axes=2),
        ((None, 3, 4, 5), (None, 2, 4, 5)),
        ShapeError,
        r"agree in the axes \[0, 1\]",
    ),
    (lambda: MultiHeadAttention(2, 3, use_causal_mask=True), (None, 3, 4, 5), ConfigError, "use_causal_mask needs"),
    (Attention, ((None, 3, 4), (None, 5, 3)), ShapeError, "one number of features"),
    (Attention, ((None, 2, 3, 4), (None, 3, 5, 4)), ShapeError, "one number of features"),
    (AdditiveAttention, ((None, 3, 4), (None, 5, 3)), ShapeError, "one number of features"),
    (lambda: EinsumDense("abc,cd->abd", (None, 2)), (None, 4), ShapeError, "needs inputs with the axes of"),
    (lambda: EinsumDense("abc,cd->abd", 2), (None, 3, 4), ConfigError, "in output_shape for each of b, d"),
    (lambda: EinsumDense("abc,cd->abd", (5, 2)), (None, 3, 4), ShapeError, "needs the length 5 of the axis 'b'"),
    (lambda: EinsumDense("abc,cd->abd", (None, None)), (None, 3, 4), ShapeError, "length of the axis 'd'"),
    (lambda: EinsumDense("abc,bcd->ad", 2), (None, None, 4), ShapeError, "length of the axis 'b'"),
    (lambda: PositionEmbedding(3), (None, 4, 2), ShapeError, "has vectors for 3 steps, got 4"),
    (lambda: PositionEmbedding(3), (None, 4), ShapeError, "needs inputs .batch, steps, features"),
    (SinePositionEncoding, (None, 4), ShapeError, "needs inputs .batch, steps, features"),
]


@pytest.mark.parametrize(("make", "shape", "error", "message"), WRONG, ids=lambda value: str(value)[:40])
def test_shapes_that_do_not_fit(make, shape, error, message):
    layer = make()
    with pytest.raises(error, match=message) as raised:
        layer._ensure_built(shape)
    assert type(layer).__name__ in str(raised.value)
    assert not layer.built


@pytest.mark.parametrize(
    ("data", "mask", "message"),
    [
        ([(2, 3, 4)], np.ones((2, 4), bool), r"got a mask of shape \(2, 4\)"),
        ([(2, 3, 4)], np.ones((2, 3, 4), bool), r"got a mask of shape \(2, 3, 4\)"),
        ([(2, 3, 4), (2, 5, 4)], np.ones((2, 3), bool), "one mask for each of its 2 inputs"),
        ([(2, 3, 4), (2, 5, 4)], (None, np.ones((2, 3), bool)), r"got a mask of shape \(2, 3\)"),
        ([(2, 3, 4), (2, 5, 4)], (None, None, None, None), "one mask for each of its 2 inputs, got 4"),
        ([(2, 3, 4, 1)], np.ones((2, 3), bool), r"got a mask of shape \(2, 3\)"),
    ],
)
def test_masks_that_do_not_fit(data, mask, message):
    layer = MultiHeadAttention(2, 3, name="looks")
    with pytest.raises(ShapeError, match=message) as raised:
        layer(tuple(map(np.ones, data)) if len(data) > 1 else np.ones(data[0]), mask=mask)
    assert "layer 'looks' (MultiHeadAttention)" in str(raised.value)


def test_other_wrong_input():
    layer = MultiHeadAttention(2, 3)
    layer((np.ones((2, 3, 4)), np.ones((2, 5, 4))))
    assert layer(np.ones((2, 7, 4))).shape == (2, 7, 4)
    with pytest.raises(ShapeError, match="one number of examples, got 2 and 3"):
        layer((np.ones((2, 3, 4)), np.ones((3, 5, 4))))
    with pytest.raises(ShapeError, match="was built for inputs of shape"):
        layer((np.ones((2, 3, 4)), np.ones((2, 5, 3))))
    for options in ({"num_heads": 0}, {"key_dim": 0}, {"dropout": 1.0}, {"score_mode": "sum"}):
        with pytest.raises(ConfigError):
            Layer.get({"MultiHeadAttention": {"num_heads": 2, "key_dim": 2} | options})
    for equation in ("ab->ba", "ab,bc->ad", "ab,b1->a", "ab,...b->a", "ab,bc"):
        with pytest.raises(ConfigError, match=r"EinsumDense\.equation"):
            EinsumDense(equation, 2)
    with pytest.raises(ConfigError, match=r"EinsumDense\.bias_axes.*no axis 'x'"):
        EinsumDense("ab,bc->ac", 2, bias_axes="x")
