"""A `FeatureSpace` as the beginning of a model that takes columns as they are."""

import numpy as np
import pytest

from nnlite import Model, layers
from nnlite.errors import NotReadyError
from nnlite.features import FeatureSpace
from nnlite.models import load_model

COLUMNS = {
    "age": np.array([[3], [5], [4]]),
    "height": np.array([[0.25], [0.5], [1.0]]),
    "kind": np.array([["cat"], ["dog"], ["cat"]]),
    "legs": np.array([[1], [2], [2]]),
    "street": np.array([["a"], ["b"], ["c"]]),
}


def space_of(mode="concat"):
    features = {
        "age": "float_normalized",
        "height": "float_discretized",
        "kind": "string_categorical",
        "legs": "integer_categorical",
        "street": FeatureSpace.string_hashed(num_bins=5),
    }
    return FeatureSpace(features, mode, crosses=[("kind", "legs")], num_discretization_bins=3)


@pytest.mark.parametrize("mode", ["concat", "dict"])
def test_symbols_are_what_a_call_gives(mode):
    space = space_of(mode)
    space.adapt(COLUMNS)
    inputs = space.get_inputs()
    assert {name: (one.shape, one.dtype) for name, one in inputs.items()} == {
        "age": ((None, 1), "float32"),
        "height": ((None, 1), "float32"),
        "kind": ((None, 1), "string"),
        "legs": ((None, 1), "int32"),
        "street": ((None, 1), "string"),
    }
    assert inputs is space.get_inputs()
    outputs, expected = Model(inputs, space.get_encoded_features())(COLUMNS), space(COLUMNS)
    if mode == "concat":
        np.testing.assert_array_equal(outputs, expected)
        np.testing.assert_array_equal(Model(inputs, space.get_encoded_features())(COLUMNS), expected)  # after a call
        return
    assert outputs.keys() == expected.keys() == {*COLUMNS, "kind_X_legs"}
    for name, column in expected.items():
        np.testing.assert_array_equal(outputs[name], column)


def test_a_model_of_columns_learns_and_is_kept(tmp_path):
    space = space_of()
    space.adapt(COLUMNS)
    model = Model(space.get_inputs(), layers.Dense(1)(space.get_encoded_features()))
    model.compile("adam", "mse")
    losses = model.fit(COLUMNS, np.array([1.0, 2.0, 3.0]), epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(COLUMNS, verbose=0), model.predict(COLUMNS, verbose=0))


def test_features_that_learn_from_data_come_first():
    space = space_of()
    with pytest.raises(NotReadyError, match=r"the features age, height, kind, legs are not known yet: call adapt"):
        space.get_inputs()
    space.adapt(COLUMNS)
    assert space.get_preprocessed_features()["legs"].dtype == "int64"


def test_a_single_feature_needs_no_concatenation():
    space = FeatureSpace({"age": "float"})
    model = Model(space.get_inputs(), space.get_encoded_features())
    np.testing.assert_array_equal(model({"age": COLUMNS["age"]}), COLUMNS["age"])


def test_discretized_columns_have_all_bins_that_were_asked_for():
    space, data = FeatureSpace({"a": "float_discretized"}, num_discretization_bins=7), {"a": np.arange(4.0)}
    space.adapt(data)
    assert space(data).shape == (4, 7) and space.get_encoded_features().shape == (None, 7)
    assert space(data).argmax(axis=1).tolist() == [1, 2, 3, 3]
