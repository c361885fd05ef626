"""Model files as accidents and adversaries change them; a seed decides everything."""

import copy
import hashlib
import json
import random
from typing import Any

import numpy as np
from mutations import mutated

from nnlite.saving import safetensors
from nnlite.saving.model_files import CHECKSUM

# What takes the place of a value of a header.
VALUES = [None, True, False, 0, -1, 1, 2, 3, 7, 255, 10**5, 10**9, 2**31, 2**63, 10**30, -(10**30), 0.5, 1e-300, 1e308,
          "", "nan", "inf", "3", "relu", "float64", "Dense", "x" * 3000, "{0.__class__}", "\0", "../../x", "café",
          [], {}, [[]], [None], [0], [1] * 500, {"Dense": {}}, {"Dense": {"units": 10**8}}, {"Sequential": {}},
          {"Sequential": {"layers": []}}, {"": None}, {"class_name": "Dense", "config": {"units": 2}},
          [["a"]], [1e308, 1e308], {"Lambda": {"function": "print"}}]  # fmt: skip
DTYPES = ["f2", "f4", "f8", "i1", "u1", "i4", "i8", "u8", "?", "c8"]


def resealed(content: bytes, chance: random.Random) -> bytes:
    """A file whose parts are changed, and whose checksum is right."""
    metadata, arrays = safetensors.decode(bytearray(content))
    text, arrays = metadata["nnlite"][64:], {name: array.copy() for name, array in arrays.items()}
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        kind = chance.randrange(10)
        if kind < 6:
            text = changed_json(text, chance)
        elif kind < 9:
            arrays = _changed_arrays(arrays, chance)
        else:
            text = _changed_text(text, chance)
    file = safetensors.encode(arrays, {"nnlite": "0" * 64 + text})
    if chance.randrange(10) == 0:
        file = bytearray(mutated(bytes(file), chance))
    return sealed(file)


def sealed(content: bytes | bytearray) -> bytes:
    """The content with the checksum that belongs to it."""
    file = bytearray(content)
    file[CHECKSUM] = b"0" * 64
    file[CHECKSUM] = hashlib.sha256(file).hexdigest().encode()
    return bytes(file)


def file_of(header: dict[str, Any] | str, arrays: dict[str, np.ndarray]) -> bytes:
    """A file with any header, also one that `saving.write` would refuse."""
    text = header if isinstance(header, str) else json.dumps({"format": 1, **header})
    return sealed(safetensors.encode(arrays, {"nnlite": "0" * 64 + text}))


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """The paths to all values inside a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in inner for found in ((*path, key), *places(item, (*path, key)))]


def changed_json(text: str, chance: random.Random) -> str:
    """JSON with one value changed, moved, renamed, repeated or left out; the text itself where it is no JSON."""
    try:
        header = json.loads(text)
    except ValueError:
        return text
    spots = places(header) if isinstance(header, (dict, list)) else []
    if not spots:
        return text
    *way, last = chance.choice(spots)
    outer: Any = header
    for key in way:
        outer = outer[key]
    kind = chance.randrange(6)
    if kind == 0:
        del outer[last]
    elif kind == 1:
        other: Any = header
        for key in chance.choice(spots):
            other = other[key]
        outer[last] = copy.deepcopy(other)
    elif kind == 2 and isinstance(outer, dict):
        outer[chance.choice(("units", "layers", "x", "", "axis", str(last) + "s"))] = outer.pop(last)
    elif kind == 3 and isinstance(outer, list):
        outer.insert(last, copy.deepcopy(outer[last]))
    else:
        outer[last] = copy.deepcopy(chance.choice(VALUES))
    return json.dumps(header)


def _changed_text(text: str, chance: random.Random) -> str:
    start = chance.randrange(len(text) + 1)
    pieces = ('"', ",", "{", "}", "[" * 400, "]", ":", "1e999", "NaN", "-", "9" * 600, '"format": 1,', "\\u0000")
    pieces = (*pieces, "\ud7ff")
    return text[:start] + chance.choice(pieces) + text[start + chance.choice((0, 0, 1, 5)) :]


def _changed_arrays(arrays: dict[str, np.ndarray], chance: random.Random) -> dict[str, np.ndarray]:
    if not arrays:
        return {"weights/0.kernel": np.zeros(3, "f4")}
    name = chance.choice(sorted(arrays))
    others, array = {key: value for key, value in arrays.items() if key != name}, arrays[name]
    kind = chance.randrange(7)
    if kind == 0:
        return others
    if kind == 1:
        other = chance.choice(("weights/99.x", "optimizer/9999999/momentum", "optimizer/x", "a/b", "", "training/0"))
        return {**others, other: array}
    if kind == 2:
        with np.errstate(all="ignore"):
            return {**arrays, name: array.astype(chance.choice(DTYPES))}
    if kind == 3:
        return {**arrays, name: array.reshape(-1)[: chance.randrange(array.size + 1)]}
    if kind == 4:
        return {**arrays, name: array[None]}
    if kind == 5:
        return {**arrays, name: np.full_like(array, chance.choice((0, 1)))}
    return {**arrays, f"{name}{chance.choice(('x', '/y', '0'))}": array}
