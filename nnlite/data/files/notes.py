"""Decisions of a reader that users should know about: logged once, through the logger of `nnlite.data`.

Python shows nothing of it unless logging is set up for `INFO`; the command line prints each note on a line of its own.
"""

import logging

__all__ = ["LOGGER", "Notes", "Unheard"]

LOGGER = logging.getLogger("nnlite.data")


class Notes(list[str]):
    """Notes about one file, without repetitions."""

    def tell(self, note: str) -> None:
        """Record `note` and log it, unless it has been recorded before."""
        if note not in self:
            self.append(note)
            LOGGER.info("%s", note)


class Unheard(Notes):
    """Notes about later rows of a file, which are discarded: the first rows had them already."""

    def tell(self, note: str) -> None:
        """Discard the note."""
