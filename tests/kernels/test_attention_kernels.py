"""Attention: NumPy's kernels against the formula, compiled ones against NumPy's."""

import importlib.util
import tracemalloc

import numpy as np
import pytest

from nnlite import kernels
from nnlite.kernels.reference import attention as reference
from nnlite.kernels.reference.attention import HIDDEN, AttentionInputs

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")
pytestmark = pytest.mark.usefixtures("choice_restored")
PAIRS = ["", "hidden", "noise", "hidden noise"]


def example(pairs, dtype="float32", steps=37, others=21):
    """Inputs and a cotangent of three examples with two heads; two queries may attend to nothing."""
    generator = np.random.default_rng(0)
    query, key, value, cotangent = (
        2 * generator.standard_normal((3, length, 2, width)).astype(dtype)
        for length, width in ((steps, 5), (others, 5), (others, 4), (steps, 4))
    )
    hidden = generator.random((3, 1, others, steps)) < 0.4
    hidden[0, :, :, 3], hidden[2, :, :, 1] = True, True
    noise = generator.random((3, 2, others, steps)) < 0.8
    hidden = np.broadcast_to(hidden, noise.shape) if "hidden" in pairs else None
    return AttentionInputs(query, key, value, 0.4, hidden, noise if "noise" in pairs else None, 1.25), cotangent


def softmax(inputs):
    """`(examples, heads, steps, others)`, as it is written in books."""
    scores = inputs.scale * np.einsum("nshi,nohi->nhso", inputs.query, inputs.key)
    if inputs.hidden is not None:
        scores = np.where(inputs.hidden.swapaxes(-1, -2), HIDDEN, scores)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("block", [2**18, 2000, 1])
@pytest.mark.parametrize("pairs", PAIRS)
def test_the_context_is_that_of_the_formula_in_blocks_of_any_size(pairs, block, monkeypatch):
    monkeypatch.setattr(reference, "BLOCK", block)
    monkeypatch.setattr(reference, "LEAST_QUERIES", 7)
    inputs, _ = example(pairs, "float64")
    weights = 1.25 * softmax(inputs)
    if inputs.noise is not None:
        weights = weights * inputs.noise.swapaxes(-1, -2)
    context = reference.attend(inputs).context
    np.testing.assert_allclose(context, np.einsum("nhso,nohj->nshj", weights, inputs.value), rtol=1e-12)


@pytest.mark.parametrize("block", [2**18, 2000, 1])
@pytest.mark.parametrize("pairs", PAIRS)
def test_both_directions_agree_with_differences_in_blocks_of_any_size(pairs, block, monkeypatch):
    monkeypatch.setattr(reference, "BLOCK", block)
    monkeypatch.setattr(reference, "LEAST_QUERIES", 7)
    inputs, cotangent = example(pairs, "float64")
    outputs = reference.attend(inputs)
    tangents = [np.cos(np.arange(own.size)).reshape(own.shape) for own in inputs[:3]]
    ahead, behind = (
        reference.attend(inputs._replace(query=q, key=k, value=v)).context
        for q, k, v in ([own + sign * 1e-6 * t for own, t in zip(inputs, tangents, strict=False)] for sign in (1, -1))
    )
    pushed = reference.attention_push(inputs, outputs, tangents)
    np.testing.assert_allclose(pushed, (ahead - behind) / 2e-6, rtol=1e-6, atol=1e-7)
    pulled = reference.attention_pull(inputs, outputs, np.stack([cotangent, -cotangent]))
    for own, tangent, place in zip(pulled, tangents, range(3), strict=True):
        alone = reference.attention_push(inputs, outputs, [tangent if i == place else None for i in range(3)])
        np.testing.assert_allclose((own[0] * tangent).sum(), (alone * cotangent).sum(), rtol=1e-10)
        np.testing.assert_array_equal(own[1], -own[0])


