"""Defaults of new layers: floating-point type and data format; the largest dense Jacobian; determinism."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, cast, get_args

from nnlite import kernels
from nnlite.arrays.types import BFLOAT16, need_bfloat16
from nnlite.errors import ConfigError, WrongTypeError, did_you_mean
from nnlite.threads import set_threads

__all__ = [
    "ALL_TYPES",
    "FLOAT_TYPES",
    "HALVES",
    "POLICIES",
    "DTypePolicy",
    "DataFormat",
    "FloatType",
    "Policy",
    "WholeType",
    "backend",
    "computed_in",
    "computed_type",
    "default_for",
    "default_policy",
    "dense_limit",
    "dtype_policy",
    "floatx",
    "image_data_format",
    "is_deterministic",
    "is_lowered",
    "load_type",
    "set_dense_limit",
    "set_deterministic",
    "set_dtype_policy",
    "set_floatx",
    "set_image_data_format",
]

FloatType = Literal["float32", "float64"]
FLOAT_TYPES = get_args(FloatType)
Policy = Literal["float32", "float64", "mixed_float16", "float16", "mixed_bfloat16", "bfloat16"]
POLICIES = get_args(Policy)
HALVES = ("float16", "bfloat16")
MIXED, MAP = "mixed_", "map_"
# Types without derivatives, for layers that move numbers.
WholeType = Literal["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
ALL_TYPES = (*POLICIES, *get_args(WholeType))
_floatx: FloatType = "float32"
_policy: str | None = None
_by_layer: "DTypePolicy | None" = None  # a map of policies
_dense_limit = 2**30
_deterministic = False
DataFormat = Literal["channels_last", "channels_first"]
DATA_FORMATS = get_args(DataFormat)
_image_data_format: DataFormat = "channels_last"


def floatx() -> FloatType:
    """Name of the default dtype, `"float32"` unless `set_floatx` changed it."""
    return _floatx


def set_floatx(dtype: str) -> None:
    """Set the dtype of layers built from now on: `"float32"` (fast) or `"float64"` (checks, small data).

    `"float16"` and `"bfloat16"` are the dtype of what `nnlite.ops`, `nnlite.random` and variables make without one,
    and the policy of layers.

    Raises:
        ConfigError: any other name.
        MissingLibraryError: `"bfloat16"`, and ml_dtypes is not installed.
    """
    global _floatx
    allowed = (*FLOAT_TYPES, *HALVES)
    if dtype not in allowed:
        raise ConfigError(f"unknown float type {dtype!r}; {did_you_mean(dtype, allowed)}")
    load_type(dtype, "set_floatx")
    _floatx = cast(FloatType, dtype)


class DTypePolicy:
    """The types in which a layer computes and keeps its weights.

    A mixed policy keeps float32 and computes in the other type: what a layer takes, its weights and what it gives are
    rounded to that, while sums and derivatives inside it are float32, as on hardware that multiplies such numbers.
    `"float16"` and `"bfloat16"` do the same, and what they show and save of weights is rounded too; training changes
    float32 numbers. Layers of bfloat16 need ml_dtypes, as NumPy has no such type.

    Args:
        name: a type, such as `"float32"`, which is both, or `"mixed_float16"`; None for that of `set_dtype_policy`.

    Attributes:
        name: the argument.
        compute_dtype, variable_dtype: the type of what a layer takes and gives, and that of its weights.
        quantization_mode: None; nothing is quantized.

    Raises:
        ConfigError: any other name; it is also a `ValueError`, or a `TypeError` if it is not a string.

    >>> policy = DTypePolicy("mixed_float16")
    >>> policy, policy.compute_dtype, policy.variable_dtype
    (<DTypePolicy "mixed_float16">, 'float16', 'float32')
    """

    quantization_mode: ClassVar[None] = None

    def __init__(self, name: str | None = None) -> None:
        policy: Any = default_policy() if name is None else name
        if not isinstance(policy, str):
            raise WrongTypeError(f"the name of a policy is a string, such as 'mixed_float16', got {policy!r}")
        if policy not in (*ALL_TYPES, "string"):
            raise ConfigError(f"unknown policy {policy!r}; {did_you_mean(policy, POLICIES)}")
        self.name: Any = policy

    @property
    def compute_dtype(self) -> str:
        """The dtype of layers' computations; one of 16 bits for a mixed policy."""
        return computed_in(self.name)

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights; float32 for a mixed policy."""
        return "float32" if self.name.startswith(MIXED) else self.name

    def for_layer(self, layer: Any) -> str:
        """The name of the policy for a layer: this one's."""
        return self.name

    def get_config(self) -> dict[str, Any]:
        """The argument of the constructor."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "DTypePolicy":
        """The inverse of `get_config`."""
        return cls(**config)

    @classmethod
    def from_spec(cls, spec: "Mapping[str, Any] | str | None") -> "DTypePolicy":
        """The policy for a name, or for Keras's dict of one."""
        inner = spec.get("config", spec) if isinstance(spec, Mapping) else spec
        return cls(inner.get("name") if isinstance(inner, Mapping) else inner)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and cast(DTypePolicy, other).name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'


