"""Backpropagation by hand
=======================

Ops cache their Jacobians in ``forward``, and ``backward`` multiplies by them.
"""

import numpy as np

from nnlite.ops import Add, MatMul, Multiply

np.set_printoptions(precision=3, suppress=True)

# E = (A + B) * C, one op after the other.
A, B, C = np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([5.0, 6.0])
add, multiply = Add(), Multiply()
D = add.forward(A, B)
E = multiply.forward(D, C)
print("E = (A + B) * C =", E)

# Backwards: start with ones, hand each result on to the op before. `backward` has one result per input.
dD, dC = multiply.backward(np.ones(E.shape))
dA, dB = add.backward(dD)
print("dA =", dA, " dB =", dB, " dC =", dC)

# What was multiplied: every op holds one Jacobian per input. Stored is the least that determines it,
# here one number per element; `todense` writes the whole matrix out.
by_D, by_C = multiply.jacobians
print("\ndE/dD is a", type(by_D).__name__, "of", by_D.nbytes, "bytes:")
print(by_D.todense())
print("dE/dC:")
print(by_C.todense())

# The chain rule is a matrix product: dE/dA = dE/dD @ dD/dA.
by_A, _ = add.jacobians
print("dE/dA = dE/dD @ dD/dA:")
print(by_D.todense() @ by_A.todense())

# An incoming Jacobian may have more rows than one: the identity asks for all of dE/dA at once.
dE_dA, _ = add.backward(multiply.backward(np.eye(2))[0])
assert np.array_equal(dE_dA, by_D.todense() @ by_A.todense())

# Forward mode pushes a change of the inputs through the same Jacobians: what if A[0] grows by one?
change = multiply.jvp(add.jvp(np.array([1.0, 0.0]), None), None)
print("\nE changes by", change, "per unit of A[0]")

# A matrix product has two Jacobians: an incoming J becomes J @ B.T for A, and A.T @ J for B.
A, B = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
matmul = MatMul()
J = np.cos(matmul.forward(A, B))
for_A, for_B = matmul.backward(J)
assert np.allclose(for_A, J @ B.T) and np.allclose(for_B, A.T @ J)
print("\nMatMul: J @ B.T =")
print(for_A)
print("A.T @ J =")
print(for_B)
dense, stored = matmul.jacobians[0].todense(), matmul.jacobians[0].nbytes
print(f"dC/dA written out has the shape {dense.shape}, {dense.nbytes} bytes; stored is B alone, {stored} bytes")
