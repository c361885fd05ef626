"""Policies by the paths of layers, and their serialization."""

import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np

from nnlite.config import DTypePolicy
from nnlite.config.defaults import MAP
from nnlite.errors import ConfigError, WrongTypeError

__all__ = ["DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "deserialize", "get", "serialize"]

FloatDTypePolicy = DTypePolicy


class DTypePolicyMap(DTypePolicy, MutableMapping[str, DTypePolicy]):
    """Policies by the paths of layers; a layer takes that of its path, or else the default.

    Args:
        default_policy: a policy or its name; None for that of `set_dtype_policy`.
        policy_map: policies by path. A path may be a regular expression that the whole path has to match.

    Raises:
        ConfigError: a map as the default; a path that has a policy already.
        WrongTypeError: a `policy_map` of another type than a dict.

    >>> policies = DTypePolicyMap("float32", {"encoder/.*": DTypePolicy("mixed_float16")})
    >>> policies["encoder/dense"], policies["decoder"]
    (<DTypePolicy "mixed_float16">, <DTypePolicy "float32">)
    """

    def __init__(self, default_policy: Any = None, policy_map: dict[str, Any] | None = None) -> None:
        if isinstance(default_policy, DTypePolicyMap):
            raise ConfigError("default_policy cannot be a DTypePolicyMap")
        if policy_map is not None and not isinstance(policy_map, dict):
            raise WrongTypeError(f"policy_map must be a dict, got {policy_map!r}")
        self._given = default_policy
        self._policies = {path: get(policy) for path, policy in (policy_map or {}).items()}

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of layers of other paths."""
        return get(self._given)

    @property
    def name(self) -> str:  # type: ignore[override]
        """`"map_"` and the name of the default."""
        return f"{MAP}{self.default_policy.name}"

    @property
    def compute_dtype(self) -> str:
        """The dtype of computations under the default policy."""
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights under the default policy."""
        return self.default_policy.variable_dtype

    def for_layer(self, layer: Any) -> str:
        """The name of the policy for the layer's path, which is its name as it is before outer layers are added."""
        return self[str(layer.name)].name

    def __getitem__(self, path: str) -> DTypePolicy:
        if path in self._policies:
            return self._policies[path]
        matching = [pattern for pattern in self._policies if re.fullmatch(pattern, path)]
        if len(matching) > 1:
            raise ConfigError(f"path {path!r} matches several keys of the policies: {', '.join(matching)}")
        return self._policies[matching[0]] if matching else self.default_policy

    def __setitem__(self, path: str, policy: Any) -> None:
        if path in self._policies:
            raise ConfigError(f"{path!r} has a policy already, {self._policies[path]}")
        self._policies[path] = get(policy)

    def __delitem__(self, path: str) -> None:
        del self._policies[path]

    def __contains__(self, path: object) -> bool:
        return path in self._policies

    def __len__(self) -> int:
        return len(self._policies)

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DTypePolicyMap):
            return False
        return other.default_policy == self.default_policy and other._policies == self._policies

    __hash__ = DTypePolicy.__hash__

    def __repr__(self) -> str:
        default = None if self._given is None else self.default_policy
        return f"<DTypePolicyMap default_policy={default}, policies={self._policies}>"

    def get_config(self) -> dict[str, Any]:
        """The arguments, policies as `serialize` returns them."""
        written = self._given is None or isinstance(self._given, str)
        default = self._given if written else serialize(self.default_policy)
        policies = {path: serialize(policy) for path, policy in self._policies.items()}
        return {"default_policy": default, "policy_map": policies}


POLICY_CLASSES: dict[str, type[DTypePolicy]] = {
    "DTypePolicy": DTypePolicy,
    "FloatDTypePolicy": DTypePolicy,
    "DTypePolicyMap": DTypePolicyMap,
}


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """Keras's dict of a policy: its class and its arguments."""
    kind, config = type(dtype_policy).__name__, dtype_policy.get_config()
    module = "keras" if kind == "DTypePolicy" else "keras.dtype_policies"
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, type] | None = None) -> Any:
    """The policy for what `serialize` returned.

    Args:
        config: that dict.
        custom_objects: classes of policies by further names.

    Raises:
        ConfigError: another class; nothing is quantized here.
    """
    kind = config.get("class_name")
    cls: Any = {**POLICY_CLASSES, **(custom_objects or {})}.get(str(kind))
    if cls is None:
        raise ConfigError(f"no policy {kind!r}; there are {', '.join(POLICY_CLASSES)}: nothing is quantized")
    return cls.from_config(config.get("config") or {})


def get(identifier: Any) -> DTypePolicy:
    """A policy from an instance, a name, a NumPy dtype or a dict of `serialize`; None gives the default policy.

    Raises:
        ConfigError: no such policy; one of quantized weights.

    >>> get("float64")
    <DTypePolicy "float64">
    """
    if identifier is None or isinstance(identifier, str):
        return DTypePolicy(identifier)
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    try:
        return DTypePolicy(np.dtype(identifier).name)
    except TypeError:
        raise ConfigError(f"a policy is a name or a DTypePolicy, got {identifier!r}") from None
