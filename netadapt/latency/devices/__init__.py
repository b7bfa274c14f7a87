"""Device profiles: how to reach a board and how to measure on it."""
