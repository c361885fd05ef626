"""`check_config`: the model of a YAML file, on its own data."""

import importlib
import os
import sys
from collections.abc import Sequence

from nnlite.check.models import check_model
from nnlite.check.report import Findings, Report, told
from nnlite.errors import ConfigError, NNLiteError

__all__ = ["check_config"]


def check_config(path: str, overrides: Sequence[str] = (), modules: Sequence[str] = ()) -> Report:
    """Check the model and the loss of a config on a few rows of its training data, as `check_model` does.

    Args:
        path: the YAML file.
        overrides: changes such as `"model.0.Dense.units=64"`.
        modules: names of modules to import first, looked up in the current folder too: they define layers and losses.

    Raises:
        ConfigError: a wrong config, or a module that cannot be imported.
        DataError: data that cannot be used.
    """
    from nnlite.experiment import Experiment  # which loads PyYAML: the other checks need NumPy alone

    import_own(modules)
    experiment, report = Experiment.from_file(path, overrides), Report()
    try:
        model, data = experiment.prepare()
    except NNLiteError:
        raise
    except Exception as error:  # in the user's own code
        Findings(report, "the whole model").held("linearize", False, told(error))
        return report
    x, y = data.parts["training"]
    return check_model(model, x=x, y=y)


def import_own(modules: Sequence[str]) -> None:
    """Import modules that may be in the current folder; importing registers the classes that they define."""
    for name in modules:
        sys.path.insert(0, os.getcwd())
        try:
            importlib.import_module(name)
        except Exception as error:
            raise ConfigError(f"--import {name}: {told(error)}") from None
        finally:
            sys.path.remove(os.getcwd())