def computed_in(name: str) -> str:
    """The dtype in which a layer of the policy `name` computes."""
    return name.removeprefix(MIXED)


def is_lowered(name: str) -> bool:
    """Whether a layer of the policy `name` computes with float32 numbers that are rounded to 16 bits."""
    return name in HALVES or name.startswith(MIXED)


def computed_type(dtype: "DTypePolicy | Mapping[str, Any] | str | None") -> str | None:
    """The dtype in which a loss or a metric computes that is given a dtype, a policy or its name; None for None."""
    if dtype is None:
        return None
    return (dtype if isinstance(dtype, DTypePolicy) else DTypePolicy.from_spec(dtype)).compute_dtype


def load_type(name: object, owner: str) -> None:
    """Load the type of a policy that NumPy has none for, bfloat16; `MissingLibraryError` if that is not installed."""
    if isinstance(name, str) and name.removeprefix(MIXED) == BFLOAT16:
        need_bfloat16(owner)


def default_policy() -> str:
    """Name of the policy of layers made without one: that of `set_dtype_policy`, else `floatx()`."""
    return _policy or _floatx


def default_for(layer: Any) -> str | None:
    """The name of the policy of a layer made without one: that of `set_dtype_policy` if it is of 16 bits, or a map.

    Else it is `floatx()` if that is of 16 bits.
    """
    if _by_layer is not None:
        return _by_layer.for_layer(layer)
    return _policy or (_floatx if _floatx in HALVES else None)


def dtype_policy() -> DTypePolicy:
    """The policy of layers made without one."""
    return DTypePolicy() if _by_layer is None else _by_layer


def set_dtype_policy(policy: str | DTypePolicy) -> None:
    """Set the policy of layers made without one from now on; a policy of one dtype also sets `floatx()`.

    A `DTypePolicyMap` gives each layer that of its name, and counts as its default for `floatx()`.

    Raises:
        ConfigError: no policy.
        MissingLibraryError: one of bfloat16, and ml_dtypes is not installed.
    """
    global _policy, _by_layer
    chosen = policy if isinstance(policy, DTypePolicy) else DTypePolicy(policy)
    name = chosen.name.removeprefix(MAP)
    load_type(name, "set_dtype_policy")
    if is_lowered(name):
        _policy = name
    else:
        set_floatx(name)
        _policy = None
    _by_layer = None if chosen.name == name else chosen


def image_data_format() -> DataFormat:
    """Position of the channels of images: `"channels_last"` unless `set_image_data_format` changed it."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set the `data_format` of layers made without one from now on: `"channels_last"` or `"channels_first"`.

    Capital letters count as small ones.

    Raises:
        ConfigError: any other name.
    """
    global _image_data_format
    lowered = str(data_format).lower()
    if lowered not in DATA_FORMATS:
        raise ConfigError(f"unknown data format {data_format!r}; {did_you_mean(data_format, DATA_FORMATS)}")
    _image_data_format = cast(DataFormat, lowered)


def backend() -> str:
    """The array library: `"numpy"`."""
    return "numpy"


def dense_limit() -> int:
    """The size in bytes up to which `todense()` of a Jacobian is allowed: 1 GiB unless `set_dense_limit` changed it."""
    return _dense_limit


def set_dense_limit(nbytes: int) -> None:
    """Allow dense Jacobians of up to `nbytes` bytes.

    Raises:
        ConfigError: not an integer >= 0.
    """
    global _dense_limit
    if not isinstance(nbytes, int) or isinstance(nbytes, bool) or nbytes < 0:
        raise ConfigError(f"the limit must be an integer number of bytes >= 0, got {nbytes!r}")
    _dense_limit = nbytes


def set_deterministic(enabled: bool = True) -> None:
    """Make the same program give the same bytes on every run, on this machine and with these library versions.

    The matrix library uses one thread, so that no sum depends on how many there are, and hot array functions are those
    of NumPy unless compiled ones were asked for: left alone, a long `fit` compiles them where a cache on the disk makes
    that worthwhile, and rounds otherwise. What is drawn without a seed is left alone; a seed decides it.
    docs/reproducibility.md lists what holds and what does not.

    Args:
        enabled: False leaves threads and kernels to each `fit` again.

    Raises:
        ConfigError: not a boolean; threadpoolctl, which sets the number of threads, is not installed.

    >>> set_deterministic()
    >>> is_deterministic()
    True
    >>> set_deterministic(False)
    """
    global _deterministic
    if not isinstance(enabled, bool):
        raise ConfigError(f"expected True or False, got {enabled!r}")
    set_threads(1 if enabled else None)
    if kernels.chosen() == ("auto" if enabled else "numpy") and enabled != _deterministic:
        kernels.use("numpy" if enabled else "auto")
    _deterministic = enabled


def is_deterministic() -> bool:
    """Whether `set_deterministic` is in force."""
    return _deterministic
