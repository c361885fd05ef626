"""Nested structures, by the functions of `keras.tree`."""

import collections

import pytest

import nnlite
from nnlite import tree
from nnlite.errors import ConfigError, WrongTypeError

NESTED = {"b": [1, 2], "a": (3, {"y": None, "z": 4})}
Point = collections.namedtuple("Point", "x y")


def test_flat_and_back():
    assert nnlite.tree is tree
    assert tree.flatten(NESTED) == [3, None, 4, 1, 2]
    assert tree.flatten_with_path(NESTED)[2:4] == [(("a", 1, "z"), 4), (("b", 0), 1)]
    assert tree.pack_sequence_as(NESTED, [30, 0, 40, 10, 20]) == {"b": [10, 20], "a": (30, {"y": 0, "z": 40})}
    assert tree.flatten(5) == [5] and tree.pack_sequence_as(1, [5]) == 5
    assert tree.flatten(collections.OrderedDict([("b", 1), ("a", 2)])) == [1, 2]
    assert tree.flatten({1: "x", "a": "y"}) == ["x", "y"]
    assert [tree.is_nested(one) for one in ([], (), {}, None, "ab")] == [True, True, True, False, False]


def test_maps():
    assert tree.map_structure(lambda x: str(x), NESTED) == {"b": ["1", "2"], "a": ("3", {"y": "None", "z": "4"})}
    assert tree.map_structure(lambda x, y: x * y, [1, (2,)], [3, (4,)]) == [3, (8,)]
    assert tree.map_structure(lambda x: x + 1, [1, None], none_is_leaf=False) == [2, None]
    assert tree.map_structure(lambda x: x + 1, Point(1, [2])) == Point(2, [3])
    counts = tree.map_structure(lambda x: x + 1, collections.defaultdict(int, {"q": 1}))
    assert counts == {"q": 2} and counts["new"] == 0
    assert tree.map_structure_up_to([1, {"k": 2}], lambda a, b: (a, b), [[1], {"k": 2}], [3, {"k": [4]}]) == [
        ([1], 3),
        {"k": (2, [4])},
    ]
    assert tree.map_shape_structure(len, {"a": (1, 2), "b": [(3,), (None, 4)]}) == {"a": 2, "b": [1, 2]}
    assert tree.lists_to_tuples([1, [2, {"a": [3]}]]) == (1, (2, {"a": (3,)}))


def test_traversal():
    def to_sorted(part):
        return sorted(part) if isinstance(part, list) else None

    def tenfold(part):
        if part == 1:
            return tree.MAP_TO_NONE
        return part * 10 if isinstance(part, int) else None

    assert tree.traverse(to_sorted, (3, [2, 1])) == (3, [1, 2])
    assert tree.traverse(tenfold, [1, [2]], top_down=False) == [None, [20]]
    assert tree.traverse(lambda part: tree.MAP_TO_NONE if part == [2] else None, [1, [2]]) == [1, None]


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: tree.assert_same_structure([1, 2], (1, 2)), ConfigError, "list and tuple"),
        (lambda: tree.assert_same_structure([1, 2], [1]), ConfigError, "2 and 1"),
        (lambda: tree.assert_same_structure({"a": 1}, {"b": 1}), ConfigError, "keys"),
        (lambda: tree.assert_same_structure({"a": 1}, {"a": [1]}), ConfigError, "a: structures differ"),
        (lambda: tree.assert_same_paths([1, 2], [1]), ConfigError, "paths differ"),
        (lambda: tree.map_structure(lambda x, y: x, [1], [1, 2]), ConfigError, "1 and 2"),
        (lambda: tree.map_structure(lambda: 0), ConfigError, "at least one"),
        (lambda: tree.map_structure(3, [1]), WrongTypeError, "a function"),
        (lambda: tree.map_structure_up_to([1], len), ConfigError, "at least one"),
        (lambda: tree.map_structure_up_to([1, 2], len, [1]), ConfigError, "does not begin"),
        (lambda: tree.map_shape_structure(3, (1,)), WrongTypeError, "a function"),
        (lambda: tree.map_shape_structure(len, "ab"), ConfigError, "neither a shape"),
        (lambda: tree.pack_sequence_as([1, 2], [1]), ConfigError, "2 values, got 1"),
        (lambda: tree.pack_sequence_as([1, 2], 1), WrongTypeError, "a list or a tuple"),
    ],
)
def test_errors(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_what_is_alike():
    tree.assert_same_structure(NESTED, tree.map_structure(str, NESTED))
    tree.assert_same_paths([1, [2]], (3, (4,)))


def test_dicts_of_any_make_have_one_structure():
    tree.assert_same_structure({"a": 1, "b": [2]}, collections.OrderedDict(b=[3], a=4))
    with pytest.raises(ConfigError, match="keys"):
        tree.assert_same_structure({"a": 1}, collections.OrderedDict(b=1))


def test_values_of_dicts_in_another_order_meet_by_key():
    structure, other = {"a": 1, "b": [2, 3]}, collections.OrderedDict(b=[20, 30], a=10)
    assert tree.map_structure(lambda x, y: y - x, structure, other) == {"a": 9, "b": [18, 27]}
    assert tree.map_structure_up_to({"a": 0, "b": 0}, lambda x, y: [x, y], structure, other) == {
        "a": [1, 10],
        "b": [[2, 3], [20, 30]],
    }
