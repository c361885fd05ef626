"""Parts of the compiled code that carries out whole steps."""
