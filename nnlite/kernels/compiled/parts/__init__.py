"""What compiled code that carries out whole steps is made of."""
