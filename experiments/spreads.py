"""Means with how far seeds lie apart, as an experiment's summary writes them."""

from __future__ import annotations

import pandas as pd


def spread(values: pd.Series[float], digits: int = 3) -> str:
    """The mean of the seeds, and how far they lie apart: half of most less least."""
    if values.isna().all():
        return ""
    apart = f" ± {(values.max() - values.min()) / 2:.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{apart}"
