"""Functions of `nnlite.ops` in graphs: the types of what passes between them, and files of Keras."""

import numpy as np
import pytest

from nnlite import Input, Model, models, ops

X = np.arange(6, dtype="float32").reshape(2, 3) / 2
IMAGES = np.cos(np.arange(64, dtype="float32")).reshape(2, 4, 4, 2)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.left_shift(ops.cast(x, "int32"), 1),
        lambda x: ops.bincount(ops.cast(x, "int32"), minlength=4),
        lambda x: ops.multiply(ops.cast(x, "int32"), 2),
        lambda x: ops.add(ops.cast(x, "int32"), ops.cast(x > 1, "int8")),
        lambda x: ops.sum(ops.cast(x > 1, "int32"), axis=1),
    ],
)
def test_integers_pass_from_function_to_function(function, tmp_path):
    inputs = Input((3,))
    outputs = function(inputs)
    model = Model(inputs, outputs)
    model.save(tmp_path / "model.keras")
    for one in (model, models.load_model(tmp_path / "model.keras"), models.clone_model(model)):
        result = one.predict(X, verbose=0)
        assert result.dtype == outputs.dtype == one.outputs[0].dtype == "int32"
        np.testing.assert_array_equal(result, function(X))


def test_large_integers_of_a_graph_are_exact():
    inputs = Input((1,), dtype="int32")
    model = Model(inputs, ops.add(ops.add(inputs, 1), 1))
    np.testing.assert_array_equal(model.predict(np.array([[2**24]]), verbose=0), [[2**24 + 2]])


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda x: ops.batch_normalization(x, X[0] + 1, X[1], -1), X),
        (lambda x: ops.layer_normalization(x), X),
        (lambda x: ops.layer_normalization(x, beta=X[1]), X),
        (lambda x: ops.rms_normalization(x, X[1]), X),
        (lambda x: ops.isin(x, [1, 2]), X),
        (lambda x: ops.searchsorted(X[1], x), X),
        (lambda x: ops.rfft(x)[0], X),
        (lambda x: ops.stft(x[..., 0, 0], 4, 2, 4)[1], IMAGES),
        (lambda x: ops.svd(x[..., 0], compute_uv=False), IMAGES),
        (lambda x: ops.image.resize(x, (3, 3), interpolation="nearest"), IMAGES),
        (lambda x: ops.image.pad_images(x, 1, 1, target_height=6, target_width=6), IMAGES),
    ],
)
def test_functions_in_files_of_keras(function, x, tmp_path):
    inputs = Input(x.shape[1:])
    model = Model(inputs, function(inputs))
    model.save(tmp_path / "model.keras")
    again = models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    np.testing.assert_allclose(again.predict(x, verbose=0), function(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.not_equal(x, 1),
        lambda x: ops.any(x > 1, axis=1),
        lambda x: ops.where(ops.not_equal(x, 1), x, 0),
        lambda x: ops.meshgrid(ops.sum(x, axis=1), ops.ones(4), indexing="ij"),
        lambda x: ops.rearrange(x, "a b -> b a"),
        lambda x: ops.split(x, 3, axis=1),
        lambda x: ops.moments(x, 1),
        lambda x: ops.slice(x, (1, 0), (1, 2)),
    ],
)
def test_models_of_functions_are_made_again_from_their_configs(function):
    inputs = Input((3,))
    model = Model(inputs, function(inputs))
    again = Model.from_config(model.get_config())
    wanted, result = model(X), again(X)
    assert type(result) is type(wanted) is type(function(X))
    assert type(function(inputs)) is type(wanted) or isinstance(wanted, np.ndarray)
    for one, other in zip(np.atleast_1d(result), np.atleast_1d(wanted), strict=True):
        np.testing.assert_array_equal(one, other)


def test_results_of_a_loop_are_nested_as_its_function_nests_them():
    inputs = Input((3,), batch_size=2)
    last, rows = ops.scan(lambda carry, row: (carry + row, {"before": carry, "row": [row]}), X[0], inputs)
    assert rows["before"].shape == rows["row"][0].shape == (2, 3)
    result = Model(inputs, {"last": last, "before": rows["before"]})(X)
    np.testing.assert_array_equal(result["before"], [X[0], 2 * X[0]])
    np.testing.assert_array_equal(result["last"], 2 * X[0] + X[1])


def test_a_loop_of_a_graph_goes_on_until_its_condition_ends_it():
    inputs = Input((2,))
    model = Model(inputs, ops.while_loop(lambda n, x: ops.sum(x) < 100, lambda n, x: (n + 1, x * 2), (0, inputs)))
    rounds, doubled = model(np.ones((1, 2), "float32"))
    assert rounds == 6
    np.testing.assert_array_equal(doubled, [[64, 64]])
