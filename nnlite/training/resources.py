"""What a call of fit, evaluate or predict runs with: how many threads, and which kernels."""

from contextlib import contextmanager

from nnlite import kernels
from nnlite.threads import suited_threads


@contextmanager
def suited(model, batch_size: int | None, training_steps: int = 0):
    """A context for work of this size; compiled kernels, whose loading takes time, only for a long training."""
    size = model.largest_product(batch_size)  # threads come second, to know the library of compiled kernels too
    with kernels.suited_kernels(training_steps, model.count_params()), suited_threads(size):
        yield
