"""Attention called as Keras calls it: by position and by name, with masks of pairs, and with its scores."""

import numpy as np
import pytest
from numeric import EXACT, relative_error

from nnlite.errors import ConfigError, ShapeError
from nnlite.layers import (
    AdditiveAttention,
    Attention,
    GroupQueryAttention,
    Input,
    Layer,
    MultiHeadAttention,
)
from nnlite.models import Model, load_model

pytestmark = pytest.mark.usefixtures("double_precision")

random = np.random.default_rng(0)
X, Z, KEYS = random.normal(size=(2, 3, 4)), random.normal(size=(2, 5, 4)), random.normal(size=(2, 5, 3))
PAIRS = random.random((2, 3, 5)) < 0.6
PAIRS[..., 0] = True


def softmax(scores):
    rows = np.exp(scores - scores.max(-1, keepdims=True))
    return rows / rows.sum(-1, keepdims=True)


def by_hand(layer, query, value, key, allowed=True):
    """Outputs and scores by the formula, for inputs of three axes."""
    weights = dict(zip((p.name for p in layer.parameters), layer.values, strict=True))
    parts = {}
    for name, steps in (("query", query), ("key", key), ("value", value), ("gate", query)):
        if f"{name}_kernel" in weights:
            parts[name] = np.einsum("bsf,fhd->bhsd", steps, weights[f"{name}_kernel"])
            parts[name] += weights[f"{name}_bias"][:, None]
    times = parts["query"].shape[1] // parts["key"].shape[1]
    q, k, v = parts["query"], *(np.repeat(parts[name], times, axis=1) for name in ("key", "value"))
    scores = softmax(np.where(allowed, q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]), -1e9))
    context = scores @ v
    if "gate" in parts:
        context = context / (1 + np.exp(-parts["gate"]))
    return np.einsum("bhsd,hdf->bsf", context, weights["output_kernel"]) + weights["output_bias"], scores


def filled(layer, *shapes):
    layer.build(*shapes)
    layer.set_weights([random.normal(size=weight.shape) for weight in layer.weights])
    return layer


MAKES = [
    lambda **options: MultiHeadAttention(2, 3, **options),
    lambda **options: GroupQueryAttention(3, 4, 2, **options),
]


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("options", [{}, {"use_gate": True}, {"sliding_window": 2}])
def test_query_value_and_key(make, options):
    layer = filled(make(**options), X.shape, Z.shape, KEYS.shape)
    assert layer.built
    near = np.abs(np.arange(3)[:, None] - np.arange(5)) < options.get("sliding_window", 9)
    expected, scores = by_hand(layer, X, Z, KEYS, near)
    assert relative_error(layer(X, Z, KEYS), expected) <= EXACT
    assert relative_error(layer(query=X, value=Z, key=KEYS), expected) <= EXACT
    output, found = layer(X, Z, KEYS, return_attention_scores=True)
    assert relative_error(output, expected) <= EXACT
    assert relative_error(found, scores) <= EXACT
    assert layer.return_attention_scores is False
    causal, _ = by_hand(layer, X, Z, KEYS, near & np.tri(3, 5, dtype=bool))
    assert relative_error(layer(X, Z, KEYS, use_causal_mask=True), causal) <= EXACT
    assert relative_error(layer(X, Z, KEYS), expected) <= EXACT


