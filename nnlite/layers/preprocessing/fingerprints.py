"""Hashes of strings in 64 bits, those of TensorFlow: for bins that are the same in Keras's files."""

from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["farm_hash", "hash_of_several", "sip_hash"]

K0, K1, K2 = (np.uint64(number) for number in (0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F))
CROSSED = np.uint64(0xC6A4A7935BD1E995)
FIRST_KEY = np.uint64(0xDECAFCAFFE)  # of TensorFlow's crossed columns
SIP_WORDS = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
Pair = tuple[np.ndarray, np.ndarray]


def farm_hash(texts: Sequence[str]) -> np.ndarray:
    """FarmHash Fingerprint64 of the UTF-8 bytes of each string, uint64, shape `(len(texts),)`.

    Reference: Pike & Alakuijala 2014, "FarmHash", https://github.com/google/farmhash.
    """
    return _by_length(texts, _farm)


def sip_hash(texts: Sequence[str], key: tuple[int, int]) -> np.ndarray:
    """SipHash-2-4 of the UTF-8 bytes of each string, uint64, shape `(len(texts),)`.

    Args:
        texts: the strings.
        key: two integers in [0, 2**64).

    Reference: Aumasson & Bernstein 2012, "SipHash: a fast short-input PRF".
    """
    return _by_length(texts, lambda content: _sip(content, key))


def hash_of_several(numbers: np.ndarray) -> np.ndarray:
    """One number for each row of uint64 numbers, `(rows, columns) -> (rows,)`, that depends on their order."""
    total = np.full(len(numbers), FIRST_KEY)
    for column in numbers.T:
        total = (total ^ CROSSED) ^ _mixed(column * CROSSED) * CROSSED
        total = _mixed(_mixed(total * CROSSED) * CROSSED)
    return total


