"""Fitting of estimators: tables are read, parameters become a recipe, networks are trained and assembled."""
