"""Functions of arrays that are computed as a whole: the types of their results, and linear algebra."""
