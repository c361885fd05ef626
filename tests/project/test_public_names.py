"""What the package lists of itself, for `import *`, `help` and completion in an editor."""

import pkgutil

import nnlite


def test_the_package_lists_its_names_and_its_rooms():
    listed = dir(nnlite)
    rooms = {module.name for module in pkgutil.iter_modules(nnlite.__path__)} - {"__main__"}
    assert set(listed) >= {*nnlite.__all__, *rooms, "__version__", "__doc__"}
    assert {"NNClassifier", "NNRegressor"} <= set(nnlite.__all__)
    assert [name for name in listed if name.startswith("_") and not name.startswith("__")] == []
    assert not {"importlib", "pkgutil", "TYPE_CHECKING", "Any"} & set(listed)
    for name in listed:
        getattr(nnlite, name)
