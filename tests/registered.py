"""The classes that nnlite itself brings, without those that tests write."""


def registered(family: type) -> dict[str, type]:
    """The registered classes of a family, by name."""
    return {name: member for name, member in family.members().items() if member.__module__.startswith("nnlite.")}
