"""The table of layers, one file per family: every module here adds its CASES."""

import importlib
import pkgutil

CASES = [
    case
    for module in pkgutil.iter_modules(__path__)
    for case in getattr(importlib.import_module(f"{__name__}.{module.name}"), "CASES", ())
]
