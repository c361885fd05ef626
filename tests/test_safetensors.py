"""The `.safetensors` codec: the same bytes as the library's, which is the oracle, and no malformed file is read."""

import json
import math
import tracemalloc

import numpy as np
import pytest

from nnlite.errors import ModelFileError
from nnlite.saving.safetensors import DTYPES, decode, encode

SHAPES = [(), (0,), (3,), (2, 3), (0, 4), (4, 0, 2), (1,), (5, 1, 2), (7,)]
KINDS = [kind for kind in DTYPES.values() if kind != "bfloat16"]  # which the library's NumPy side does not read
NAMES = ["a", "Z", "ä", "é𝄞", "\uffff", "\U00010000", "weights/10.k", "weights/2.k", 'q"t\\', "\n\t\x01\x7f", "", " "]


def random_arrays(random) -> dict[str, np.ndarray]:
    """Up to ten arrays of random names, types and shapes."""
    arrays = {}
    for _ in range(random.integers(10)):
        array = random.integers(0, 100, SHAPES[random.integers(len(SHAPES))]).astype(random.choice(KINDS))
        name = NAMES[random.integers(len(NAMES))] + str(random.integers(12))
        arrays[name] = array
    return arrays


@pytest.mark.parametrize("seed", range(40))
def test_the_same_bytes_as_the_library_and_both_read_them(seed):
    library = pytest.importorskip("safetensors.numpy")
    random = np.random.default_rng(seed)
    arrays = random_arrays(random)
    metadata = [None, {"nnlite": 'é"\\\n\x1f' * int(random.integers(9))}][seed % 2]
    content = library.save(arrays, metadata)
    assert bytes(encode(arrays, metadata)) == content
    read_metadata, read = decode(content)
    assert read_metadata == (metadata or {}) and read.keys() == arrays.keys()
    for name, array in library.load(content).items():
        assert (read[name].dtype, read[name].shape) == (array.dtype, array.shape)
        assert read[name].tobytes() == array.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_each_type_alone(kind):
    arrays = {"x": np.arange(6).reshape(2, 3).astype(kind)}
    content = encode(arrays, {"a": "b"})
    np.testing.assert_array_equal(decode(content)[1]["x"], arrays["x"], strict=True)
    assert content == pytest.importorskip("safetensors.numpy").save(arrays, {"a": "b"})


def test_strided_and_big_endian_arrays_are_written_in_order():
    table = np.arange(12.0).reshape(3, 4)
    arrays = {"transposed": table.T, "strided": table[::2, ::-1], "big": np.arange(3, dtype=">i4")}
    for name, array in decode(encode(arrays))[1].items():
        np.testing.assert_array_equal(array, arrays[name])
        assert array.dtype.isnative and array.flags.c_contiguous and array.flags.writeable


@pytest.mark.parametrize("array", [np.array(["text"]), np.array([None]), np.zeros(2, "c16"), np.zeros(2, "M8[s]")])
def test_other_types_are_refused(array):
    with pytest.raises(ModelFileError, match=r"'x' holds .* which the format does not know"):
        encode({"x": array})


def file_of(header: object, data: int = 0) -> bytes:
    """A file with `header`, JSON or bytes as they are, and so many bytes of numbers."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(data)


def entry(dtype: object = "F32", shape: object = (2,), offsets: object = (0, 8)) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


MALFORMED = {
    "nothing": b"",
    "seven bytes": bytes(7),
    "a header longer than the file": (2**63).to_bytes(8, "little") + b"{}",
    "a header one byte too long": (3).to_bytes(8, "little") + b"{}",
    "an empty header": bytes(8),
    "no JSON": file_of(b"{"),
    "two objects": file_of(b"{}{}"),
    "no UTF-8": file_of(b'{"\xff": 1}'),
    "deep nesting": file_of(b"[" * 200_000),
    "a number of ten thousand digits": file_of(b"1" * 10_000),
    "a list": file_of([]),
    "metadata of numbers": file_of({"__metadata__": {"a": 1}}),
    "metadata as text": file_of({"__metadata__": "a"}),
    "an entry that is not an object": file_of({"x": 1}),
    "no dtype": file_of({"x": {"shape": [2], "data_offsets": [0, 8]}}, 8),
    "no shape": file_of({"x": {"dtype": "F32", "data_offsets": [0, 8]}}, 8),
    "no offsets": file_of({"x": {"dtype": "F32", "shape": [2]}}, 8),
    "an unknown type": file_of({"x": entry("O")}, 8),
    "a type that NumPy lacks": file_of({"x": entry("F8_E4M3", (8,))}, 8),
    "a type that is not text": file_of({"x": entry(["F32"])}, 8),
    "a shape that is not a list": file_of({"x": entry(shape=2)}, 8),
    "a negative length": file_of({"x": entry(shape=(-2,))}, 8),
    "two negative lengths": file_of({"x": entry(shape=(-2, -1))}, 8),
    "half a length": file_of({"x": entry(shape=(2.0,))}, 8),
    "a length that is true": file_of({"x": entry(shape=(True, 2))}, 8),
    "a length that is not a number": file_of(b'{"x":{"dtype":"F32","shape":[NaN],"data_offsets":[0,8]}}', 8),
    "three offsets": file_of({"x": entry(offsets=(0, 4, 8))}, 8),
    "negative offsets": file_of({"x": entry(offsets=(-8, 0))}, 8),
    "offsets the wrong way round": file_of({"x": entry(offsets=(8, 0))}, 8),
    "a shape that is too small": file_of({"x": entry(shape=(1,))}, 8),
    "a shape that is too large": file_of({"x": entry(shape=(3,))}, 8),
    "a shape beyond 64 bits": file_of({"x": entry(shape=(2**62, 2**62))}, 8),
    "an empty array with a huge axis": file_of({"x": entry(shape=(0, 2**70), offsets=(0, 0))}),
    "more axes than NumPy has": file_of({"x": entry(shape=(1,) * 100, offsets=(0, 4))}, 4),
    "numbers beyond the end": file_of({"x": entry()}, 7),
    "bytes after the last array": file_of({"x": entry()}, 9),
    "bytes before the first array": file_of({"x": entry(offsets=(4, 12))}, 12),
    "a gap": file_of({"x": entry(), "y": entry(offsets=(9, 17))}, 17),
    "an overlap": file_of({"x": entry(), "y": entry(offsets=(4, 12))}, 12),
    "an array within another": file_of({"x": entry(), "y": entry(shape=(0,), offsets=(4, 4))}, 8),
    "numbers without an array": file_of({}, 8),
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_malformed_files_are_refused(content):
    for kind in (bytes, bytearray):
        with pytest.raises(ModelFileError):
            decode(kind(content))


def test_a_file_that_promises_much_takes_no_memory():
    size = 2**40
    content = file_of({"x": entry(shape=(size // 4,), offsets=(0, size))}, 8)
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match=f"ends at byte {size}, but the next one, or the end, is at byte 8"):
            decode(content)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_no_change_of_one_byte_raises_anything_else():
    content = encode({"a": np.arange(3, dtype="f4"), "b": np.zeros((2, 0)), "c": np.array(1)}, {"k": "v"})
    for place in range(len(content)):
        for flip in (1, 2, 0x10, 0x80):
            damaged = bytearray(content)
            damaged[place] ^= flip
            try:
                arrays = decode(damaged)[1]
            except ModelFileError:
                continue
            assert sum(math.prod(array.shape) * array.itemsize for array in arrays.values()) == 20
    for length in range(len(content)):
        with pytest.raises(ModelFileError):
            decode(content[:length])
