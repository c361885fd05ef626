"""How the C library treats freed memory."""

import numpy as np

LARGEST = 31 * 2**20  # bytes; above 32 MiB glibc does not adapt


def keep_freed_memory() -> None:
    """Let freed arrays of up to 31 MiB stay with the process, for the next step to use again.

    By default glibc hands large blocks back to the system, and each step pays for fresh pages: up to half of its time.
    Its threshold adapts to the largest block that was ever freed, so one block is taken and freed, untouched. Where
    the C library works otherwise, this does nothing.
    """
    np.empty(LARGEST, np.uint8)
