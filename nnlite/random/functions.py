"""Random numbers under the names and arguments of `keras.random`, from explicit seeds."""

from typing import Any, ClassVar

import numpy as np

from nnlite.arrays.types import ArrayLike, Shape, dtype_of, is_floating
from nnlite.config import floatx
from nnlite.errors import ConfigError, DataError
from nnlite.random.streams import fresh_seed, seeds_are_kept, stream, truncated_standard_normal

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]


class SeedState(np.ndarray):
    """The two integers of a `SeedGenerator`, with the attributes and methods of Keras's variable."""

    name: ClassVar[str] = "seed_generator_state"
    trainable: ClassVar[bool] = False
    path: str = "seed_generator/seed_generator_state"

    @property
    def value(self) -> np.ndarray:
        """The array."""
        return self.view(np.ndarray)

    def numpy(self) -> np.ndarray:
        """A copy of the array."""
        return np.array(self)

    def assign(self, value: ArrayLike) -> "SeedState":
        """Replace the seed, and the number of its uses."""
        self[...] = value
        return self


class SeedGenerator:
    """A seed that advances with each use, so that each call of a random function draws different numbers.

    Args:
        seed: where it begins, an integer below 2**63 in size; drawn when None, from `nnlite.utils.set_random_seed` if
            that has been called. A negative one counts from 2**63.
        name: without a slash.

    Raises:
        ConfigError: another `seed`, or name.

    Attributes:
        state: two integers, the seed and how often it has been used, `(2,)`; `state.assign` sets them. They are of
            uint32, as in Keras, or of int64 where a seed needs it.

    >>> from nnlite import random
    >>> seeds = random.SeedGenerator(7)
    >>> first, second = random.uniform((2,), seed=seeds), random.uniform((2,), seed=seeds)
    >>> bool((first != second).all()), bool((first == random.uniform((2,), seed=7)).all())
    (True, True)
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        self.seed = fresh_seed() if seed is None else _checked(seed)
        self.name = "seed_generator" if name is None else name
        if not isinstance(self.name, str) or "/" in self.name:
            raise ConfigError(f"the name of a SeedGenerator is a string without '/', got {name!r}")
        self._given = seed
        self.state = np.array([self.seed, 0], np.uint32 if self.seed < 2**32 else np.int64).view(SeedState)
        self.state.path = f"{self.name}/{self.state.name}"

    def next(self, ordered: bool = True) -> np.ndarray:
        """A copy of the state, which then advances. `ordered` is accepted for compatibility with Keras."""
        state = self.state.numpy()
        self.state[1] += not seeds_are_kept()
        return state

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor; a random seed is drawn again."""
        return {"seed": self._given, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SeedGenerator":
        """The generator of `get_config`, in its initial state."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"SeedGenerator(seed={self.seed})"


Seed = int | SeedGenerator | None


def _checked(seed: object) -> int:
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or not -(2**63) <= seed < 2**63:
        raise ConfigError(f"seed must be an integer of up to 63 bits, a SeedGenerator or None, got {seed!r}")
    return int(seed) % 2**63


def _generator(seed: Seed) -> np.random.Generator:
    """An integer gives the same numbers at every call; None, other ones each time."""
    if isinstance(seed, SeedGenerator):
        start, use = map(int, seed.next())
        return stream(start, "random", use)
    return stream(fresh_seed() if seed is None else _checked(seed), "random")


def _float(values: Any, dtype: str | None) -> np.ndarray:
    name = dtype_of(dtype or floatx())
    if not is_floating(name):
        raise ConfigError(f"dtype must be a floating-point type, got {dtype!r}")
    return np.asarray(values, name)


def normal(
    shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: str | None = None, seed: Seed = None
) -> np.ndarray:
    """Normally distributed numbers.

    Args:
        shape: of the result.
        mean, stddev: of the distribution.
        dtype: floating-point; `nnlite.config.floatx()` when None.
        seed: an integer, which gives the same numbers at every call; a `SeedGenerator`, which advances; or None.
    """
    return _float(mean + stddev * _generator(seed).standard_normal(shape), dtype)


def truncated_normal(
    shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: str | None = None, seed: Seed = None
) -> np.ndarray:
    """Normally distributed numbers, with those further than 2 `stddev` from `mean` redrawn. See `normal`."""
    return _float(mean + stddev * truncated_standard_normal(tuple(shape), _generator(seed)), dtype)


def uniform(
    shape: Shape, minval: float = 0.0, maxval: float = 1.0, dtype: str | None = None, seed: Seed = None
) -> np.ndarray:
    """Uniformly distributed numbers in [minval, maxval). See `normal`.

    Raises:
        ConfigError: `dtype` is not a type of floating-point numbers: `randint` gives integers.
    """
    if not is_floating(dtype_of(dtype or floatx())):
        raise ConfigError(f"dtype must be a floating-point type, got {dtype!r}; randint gives integers")
    return _float(_generator(seed).uniform(minval, maxval, shape), dtype)


def randint(shape: Shape, minval: float, maxval: float, dtype: str = "int32", seed: Seed = None) -> np.ndarray:
    """Uniformly distributed integers in [minval, maxval). See `normal`.

    Raises:
        ConfigError: `dtype` is not an integer type.
    """
    if dtype_of(dtype).kind not in "iu":
        raise ConfigError(f"dtype must be an integer type, got {dtype!r}")
    return _generator(seed).integers(int(minval), int(maxval), shape).astype(dtype)


def beta(shape: Shape, alpha: ArrayLike, beta: ArrayLike, dtype: str | None = None, seed: Seed = None) -> np.ndarray:
    """Numbers from the beta distribution, in [0, 1]; `alpha` and `beta`, > 0, may be arrays."""
    return _float(_generator(seed).beta(np.asarray(alpha), np.asarray(beta), shape), dtype)


def _typed(values: np.ndarray, dtype: str | None) -> np.ndarray:
    """Numbers in any type, integers too."""
    return np.asarray(values).astype(dtype_of(dtype or floatx()))


def gamma(shape: Shape, alpha: ArrayLike, dtype: str | None = None, seed: Seed = None) -> np.ndarray:
    """Numbers from the gamma distribution with scale 1 and shape `alpha`, > 0, which may be an array."""
    return _typed(_generator(seed).standard_gamma(np.asarray(alpha), shape), dtype)


def binomial(
    shape: Shape, counts: ArrayLike, probabilities: ArrayLike, dtype: str | None = None, seed: Seed = None
) -> np.ndarray:
    """Draw the number of successes among `counts` trials, with given probabilities; both may be arrays."""
    trials = np.asarray(counts).astype(np.int64)
    return _typed(_generator(seed).binomial(trials, np.asarray(probabilities), shape), dtype)


def categorical(logits: ArrayLike, num_samples: int, dtype: str = "int32", seed: Seed = None) -> np.ndarray:
    """Classes drawn with probabilities softmax(logits).

    Shape: `(batch, classes) -> (batch, num_samples)`.

    Raises:
        DataError: `logits` is not two-dimensional.
    """
    values = np.asarray(logits, np.float64)
    if values.ndim != 2:
        raise DataError(f"logits must be (batch, classes), got the shape {values.shape}")
    noise = _generator(seed).gumbel(size=(len(values), num_samples, values.shape[1]))
    return (values[:, None] + noise).argmax(axis=-1).astype(dtype_of(dtype))


def dropout(inputs: Any, rate: float, noise_shape: Shape | None = None, seed: Seed = None) -> Any:
    """`inputs` with each entry set to 0 with probability `rate`, and the others divided by 1 - rate.

    Args:
        inputs: an array, or a value inside `call`, through which the derivative goes.
        rate: in [0, 1).
        noise_shape: the shape of the pattern, which is repeated along axes of length 1; that of `inputs` when None.
        seed: see `normal`.

    Raises:
        ConfigError: `rate` out of range.
    """
    if not 0 <= rate < 1:
        raise ConfigError(f"rate must be in [0, 1), got {rate!r}")
    array = np.asarray(inputs) if isinstance(inputs, (list, tuple, int, float)) else inputs
    lengths = array.shape if noise_shape is None else noise_shape
    shape = tuple(size if length is None else length for size, length in zip(array.shape, lengths, strict=True))
    keep = (_generator(seed).random(shape) >= rate) / (1 - rate)
    return array * keep.astype(array.dtype if is_floating(np.dtype(array.dtype)) else floatx())


def shuffle(x: ArrayLike, axis: int = 0, seed: Seed = None) -> np.ndarray:
    """A copy of `x` with its slices along `axis` in a random order."""
    return _generator(seed).permutation(np.asarray(x), axis=axis)
