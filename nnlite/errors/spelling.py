"""The nearest of many names to a mistyped one."""

import itertools
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

LETTERS_READ = 400  # of a name that may be long
NAMES_COMPARED = 2_000  # each takes time, and a file may hold a million

# What users of other libraries write, folded, and the name that it has here.
SYNONYMS = {
    "lr": "learning_rate",
    "momentumdecay": "momentum",
    "nodes": "units",
    "neurons": "units",
    "outfeatures": "units",
    "outchannels": "filters",
    "linear": "Dense",
    "fullyconnected": "Dense",
    "batchnorm": "BatchNormalization",
    "batchnorm1d": "BatchNormalization",
    "batchnorm2d": "BatchNormalization",
    "layernorm": "LayerNormalization",
    "crossentropy": "SparseCategoricalCrossentropy",
    "crossentropyloss": "SparseCategoricalCrossentropy",
    "bce": "BinaryCrossentropy",
    "bceloss": "BinaryCrossentropy",
}


def nearest(name: str, names: Iterable[str]) -> list[str]:
    """Candidates for a mistyped `name`: at most three, those with the smallest edit distance.

    Case, hyphens, underscores and spaces count only between names that are equally near without them.
    """
    folded, candidates = folded_name(name[:LETTERS_READ]), list(names)
    allowance = 1 + (len(folded) > 3) + (len(folded) > 9)
    if len(candidates) > NAMES_COMPARED:
        likely = (item for item in candidates if _may_be(folded, item, allowance))
        candidates = list(itertools.islice(likely, NAMES_COMPARED))
    edits = {item: edits_between(folded, folded_name(item), allowance) for item in candidates}
    fewest = min(edits.values(), default=allowance + 1)
    if fewest <= allowance:
        near = [item for item in candidates if edits[item] == fewest < max(len(folded), len(folded_name(item)))]
        raw = {item: edits_between(name, item) for item in near}
        if near:
            return sorted(item for item in near if raw[item] == min(raw.values()))[:3]
    if SYNONYMS.get(folded) in candidates:
        return [SYNONYMS[folded]]
    parts = [item for item in candidates if len(item) > 2 and folded_name(item) in folded]
    wholes = [item for item in candidates if len(folded) > 2 and folded in folded_name(item)]
    if parts or wholes:
        return [max(parts, key=len)] if parts else sorted(wholes, key=len)[:3]
    by_fold = {folded_name(item): item for item in candidates}
    return [by_fold[close] for close in get_close_matches(folded, by_fold, n=1)]


def by_nearness(name: str, names: Sequence[str]) -> list[str]:
    """The first `NAMES_COMPARED` of the names, the nearest ones first."""
    folded = folded_name(name[:LETTERS_READ])
    return sorted(names[:NAMES_COMPARED], key=lambda candidate: edits_between(folded, folded_name(candidate)))


def _may_be(folded: str, item: str, most: int) -> bool:
    """Whether a name may be as few edits away: by its length and its letters; an edit changes at most two."""
    other = folded_name(item)
    return abs(len(folded) - len(other)) <= most and len(set(folded) ^ set(other)) <= 2 * most


def folded_name(name: str) -> str:
    """A lowercase name without hyphens, underscores and spaces."""
    return "".join(letter for letter in name.lower() if letter not in "_- ")


def edits_between(first: str, second: str, most: int = 1_000) -> int:
    """Least number of letters to insert, delete, replace or swap with the next: the optimal string alignment distance.

    A number above `most` where lengths differ by more than that.
    """
    if abs(len(first) - len(second)) > most:
        return most + 1
    before, row = [0], list(range(len(second) + 1))
    for i, letter in enumerate(first):
        before, previous, row = row, before, [i + 1]
        for j, other in enumerate(second):
            row.append(min(before[j + 1] + 1, row[j] + 1, before[j] + (letter != other)))
            if i and j and letter == second[j - 1] and other == first[i - 1]:
                row[-1] = min(row[-1], previous[j - 1] + 1)
    return row[-1]
