"""Random bits: decided by seed, purpose, place and step alone, and as good for neighbours as for strangers."""

import itertools
import zlib

import numpy as np

from nnlite import random
from nnlite.random import RandomSource

GRID = list(itertools.product(range(4), range(8), range(40)))  # seeds, places, steps


def test_bits_are_decided_by_seed_purpose_place_and_step():
    def draw(seed=1, step=2, place=3, purpose="dropout", count=40):
        return RandomSource(seed, step, place).bits(purpose, count)

    first = draw()
    assert first.dtype == np.uint16
    np.testing.assert_array_equal(first, draw())
    for count in range(9):
        np.testing.assert_array_equal(first[:count], draw(count=count))
    for other in ({"seed": 2}, {"step": 3}, {"place": 4}, {"purpose": "noise"}, {"step": 3, "place": 2}):
        assert (first != draw(**other)).mean() > 0.9


def test_first_bits_of_neighbours_are_independent():
    words = np.array([RandomSource(seed, step, place).bits("dropout", 16) for seed, place, step in GRID])
    drawn = np.unpackbits(words.view(np.uint8), axis=1).reshape(4, 8, 40, -1)
    bound = 6 / np.sqrt(len(GRID))
    assert abs(2 * drawn.reshape(len(GRID), -1).mean(axis=0) - 1).max() < bound
    for axis in range(3):
        differs = np.diff(drawn.astype(np.int8), axis=axis) != 0
        assert abs(2 * differs.reshape(-1, differs.shape[-1]).mean(axis=0) - 1).max() < 1.2 * bound


def test_bits_are_spread_evenly():
    drawn = RandomSource(0).bits("dropout", 2**20)
    counts = np.bincount(drawn >> 8, minlength=256)
    assert ((counts - 2**12) ** 2 / 2**12).sum() < 255 + 6 * np.sqrt(2 * 255)
    assert np.bincount(drawn & 255, minlength=256).std() < 2 * np.sqrt(2**12)


def test_the_state_of_a_generator_answers_as_a_variable():
    generator = random.SeedGenerator(7)
    first, second = random.normal((2,), seed=generator), random.normal((2,), seed=generator)
    assert generator.state.numpy().tolist() == [7, 2] and generator.state.name == "seed_generator_state"
    assert generator.state.dtype == "uint32" and random.SeedGenerator(2**32).state.dtype == "int64"
    assert random.SeedGenerator(7, name="own").state.path == "own/seed_generator_state"
    generator.state.assign([7, 1])
    np.testing.assert_array_equal(random.normal((2,), seed=generator), second)
    assert type(generator.next()) is np.ndarray and (first != second).all()


def test_counts_may_be_integers():
    counts = random.binomial((50,), 4, 0.5, dtype="int32", seed=1)
    assert counts.dtype == "int32" and set(counts.tolist()) <= {0, 1, 2, 3, 4}
    np.testing.assert_array_equal(counts, random.binomial((50,), 4, 0.5, seed=1))


def test_a_stream_is_philox_with_seed_and_purpose_as_its_key():
    key = np.array([7, zlib.crc32(b"shuffle")], np.uint64)
    expected = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 3, 2**40]))
    np.testing.assert_array_equal(random.stream(7, "shuffle", 3, 2**40).random(9), expected.random(9))
