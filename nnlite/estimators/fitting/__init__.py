"""How estimators are fitted: tables read, parameters made a recipe, networks trained and put together."""
