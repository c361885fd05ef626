"""Names of `keras.dtype_policies`: the types in which layers compute and keep weights, and a choice of them by path."""

from nnlite.dtype_policies.policies import (
    DTypePolicy,
    DTypePolicyMap,
    FloatDTypePolicy,
    deserialize,
    get,
    serialize,
)

__all__ = ["DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "deserialize", "get", "serialize"]
