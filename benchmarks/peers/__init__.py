"""The compared engines, one module each; a module imports its engine when it is loaded."""
