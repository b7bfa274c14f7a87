"""Building a device's lookup table by measuring on it, and checking what it predicts."""
