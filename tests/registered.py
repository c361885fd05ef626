"""The classes that nnlite brings, without those of tests, and those of circuits, whose room is loaded late."""


def registered(family: type) -> dict[str, type]:
    """The registered classes of a family, by name; `tests/circuits` tries those of circuits."""
    modules = {name: member.__module__ for name, member in family.members().items()}
    known = [name for name, room in modules.items() if room.startswith("nnlite.") and "circuits" not in room.split(".")]
    return {name: family.members()[name] for name in known}
