"""How the site is made of the package, the examples and a run."""
