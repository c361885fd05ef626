"""What Sphinx is told; `python -m docs.build` builds the site."""

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import nnlite  # noqa: E402 - of this checkout
from docs.building.docstrings import convert, public_bases, targets  # noqa: E402
from docs.building.live_report import write_report  # noqa: E402
from docs.building.names import all_names, entries, pages  # noqa: E402
from docs.building.outside import relink, write_project_pages  # noqa: E402
from docs.building.reference import write_reference  # noqa: E402
from docs.building.scripts import CONFIG as sphinx_gallery_conf  # noqa: E402, F401

project = "nnlite"
copyright = "the nnlite authors"
release = version = nnlite.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.katex",
]
exclude_patterns = ["**/sg_execution_times.rst"]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4

autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"
add_module_names = False
napoleon_custom_sections = [("Attributes", "params_style"), ("Results", "params_style")]
napoleon_use_param = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"nnlite {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
templates_path = ["_templates"]
katex_css_path = "katex/katex.min.css"


def resolve(app: Any, environment: Any, node: Any, content: Any) -> Any:
    """A reference to where a name is defined, or to the name alone, goes to where it is described."""
    if node.get("refdomain") == "py" and (path := targets().get(node["reftarget"])) not in (None, node["reftarget"]):
        return environment.domains["py"].resolve_xref(
            environment, node["refdoc"], app.builder, "obj", path, node, content
        )
    return None


def mark_further_names(app: Any, environment: Any) -> None:
    """Further names of an object are found by their whole path alone, so that `Loss` is one of `nnlite.losses`."""
    objects = environment.domains["py"].objects
    for path, described in entries(all_names(pages())).items():
        if path != described:
            objects[path] = objects[path]._replace(aliased=True)


def write_pages(app: Any) -> None:
    """Write the pages that are made of the package, of a run and of the repository's root."""
    write_report(Path(app.outdir))
    write_reference(Path(app.srcdir) / "api")
    write_project_pages(Path(app.srcdir) / "project")


def link_within_the_site(app: Any, page: str, source: list[str]) -> None:
    """Pages of `docs/` link to files beside it as a code host needs; what has a place in the site is found there."""
    path = f"docs/{page}.md"
    if (ROOT / path).exists() and not page.startswith("project/"):
        source[0] = relink(source[0], path, path)


def setup(app: Any) -> None:
    """Write the generated pages, and read docstrings as they are meant."""
    app.connect("builder-inited", write_pages)
    app.connect("source-read", link_within_the_site)
    app.connect("autodoc-process-docstring", convert, priority=100)
    app.connect("autodoc-process-bases", public_bases)
    app.connect("env-updated", mark_further_names)
    app.connect("missing-reference", resolve)
