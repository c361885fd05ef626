"""Random numbers where there may be none: the loss of a full-batch method is a function of the weights alone."""

from typing import NoReturn

from nnlite.random import RandomSource

__all__ = ["Chanceless", "Drawn"]


class Drawn(Exception):
    """A layer has drawn a random number.

    Args:
        index: its index in the outermost container; None if that is what draws.
    """

    def __init__(self, index: int | None) -> None:
        super().__init__(index)
        self.index = index


class Chanceless(RandomSource):
    """The source of a training step that draws nothing: layers get it as any other, and `Drawn` where they use it."""

    __slots__ = ("outer",)

    def __init__(self, outer: int | None = None) -> None:
        super().__init__(0)
        self.outer = outer

    def child(self, index: int) -> "Chanceless":
        """The source of the layer at `index`, which knows where in the outermost container it is."""
        return Chanceless(index if self.outer is None else self.outer)

    def seeded(self, seed: int | None) -> "Chanceless":
        """This source: a seed of the layer's own is chance, too."""
        return self

    def generator(self, purpose: str) -> NoReturn:
        """`Drawn`."""
        raise Drawn(self.outer)

    def bits(self, purpose: str, count: int) -> NoReturn:
        """`Drawn`."""
        raise Drawn(self.outer)
