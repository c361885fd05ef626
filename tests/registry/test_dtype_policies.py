"""Policies as objects: names, types, configs, and a map of them by path."""

import numpy as np
import pytest

import nnlite
from nnlite import dtype_policies, layers, mixed_precision
from nnlite.config import DTypePolicy
from nnlite.dtype_policies import DTypePolicyMap
from nnlite.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "computed", "kept"),
    [
        ("float32", "float32", "float32"),
        ("mixed_float16", "float16", "float32"),
        ("mixed_bfloat16", "bfloat16", "float32"),
        ("float16", "float16", "float16"),
        ("int32", "int32", "int32"),
        (None, "float32", "float32"),
    ],
)
def test_types_of_policies(name, computed, kept):
    policy = DTypePolicy(name)
    assert (policy.compute_dtype, policy.variable_dtype, policy.quantization_mode) == (computed, kept, None)
    assert DTypePolicy.from_config(policy.get_config()) == policy
    assert repr(policy) == f'<DTypePolicy "{name or "float32"}">'


def test_names_that_are_none():
    with pytest.raises(ValueError, match="unknown policy 'mixed_float1'"):
        DTypePolicy("mixed_float1")
    with pytest.raises(TypeError, match="the name of a policy is a string"):
        DTypePolicy(16)


def test_get_reads_what_names_a_policy():
    policy = DTypePolicy("float64")
    assert dtype_policies.get(policy) is policy
    assert all(dtype_policies.get(given) == policy for given in ("float64", np.float64, np.dtype("f8")))
    assert dtype_policies.get(dtype_policies.serialize(policy)) == policy
    assert dtype_policies.get(None).name == "float32"
    for wrong in ({"class_name": "QuantizedDTypePolicy", "config": {}}, object(), "int8_from_float32"):
        with pytest.raises(ConfigError):
            dtype_policies.get(wrong)


def test_a_map_finds_policies_by_path():
    policies = DTypePolicyMap("float32", {"a/.*": DTypePolicy("mixed_float16")})
    policies["b"] = "float64"
    assert [policies[path].name for path in ("a/c", "b", "b/c")] == ["mixed_float16", "float64", "float32"]
    assert (policies.name, policies.compute_dtype, policies.variable_dtype) == ("map_float32", "float32", "float32")
    assert len(policies) == 2 and list(policies) == ["a/.*", "b"] and "a/c" not in policies
    again = dtype_policies.get(dtype_policies.serialize(policies))
    assert again == policies and isinstance(again, DTypePolicyMap)
    del again["b"]
    assert again != policies and again["b"].name == "float32"
    with pytest.raises(ConfigError, match="already"):
        policies["b"] = "float32"
    policies["a/c.*"] = "float64"
    with pytest.raises(ConfigError, match="matches several"):
        policies["a/c"]
    with pytest.raises(ConfigError, match="cannot be a DTypePolicyMap"):
        DTypePolicyMap(policies)
    with pytest.raises(TypeError, match="must be a dict"):
        DTypePolicyMap("float32", ["a"])


def test_a_layer_takes_the_policy_of_its_path():
    policies = DTypePolicyMap("float32", {"small": "mixed_float16"})
    assert layers.Dense(2, name="small", dtype=policies).compute_dtype == "float16"
    assert layers.Dense(2, name="other", dtype=policies).compute_dtype == "float32"


def test_names_of_mixed_precision():
    assert mixed_precision.Policy is DTypePolicy is nnlite.FloatDTypePolicy
    mixed_precision.set_global_policy("mixed_float16")
    try:
        assert mixed_precision.global_policy().name == "mixed_float16"
    finally:
        mixed_precision.set_global_policy("float32")
    assert mixed_precision.LossScaleOptimizer is nnlite.optimizers.LossScaleOptimizer
