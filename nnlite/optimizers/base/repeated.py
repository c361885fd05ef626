"""Updates of the same parameters, again and again."""

from collections.abc import Callable, Sequence
from functools import partial
from operator import is_
from typing import TYPE_CHECKING, Any

from nnlite import kernels
from nnlite.kernels.reference.forms import UNCLIPPED
from nnlite.optimizers.base.blocks import Block, walk
from nnlite.optimizers.base.forms import clip_form

if TYPE_CHECKING:
    from nnlite.optimizers.base.optimizer import Optimizer

__all__ = ["RepeatedUpdates"]


class RepeatedUpdates:
    """`optimizer.apply_packs(packs)` without looking up each time what stays the same.

    In a small step that takes as long as the update itself.

    Args:
        optimizer: its arguments may change between two calls of `current`.
        packs: what it updates.
    """

    def __init__(self, optimizer: "Optimizer", packs: Sequence) -> None:
        self.optimizer, self.packs = optimizer, packs
        self._blocks: list[Block] = []
        self._parts_of: tuple[Any, ...] = ()  # the kernels, and the slots and scratch memory that the blocks are in
        self._attributes: list[Any] = []  # of the optimizer, for which `_update` was found to suit; none if it did not
        self._counted = 0  # the place of `batches` among them

    def current(self) -> Callable[[], None]:
        """The update by the present arguments of the optimizer, to be called while none of them is changed."""
        if self._suits():
            return self._update
        optimizer, packs, self._attributes = self.optimizer, self.packs, []
        extras = optimizer.use_ema or optimizer.gradient_accumulation_steps or clip_form(optimizer)[0] != UNCLIPPED
        if extras or optimizer.update_form() is None:  # one with a form has no way of its own
            return partial(optimizer.apply_packs, packs)
        optimizer.build_packs(packs)
        present = kernels.compiled_now(), optimizer.slots, optimizer._scratch
        if list(map(id, present)) != list(map(id, self._parts_of)):
            self._parts_of = present
            described = optimizer._described_packs(packs)
            self._blocks = [block for pack in described for block in walk(pack, optimizer.by_kernel)]
        self._attributes = [] if self._has_patterns() else self._present()
        self._counted = list(vars(optimizer)).index("batches") + 1
        return self._update

    def _suits(self) -> bool:
        """Whether nothing was assigned to the optimizer since."""
        present, known = self._present(), self._attributes
        return len(present) == len(known) and all(map(is_, present, known)) and not self._has_patterns()

    def _has_patterns(self) -> bool:
        """Whether names of parameters matter, which may be changed in place."""
        excluded = self.optimizer.exclude_from_weight_decay
        return bool(excluded or excluded.variables or self.optimizer.learning_rate_multipliers)

    def _present(self) -> list[Any]:
        return [kernels.compiled_now(), *vars(self.optimizer).values()]

    def _update(self) -> None:
        optimizer = self.optimizer
        rate = optimizer.current_learning_rate
        decay = rate * optimizer.current_weight_decay if optimizer.weight_decay else 0.0
        for block in self._blocks:
            optimizer._update_block(block, rate, decay)
        optimizer.count_batches(self.packs, 1)
        if self._attributes:
            self._attributes[self._counted] = optimizer.batches
