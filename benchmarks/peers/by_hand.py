"""A dense net written by hand in plain NumPy with buffers made beforehand: what NumPy alone can do."""

from benchmarks.peers.base import Peer, Unsupported, dense_only
from benchmarks.step import ByHand


class Handwritten(Peer):
    """Forward, loss, backward and Adam of `benchmarks.step`."""

    def __init__(self, case, threads):
        super().__init__(case, threads)
        dense_only(case, "the step by hand")
        if not case.trains:
            raise Unsupported("there is a step by hand for training alone")
        self.step = ByHand([weight for own in case.weights() for weight in own], case.batch).step
