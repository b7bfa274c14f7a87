"""Monocular depth, the first application of what lies below; only the command line knows it."""