@needs_numba
@pytest.mark.parametrize("queries, keys, inner", [(20, 30, 6), (1, 1, 1), (360, 350, 9)])  # the last is a large product
def test_products_of_all_pairs_of_rows_are_those_of_the_formula(queries, keys, inner):
    from nnlite.kernels.compiled import attention as compiled
    from nnlite.kernels.compiled.recurrent import SGEMM

    left, right = (
        np.random.default_rng(length).standard_normal((length, 3, inner), np.float32)[:, 1]
        for length in (queries, keys)
    )
    turned, out = np.empty((inner, queries + 2), np.float32), np.full((keys, queries + 2), 7, np.float32)
    compiled._products_of_pairs(SGEMM, left, right, np.float32(0.5), turned, out)
    np.testing.assert_allclose(out[:, :queries], 0.5 * right.astype(float) @ left.T, rtol=0, atol=2e-6)
    assert (out[:, queries:] == 7).all()


@needs_numba
def test_axes_of_length_1_may_have_any_stride():
    from nnlite.kernels.compiled import attention as compiled

    query, key = (np.random.default_rng(0).standard_normal((2, steps, 2, 8), np.float32) for steps in (5, 1))
    repeated = np.ascontiguousarray(key[:, 0])[:, None]  # NumPy gives the new axis the stride 0
    assert repeated.strides[1] == 0 and repeated.flags.c_contiguous
    inputs = AttentionInputs(query, repeated, repeated, 0.5, None, None, 1.0)
    outputs = compiled.attend(inputs)
    np.testing.assert_array_equal(outputs.context, np.broadcast_to(key, query.shape))
    pulled = compiled.attention_pull(inputs, outputs, query)
    for gradient, expected in zip(pulled, reference.attention_pull(inputs, outputs, query), strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6)


@needs_numba
@pytest.mark.parametrize("room", [2**17, 200])
@pytest.mark.parametrize("pairs", PAIRS)
def test_compiled_attention_is_that_of_numpy(pairs, room, monkeypatch):
    from nnlite.kernels.compiled import attention as compiled

    monkeypatch.setattr(compiled, "ROOM", room)  # 21 keys: all 37 queries at once, or 16
    inputs, cotangent = example(pairs)
    outputs = reference.attend(inputs)
    results = [*outputs, *reference.attention_pull(inputs, outputs, cotangent)]
    kernels.use("numba")
    for name in ("attend", "attention_pull"):
        monkeypatch.setattr(reference, name, None)  # nothing may be left to NumPy
    outputs = kernels.attend(inputs)
    for own, expected in zip([*outputs, *kernels.attention_pull(inputs, outputs, cotangent)], results, strict=True):
        np.testing.assert_allclose(own, expected, rtol=0, atol=2e-6 * np.abs(expected[expected > HIDDEN]).max())


@needs_numba
@pytest.mark.parametrize("change", ["float64", "order", "noise", "wanted", "seeds"])
def test_what_compiled_attention_cannot_take_goes_to_numpy(change):
    inputs, cotangent = example("noise", "float64" if change == "float64" else "float32")
    wanted = (True, False, True) if change == "wanted" else (True,) * 3
    if change == "order":
        inputs = inputs._replace(key=np.asfortranarray(inputs.key))
    if change == "noise":
        inputs = inputs._replace(noise=inputs.noise * np.float32(0.5))
    if change == "seeds":
        cotangent = np.stack([cotangent] * 2)
    results = []
    for choice in ("numpy", "numba"):
        kernels.use(choice)
        outputs = kernels.attend(inputs)
        results.append([*outputs, *kernels.attention_pull(inputs, outputs, cotangent, wanted)])
    for own, expected in zip(*results, strict=True):
        if expected is None:
            assert own is None
        else:
            np.testing.assert_allclose(own, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("choice", ["numpy", pytest.param("numba", marks=needs_numba)])
def test_a_score_that_is_no_number_stays_seen(choice):
    kernels.use(choice)
    inputs, _ = example("")
    inputs.query[1, 4, 0, 2] = np.nan
    bad = np.isnan(kernels.attend(inputs).context).any(axis=-1)
    assert bad[1, 4, 0]
    assert bad.sum() == 1


@pytest.mark.parametrize("choice", ["numpy", pytest.param("numba", marks=needs_numba)])
def test_no_array_is_as_large_as_all_weights(choice):
    kernels.use(choice)
    inputs, cotangent = example("", steps=1000, others=1000)
    kernels.attention_pull(inputs, kernels.attend(inputs), cotangent)  # compiled by now
    tracemalloc.start()
    kernels.attention_pull(inputs, kernels.attend(inputs), cotangent)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 2 * 1000 * 1000 * 4 / 5
