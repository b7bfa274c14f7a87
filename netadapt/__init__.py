"""Fit a trained CNN to a millisecond budget on a real device."""

__version__ = "0.1.0"
