"""Initializers under Keras's names of functions, and what reads and writes them."""

from nnlite.initializers.base import Constant, Initializer, Ones, Zeros
from nnlite.initializers.random import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)
from nnlite.initializers.structured import Identity, NguyenWidrow, STFTInitializer
from nnlite.registry import modules

__all__ = [
    "STFT",
    "IdentityInitializer",
    "OrthogonalInitializer",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "nguyen_widrow",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]

constant, identity, ones, zeros = Constant, Identity, Ones, Zeros
IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal
glorot_normal, glorot_uniform, he_normal, he_uniform = GlorotNormal, GlorotUniform, HeNormal, HeUniform
lecun_normal, lecun_uniform, nguyen_widrow, orthogonal = LecunNormal, LecunUniform, NguyenWidrow, Orthogonal
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
STFT = stft = STFTInitializer
variance_scaling = VarianceScaling
get, serialize, deserialize = modules.of_family(Initializer, {})
