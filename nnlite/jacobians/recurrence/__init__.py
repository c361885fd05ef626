"""The derivatives of recurrences, walked through time once for all inputs."""