@pytest.mark.parametrize("make", MAKES)
def test_masks_by_name(make):
    layer = filled(make(), X.shape, Z.shape)
    padding = np.array([[1, 1, 0, 1, 0], [1, 0, 1, 1, 1]], bool)
    rows = np.array([[1, 1, 0], [0, 1, 1]], bool)
    heads = layer.heads.queries
    shown = rows[:, None, :, None] | (not layer.hides_queries)  # as Keras, which hides masked queries in one alone
    for given, allowed in (
        ({"attention_mask": PAIRS}, PAIRS[:, None]),
        ({"attention_mask": PAIRS[0]}, PAIRS[0]),
        ({"attention_mask": PAIRS[:1]}, PAIRS[:1, None]),
        ({"value_mask": padding}, padding[:, None, None]),
        ({"key_mask": padding, "attention_mask": PAIRS}, padding[:, None, None] & PAIRS[:, None]),
        ({"query_mask": rows, "value_mask": padding}, shown & padding[:, None, None]),
        ({"mask": (rows, None)}, np.broadcast_to(shown, (2, 1, 3, 5))),
    ):
        assert relative_error(layer(X, Z, **given), by_hand(layer, X, Z, Z, allowed)[0]) <= EXACT
    by_head = random.random((2, heads, 3, 5)) < 0.7
    assert relative_error(layer(X, Z, attention_mask=by_head), by_hand(layer, X, Z, Z, by_head)[0]) <= EXACT
    with pytest.raises(ShapeError, match="needs an attention_mask that fits"):
        layer(X, Z, attention_mask=np.ones((2, 3, 4), bool))
    with pytest.raises(ConfigError, match="got a key without a value"):
        layer(X, key=Z)


@pytest.mark.parametrize("make", MAKES)
def test_self_attention_in_any_form(make):
    layer = filled(make(), X.shape)
    expected = by_hand(layer, X, X, X)[0]
    for output in (layer(X), layer(X, X), layer((X, X)), layer(X, X, X), layer(X, mask=np.ones((2, 3), bool))):
        assert relative_error(output, expected) <= EXACT
    pairs = np.tri(3, dtype=bool)[None]
    masked = by_hand(layer, X, X, X, np.tri(3, dtype=bool))[0]
    assert relative_error(layer(X, attention_mask=pairs), masked) <= EXACT
    assert relative_error(layer(Z), by_hand(layer, Z, Z, Z)[0]) <= EXACT  # another number of steps


@pytest.mark.parametrize("make", [*MAKES, Attention, AdditiveAttention])
def test_derivatives_of_scores(make):
    layer = make(return_attention_scores=True)
    outputs = layer.forward((X, Z))
    upstream = tuple(random.normal(size=output.shape) for output in outputs)
    found = layer.backward(upstream)
    step = 1e-6
    for place, given in enumerate((X, Z)):
        tangent = random.normal(size=given.shape)
        moved = [[X, Z], [X, Z]]
        moved[0][place], moved[1][place] = given + step * tangent, given - step * tangent
        high, low = (layer(tuple(own)) for own in moved)
        slope = sum((u * (a - b)).sum() for u, a, b in zip(upstream, high, low, strict=True)) / (2 * step)
        assert abs(slope - (found[place] * tangent).sum()) <= 1e-7 * (1 + abs(slope))
    assert layer.compute_output_shape((X.shape, Z.shape)) == tuple(output.shape for output in outputs)


def test_scores_over_several_axes():
    query, value = random.normal(size=(2, 2, 3, 4)), random.normal(size=(2, 2, 5, 4))
    for axes, shape in ((None, (2, 2, 2, 3, 2, 5)), (2, (2, 2, 2, 3, 5)), ((1, 2), (2, 2, 2, 3, 2, 5))):
        layer = MultiHeadAttention(2, 3, attention_axes=axes)
        output, scores = layer(query, value, return_attention_scores=True)
        assert scores.shape == shape
        assert relative_error(output, layer(query, value)) <= EXACT
    layer = MultiHeadAttention(2, 3, attention_axes=2)
    pairs = random.random((2, 2, 3, 5)) < 0.7
    pairs[..., 0] = True
    output, scores = layer(query, value, attention_mask=pairs[:, :, None], return_attention_scores=True)
    assert not scores[~np.broadcast_to(pairs[:, :, None], scores.shape)].any()
    for place in range(2):
        one, own = layer(query[:, place : place + 1], value[:, place : place + 1]), pairs[:, place : place + 1]
        assert one.shape == (2, 1, 3, 4)
        masked = layer(query[:, place : place + 1], value[:, place : place + 1], attention_mask=own[:, :, None])
        assert relative_error(output[:, place : place + 1], masked) <= EXACT


