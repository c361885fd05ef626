"""Updates of the same parameters, again and again."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from nnlite.kernels.reference.forms import UNCLIPPED
from nnlite.optimizers.base.blocks import walk
from nnlite.optimizers.base.forms import clip_form

if TYPE_CHECKING:
    from nnlite.optimizers.base.optimizer import Optimizer

__all__ = ["repeated_update"]


def repeated_update(optimizer: "Optimizer", packs: Sequence) -> Callable[[], None]:
    """`optimizer.apply_packs(packs)` as a function, to be called while no argument of the optimizer is changed.

    It looks up once what stays the same, which in a small step takes as long as the update.
    """
    extras = optimizer.use_ema or optimizer.gradient_accumulation_steps or clip_form(optimizer)[0] != UNCLIPPED
    if extras or optimizer.update_form() is None:  # one with a form has no way of its own
        return partial(optimizer.apply_packs, packs)
    optimizer.build_packs(packs)
    described, by_kernel = optimizer._described_packs(packs), optimizer.by_kernel
    blocks: list[Any] = [block for pack in described for block in walk(pack, by_kernel)]

    def update() -> None:
        rate = optimizer.current_learning_rate
        decay = rate * optimizer.current_weight_decay if optimizer.weight_decay else 0.0
        for block in blocks:
            optimizer._update_block(block, rate, decay)
        optimizer.count_batches(packs, 1)

    return update
