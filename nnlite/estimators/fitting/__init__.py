"""Fitting of estimators: tables read, parameters made a recipe, networks trained and put together."""
