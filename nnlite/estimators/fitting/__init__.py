"""How estimators are fitted where that is not the recipe: L-BFGS, learning-rate policies, stopping."""
