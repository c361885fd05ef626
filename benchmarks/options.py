"""How commands read their arguments."""

import argparse
from collections.abc import Callable, Sequence


def some_of(allowed: Sequence[str]) -> Callable[[str], list[str]]:
    """A reader of names with commas between them; `none` stands for none."""

    def read(text: str) -> list[str]:
        names = [name for name in text.split(",") if name and name != "none"]
        unknown = set(names) - set(allowed)
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(allowed)}")
        return names

    return read
