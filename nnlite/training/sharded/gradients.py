"""Gradients of shards, and their sums in a fixed tree."""

from functools import partial
from typing import Any

import numpy as np

from nnlite.distributed import Team, tree_sum
from nnlite.jacobians import RowGradients
from nnlite.kernels import aligned_zeros
from nnlite.parameters import Parameter

__all__ = ["ShardGradients"]


class Room:
    """Memory for the gradients of one shard.

    Args:
        steps: the `Steps` of the model.
        first: whether it is the model's own, in which all sums end up.

    Attributes:
        plan: that of `Program.backward`.
        vectors: the gradients of each `Pack`.
        tables: those of each `RowPack`.
    """

    def __init__(self, steps: Any, first: bool) -> None:
        parameters: list[Parameter] = [parameter for pack in steps.store.packs for parameter in pack.parameters]
        dense = [pack for pack in steps.store.packs if not pack.parameters[0].sparse]
        self.tables: list[RowGradients] = [_table(parameter, first) for parameter in parameters if parameter.sparse]
        self.vectors = [
            pack.gradients if first else aligned_zeros(pack.values.size, pack.values.dtype) for pack in dense
        ]
        if first:
            self.plan = steps.layered.gradients
            return
        views: dict[int, Any] = {}
        for pack, vector in zip(dense, self.vectors, strict=True):
            for parameter, segment in zip(pack.parameters, pack.segments, strict=True):
                views[id(parameter)] = vector[segment].reshape(parameter.shape)
        views |= {id(p): table for p, table in zip((p for p in parameters if p.sparse), self.tables, strict=True)}
        into = [views.get(id(parameter)) for parameter in steps.parameters]
        self.plan = steps.chain.plan([view is not None for view in into], into)

    def add(self, other: "Room") -> None:
        """Add the gradients of another shard, or of several."""
        for vector, more in zip(self.vectors, other.vectors, strict=True):
            np.add(vector, more, out=vector)
        for table, more in zip(self.tables, other.tables, strict=True):
            _add_rows(table, more.rows, more.values)


class ShardGradients:
    """Gradients of the shards of one process, in turn or all at once; the sums are stored in the model.

    Args:
        steps: the `Steps` of the model.
        team: all processes.
    """

    def __init__(self, steps: Any, team: Team) -> None:
        self.steps, self.team = steps, team
        self.rooms = [Room(steps, True)]

    def room(self, room_number: int) -> Room:
        """A room by its index."""
        while len(self.rooms) <= room_number:
            self.rooms.append(Room(self.steps, False))
        return self.rooms[room_number]

    def room_of(self, shard: int) -> int:
        """The workspace of a shard, if shards are computed in turn and `join` follows each.

        The sums that wait for their neighbor lie in the rooms before it: as many as `shard` has ones in binary.
        """
        return shard.bit_count()

    def join(self, shard: int) -> None:
        """Add up, after this shard, all pairs that are complete: the tree of `tree_sum`, in few rooms."""
        room_number = shard.bit_count()
        while shard & 1:
            self.room(room_number - 1).add(self.room(room_number))
            shard, room_number = shard >> 1, room_number - 1

    def join_all(self, shards: int) -> None:
        """Add up this many rooms."""
        rooms = [self.room(room_number) for room_number in range(shards)]
        for vectors in zip(*(room.vectors for room in rooms), strict=True):
            tree_sum(vectors)
        while rooms[0].tables and len(rooms) > 1:
            for left, right in zip(rooms[::2], rooms[1::2], strict=True):
                for table, more in zip(left.tables, right.tables, strict=True):
                    _add_rows(table, more.rows, more.values)
            rooms = rooms[::2]

    def share(self) -> None:
        """Add the sums of all other processes, in the same tree."""
        for vector in self.rooms[0].vectors:
            self.team.add_up(vector)
        for table in self.rooms[0].tables:
            self.team.add_pairs((table.rows, table.values), partial(_add_pair, table))


def _table(parameter: Parameter, first: bool) -> RowGradients:
    table: Any = parameter.gradient if first else RowGradients(parameter.shape, parameter.value.dtype)
    return table


def _add_pair(table: RowGradients, other: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Add rows and values, and return those of the sums."""
    _add_rows(table, *other)
    return table.rows, table.values


def _add_rows(table: RowGradients, rows: np.ndarray, values: np.ndarray) -> None:
    """Add the gradients of some rows."""
    union = np.union1d(table.rows, rows)
    sums = np.zeros((len(union), *table.shape[1:]), table.values.dtype)
    sums[np.searchsorted(union, table.rows)] = table.values
    sums[np.searchsorted(union, rows)] += values
    table.set(union, sums)
