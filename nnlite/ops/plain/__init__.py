"""Array functions computed as a whole: dtypes of results, and linear algebra."""
