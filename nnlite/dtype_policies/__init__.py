"""The names of `keras.dtype_policies`: the dtypes in which layers compute and keep weights, and policies by path."""

from nnlite.dtype_policies.policies import (
    DTypePolicy,
    DTypePolicyMap,
    FloatDTypePolicy,
    deserialize,
    get,
    serialize,
)

__all__ = ["DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "deserialize", "get", "serialize"]
