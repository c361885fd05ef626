"""Detection of randomness: the loss of a full-batch method must depend on the weights alone."""

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
    """The random source of a training step without randomness: layers that draw from it raise `Drawn`."""

    __slots__ = ("outer",)

    def __init__(self, outer: int | None = None) -> None:
        super().__init__(0)
        self.outer = outer

    def child(self, index: int) -> "Chanceless":
        """The source of the layer at `index`, which knows its position in the outermost container."""
        return Chanceless(index if self.outer is None else self.outer)

    def seeded(self, seed: int | None) -> "Chanceless":
        """This source: a layer's own seed is randomness, too."""
        return self

    def generator(self, purpose: str) -> NoReturn:
        """`Drawn`."""
        raise Drawn(self.outer)

    def bits(self, purpose: str, count: int) -> NoReturn:
        """`Drawn`."""
        raise Drawn(self.outer)
