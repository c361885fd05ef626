"""The defaults of new layers: floating-point type and order of axes; the largest dense Jacobian; determinism."""

from collections.abc import Mapping
from typing import Any, Literal, cast, get_args

from nnlite import kernels
from nnlite.errors import ConfigError, did_you_mean
from nnlite.threads import set_threads

FloatType = Literal["float32", "float64"]
FLOAT_TYPES = get_args(FloatType)
_floatx: FloatType = "float32"
_dense_limit = 2**30
_deterministic = False
DataFormat = Literal["channels_last", "channels_first"]
DATA_FORMATS = get_args(DataFormat)
_image_data_format: DataFormat = "channels_last"
_epsilon = 1e-7


def floatx() -> FloatType:
    """Name of the default dtype, `"float32"` unless `set_floatx` changed it."""
    return _floatx


def set_floatx(dtype: str) -> None:
    """Choose the dtype of layers built from now on: `"float32"` (fast) or `"float64"` (checks, small data).

    Raises:
        ConfigError: any other name.
    """
    global _floatx
    if dtype not in FLOAT_TYPES:
        raise ConfigError(f"unknown float type {dtype!r}; {did_you_mean(dtype, FLOAT_TYPES)}")
    _floatx = cast(FloatType, dtype)


class DTypePolicy:
    """The floating-point type of a layer, in the form in which Keras names it: computed and stored in one type.

    Args:
        name: `"float32"` or `"float64"`; None for `floatx()`.

    Attributes:
        name, compute_dtype, variable_dtype: that type.

    Raises:
        ConfigError: any other name, such as one of mixed precision, which nnlite does not have.

    >>> DTypePolicy("float64")
    DTypePolicy('float64')
    """

    def __init__(self, name: str | None = None) -> None:
        known = _floatx if name is None else name
        if known not in FLOAT_TYPES:
            raise ConfigError(
                f"there is no policy {known!r}: layers compute and keep weights in one type, float32 or float64"
            )
        self.name = self.compute_dtype = self.variable_dtype = cast(FloatType, known)

    def get_config(self) -> dict[str, str]:
        """The argument."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: Mapping[str, str]) -> "DTypePolicy":
        """The inverse of `get_config`."""
        return cls(**config)

    @classmethod
    def from_spec(cls, spec: "Mapping[str, Any] | str | None") -> "DTypePolicy":
        """The policy of a name or of Keras's dict of one; of mixed precision it is that of the weights, float32."""
        inner = spec.get("config", spec) if isinstance(spec, Mapping) else spec
        name = inner.get("name") if isinstance(inner, Mapping) else inner
        return cls("float32" if isinstance(name, str) and name.startswith("mixed_") else name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"DTypePolicy({self.name!r})"


def dtype_policy() -> DTypePolicy:
    """`floatx()` as a policy."""
    return DTypePolicy()


def set_dtype_policy(policy: str | DTypePolicy) -> None:
    """`set_floatx` for the type of a policy; `ConfigError` for one that nnlite does not have."""
    set_floatx(policy.name if isinstance(policy, DTypePolicy) else DTypePolicy(policy).name)


def image_data_format() -> DataFormat:
    """Position of the channels of images: `"channels_last"` unless `set_image_data_format` changed it."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Choose the `data_format` of layers made from now on without one: `"channels_last"` or `"channels_first"`.

    Raises:
        ConfigError: any other name.
    """
    global _image_data_format
    if data_format not in DATA_FORMATS:
        raise ConfigError(f"unknown data format {data_format!r}; {did_you_mean(data_format, DATA_FORMATS)}")
    _image_data_format = cast(DataFormat, data_format)


def epsilon() -> float:
    """A small number for users' formulas, such as in a denominator: 1e-7 unless `set_epsilon` changed it.

    nnlite's own formulas do without it.
    """
    return _epsilon


def set_epsilon(value: float) -> None:
    """Choose what `epsilon()` returns.

    Raises:
        ConfigError: not a number > 0.
    """
    global _epsilon
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not value > 0:
        raise ConfigError(f"epsilon must be a number > 0, got {value!r}")
    _epsilon = float(value)


def backend() -> str:
    """Library that arrays are made with: `"numpy"`."""
    return "numpy"


def dense_limit() -> int:
    """Bytes up to which `todense()` of a Jacobian is carried out, 1 GiB unless `set_dense_limit` changed it."""
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
    """Let the same program give the same bytes again, on this machine and with these versions of libraries.

    The matrix library uses one thread, so that no sum depends on how many there are, and hot array functions are those
    of NumPy unless compiled ones were asked for: left alone, a long `fit` compiles them where a cache on the disk makes
    that worthwhile, and rounds otherwise. What is drawn without a seed is left alone; a seed decides it. What holds and
    what does not is told in docs/reproducibility.md.

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
