"""Decisions of a reader that a user should know: told once, through the log of `nnlite.data`.

Python shows nothing of it unless logging is set up for `INFO`; the command line prints each note on a line of its own.
"""

import logging

__all__ = ["LOGGER", "Notes", "Unheard"]

LOGGER = logging.getLogger("nnlite.data")


class Notes(list[str]):
    """Sentences about one file, each there once."""

    def tell(self, note: str) -> None:
        """Keep `note` and log it, unless it is there already."""
        if note not in self:
            self.append(note)
            LOGGER.info("%s", note)


class Unheard(Notes):
    """Notes about later rows of a file, which are not told: the first rows had them already."""

    def tell(self, note: str) -> None:
        """Nothing."""