def _by_length(texts: Sequence[str], hashed: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The hashes of strings, those of one length in bytes at a time."""
    contents = [text.encode() for text in texts]
    lengths = np.array([len(content) for content in contents], int)
    hashes = np.empty(len(contents), np.uint64)
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        joined = b"".join(contents[row] for row in rows)
        hashes[rows] = hashed(np.frombuffer(joined, np.uint8).reshape(len(rows), length))
    return hashes


def _word(content: np.ndarray, start: int, size: int = 8) -> np.ndarray:
    """The bytes from `start` on, from the end if it is negative, as one number, the lowest byte first."""
    start %= content.shape[1]
    part = np.ascontiguousarray(content[:, start : start + size])
    return part.view(f"<u{size}")[:, 0].astype(np.uint64)


def _rotated(number: np.ndarray, bits: int) -> np.ndarray:
    """The bits moved to the right in a circle."""
    return (number >> np.uint64(bits)) | (number << np.uint64(64 - bits))


def _mixed(number: np.ndarray) -> np.ndarray:
    return number ^ (number >> np.uint64(47))


def _pair_hash(first: np.ndarray, second: np.ndarray, factor: np.ndarray | np.uint64) -> np.ndarray:
    joined = _mixed((first ^ second) * factor)
    return _mixed((second ^ joined) * factor) * factor


def _farm(content: np.ndarray) -> np.ndarray:
    length = content.shape[1]
    if length > 64:
        return _farm_of_long(content)
    factor = K2 + np.uint64(2 * length)
    if length > 32:
        return _farm_to_64(content, factor)
    if length > 16:
        a, b = _word(content, 0) * K1, _word(content, 8)
        c, d = _word(content, -8) * factor, _word(content, -16) * K2
        return _pair_hash(_rotated(a + b, 43) + _rotated(c, 30) + d, a + _rotated(b + K2, 18) + c, factor)
    if length >= 8:
        a, b = _word(content, 0) + K2, _word(content, -8)
        return _pair_hash(_rotated(b, 37) * factor + a, (_rotated(a, 25) + b) * factor, factor)
    if length >= 4:
        first = np.uint64(length) + (_word(content, 0, 4) << np.uint64(3))
        return _pair_hash(first, _word(content, -4, 4), factor)
    if length:
        a, b, c = (content[:, index].astype(np.uint64) for index in (0, length >> 1, length - 1))
        y, z = a + (b << np.uint64(8)), np.uint64(length) + (c << np.uint64(2))
        return _mixed(y * K2 ^ z * K0) * K2
    return np.full(len(content), K2)


def _farm_to_64(content: np.ndarray, factor: np.uint64) -> np.ndarray:
    a, b = _word(content, 0) * K2, _word(content, 8)
    c, d = _word(content, -8) * factor, _word(content, -16) * K2
    y = _rotated(a + b, 43) + _rotated(c, 30) + d
    z = _pair_hash(y, a + _rotated(b + K2, 18) + c, factor)
    e, f = _word(content, 16) * factor, _word(content, 24)
    g, h = (y + _word(content, -32)) * factor, (z + _word(content, -24)) * factor
    return _pair_hash(_rotated(e + f, 43) + _rotated(g, 30) + h, e + _rotated(f + a, 18) + g, factor)


def _weak(content: np.ndarray, start: int, a: np.ndarray, b: np.ndarray) -> Pair:
    """A hash of 32 bytes in two numbers, from two seeds."""
    first, second, third, last = (_word(content, start + offset) for offset in (0, 8, 16, 24))
    a = a + first
    b = _rotated(b + a + last, 21)
    total = a + second + third
    return total + last, b + _rotated(total, 44) + a


def _farm_of_long(content: np.ndarray) -> np.ndarray:
    count, length = content.shape
    x, zero = np.full(count, np.uint64(81)), np.zeros(count, np.uint64)
    y = x * K1 + np.uint64(113)
    z = _mixed(y * K2 + np.uint64(113)) * K2
    x = x * K2 + _word(content, 0)
    v: Pair = (zero, zero)
    w: Pair = (zero, zero)
    for start in range(0, (length - 1) // 64 * 64, 64):
        x, y, z, v, w = _round(content, start, (x, y, z, v, w), K1, np.uint64(1))
    factor = K1 + ((z & np.uint64(255)) << np.uint64(1))
    w = (w[0] + np.uint64((length - 1) % 64), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x, y, z, v, w = _round(content, length - 64, (x, y, z, v, w), factor, np.uint64(9))
    first = _pair_hash(v[0], w[0], factor) + _mixed(y) * K0 + z
    return _pair_hash(first, _pair_hash(v[1], w[1], factor) + x, factor)


def _round(content: np.ndarray, start: int, state: tuple, factor: np.ndarray | np.uint64, weight: np.uint64) -> tuple:
    """The state after 64 bytes more."""
    x, y, z, v, w = state
    x = _rotated(x + y + v[0] + _word(content, start + 8), 37) * factor
    y = _rotated(y + v[1] + _word(content, start + 48), 42) * factor
    x = x ^ w[1] * weight
    y = y + v[0] * weight + _word(content, start + 40)
    z = _rotated(z + w[0], 33) * factor
    v = _weak(content, start, v[1] * factor, x + w[0])
    w = _weak(content, start + 32, z + w[1], y + _word(content, start + 16))
    return z, y, x, v, w


def _sip(content: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    count, length = content.shape
    padded = np.zeros((count, length // 8 * 8 + 8), np.uint8)
    padded[:, :length], padded[:, -1] = content, length % 256
    state: list[np.ndarray] = [np.full(count, np.uint64(word ^ key[i % 2])) for i, word in enumerate(SIP_WORDS)]
    for start in range(0, padded.shape[1], 8):
        word = _word(padded, start)
        state[3] = state[3] ^ word
        state = _sip_rounds(state, 2)
        state[0] = state[0] ^ word
    state[2] = state[2] ^ np.uint64(255)
    a, b, c, d = _sip_rounds(state, 4)
    return a ^ b ^ c ^ d


def _sip_rounds(state: list[np.ndarray], rounds: int) -> list[np.ndarray]:
    a, b, c, d = state
    for _ in range(rounds):
        a, c = a + b, c + d
        b, d = _rotated(b, 51) ^ a, _rotated(d, 48) ^ c
        a, c = _rotated(a, 32) + d, c + b
        d, b = _rotated(d, 43) ^ a, _rotated(b, 47) ^ c
        c = _rotated(c, 32)
    return [a, b, c, d]
