"""Configs that train out of the box, to be adapted to your own data; each is a YAML file in this folder."""

from pathlib import Path

from nnlite.errors import ConfigError, did_you_mean

__all__ = ["template_text", "templates"]


def templates() -> dict[str, str]:
    """Name -> description, the first line of the file."""
    files = sorted(Path(__file__).parent.glob("*.yaml"))
    return {file.stem: file.read_text(encoding="utf-8").splitlines()[0].lstrip("# ") for file in files}


def template_text(name: str) -> str:
    """The text of a template; `ConfigError` if there is none of that name."""
    if name not in templates():
        raise ConfigError(f"no template and no file {name!r}; {did_you_mean(name, templates())}")
    return (Path(__file__).parent / f"{name}.yaml").read_text(encoding="utf-8")
