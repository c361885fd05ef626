"""Files of Keras as accidents and adversaries change them; a seed decides everything."""

import io
import random
import zipfile
from typing import Any

import h5py
import numpy as np
from model_file_mutations import DTYPES, changed_json
from mutations import mutated

WEIGHTS, EXTRA = "model.weights.h5", "nnlite.safetensors"


def entries_of(content: bytes) -> dict[str, bytes]:
    """Name -> bytes of each entry of an archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive_of(entries: dict[str, bytes], packed: bool = False) -> bytes:
    """An archive of these entries, with the checksums that belong to them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def repacked(content: bytes, chance: random.Random) -> bytes:
    """A file of which one to three parts are changed, and whose checksums are right."""
    entries = entries_of(content)
    if chance.randrange(2):
        entries.pop(EXTRA, None)  # so that it is read as Keras wrote it
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        kind = chance.randrange(10)
        if kind < 5:
            entries["config.json"] = changed_json(entries["config.json"].decode("utf-8", "replace"), chance).encode()
        elif kind < 8:
            entries[WEIGHTS] = changed_weights(entries[WEIGHTS], chance)
        else:
            name = chance.choice(sorted(entries))
            entries[name] = mutated(entries[name], chance)
    return archive_of(entries, chance.randrange(4) == 0)


def changed_weights(content: bytes, chance: random.Random) -> bytes:
    """An HDF5 file with one data set changed, moved, linked or left out; the file itself where it is none."""
    held = io.BytesIO(content)
    try:
        with h5py.File(held, "r+") as file:
            places: list[str] = []
            file.visititems(lambda name, item: places.append(name) if isinstance(item, h5py.Dataset) else None)
            if places:
                _change(file, chance.choice(places), chance)
    except Exception:
        return content
    return held.getvalue()


def _change(file: Any, place: str, chance: random.Random) -> None:
    array, kind = file[place][()], chance.randrange(9)
    if kind == 7:
        file["again"] = file[place]
        return
    if kind == 8:
        file[f"{place}x"] = chance.choice((file["/"], h5py.SoftLink("/"), h5py.ExternalLink("/etc/passwd", "x")))
        return
    del file[place]
    with np.errstate(all="ignore"):
        made = {
            0: lambda: None,
            1: lambda: file.create_dataset(f"{place}0", data=array),
            2: lambda: file.create_dataset(place, data=array.astype(chance.choice(DTYPES))),
            3: lambda: file.create_dataset(place, data=array.reshape(-1)[: chance.randrange(array.size + 1)]),
            4: lambda: file.create_dataset(place, data=np.full_like(array, chance.choice((0, 1)))),
            5: lambda: file.create_dataset(
                place, shape=chance.choice(((10**9,), (2**40,), (10**5, 10**5))), chunks=True
            ),
            6: lambda: file.create_dataset(place, data=chance.choice(("text", b"bytes", [b"a", b"b"]))),
        }
    made[kind]()