@pytest.mark.parametrize("kind", [Attention, AdditiveAttention])
def test_attention_of_more_axes_is_that_of_each(kind):
    query, value = random.normal(size=(2, 3, 3, 4)), random.normal(size=(2, 3, 5, 4))
    layer = kind(use_scale=True)
    output, scores = layer([query, value], return_attention_scores=True)
    for place in range(3):
        one, own = kind(use_scale=True), [query[:, place], value[:, place]]
        one(own)
        one.set_weights(layer.get_weights())
        expected = one(own, return_attention_scores=True)
        for found, wanted in zip((output[:, place], scores[:, place]), expected, strict=True):
            assert relative_error(found, wanted) <= EXACT


def test_masks_of_attention_are_a_list():
    layer, ones = Attention(), np.ones((2, 3), bool)
    for wrong in ([ones], ones):
        with pytest.raises(ShapeError, match="a list of one mask for each of its 2 inputs, got 1"):
            layer([X, X], mask=wrong)
    rows = np.array([[1, 0, 1], [1, 1, 1]], bool)
    output, scores = layer([X, X], mask=[rows, None], return_attention_scores=True)
    assert not output[~rows].any()
    assert relative_error(scores, softmax(X @ X.swapaxes(1, 2))) <= EXACT
    causal = layer([X, X], use_causal_mask=True)
    assert relative_error(causal, Attention(use_causal_mask=True)([X, X])) <= EXACT


def test_shapes_told_before():
    layer = MultiHeadAttention(2, 3)
    assert layer.compute_output_shape((2, 3, 4), (2, 5, 6), (2, 5, 7)) == (2, 3, 4)
    layer.build(query_shape=(2, 3, 4), value_shape=(2, 5, 6))
    assert [weight.shape for weight in layer.weights][::2] == [(4, 2, 3), (6, 2, 3), (6, 2, 3), (2, 3, 4)]
    assert Attention().compute_output_shape([(2, 3, 4), (2, 5, 6), (2, 5, 4)]) == (2, 3, 6)
    assert MultiHeadAttention(2, 3, output_shape=8).compute_output_shape((2, 3, 4), (2, 5, 6)) == (2, 3, 8)


def test_in_a_graph_and_inside_a_layer(tmp_path):
    query, value = Input((3, 4)), Input((5, 4))
    layer = MultiHeadAttention(2, 3)
    output, scores = layer(query, value, return_attention_scores=True, use_causal_mask=True)
    model = Model([query, value], [output, scores], seed=0)
    found = model.predict([X, Z], verbose=0)
    for one, other in zip(found, layer(X, Z), strict=True):
        assert relative_error(one, other) <= EXACT
    assert not np.triu(found[1], 1).any()
    model.save(tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors").predict([X, Z], verbose=0)
    assert np.array_equal(again[1], found[1])
    with pytest.raises(ConfigError, match="was used with another return_attention_scores: take two layers"):
        layer(query, value, return_attention_scores=False)

    class AttentionBlock(Layer):
        def __init__(self):
            super().__init__()
            self.look = MultiHeadAttention(2, 3)

        def call(self, x):
            output, scores = self.look(x, x, attention_mask=np.tri(3, dtype=bool), return_attention_scores=True)
            return output + scores[:, 0] @ x

    block = AttentionBlock()
    inner = block(X)
    output, scores = block.look(X, X, use_causal_mask=True, return_attention_scores=True)
    assert relative_error(inner, output + scores[:, 0] @ X) <= EXACT


def test_heads_that_cannot_be_shared():
    with pytest.raises(ConfigError, match=r"GroupQueryAttention\.num_key_value_heads.*must divide num_query_heads=4"):
        GroupQueryAttention(3, 4, 3)
    with pytest.raises(ShapeError, match=r"needs inputs \(batch, steps, features\)"):
        GroupQueryAttention(3, 4, 2)(np.ones((2, 2, 3, 4)))
