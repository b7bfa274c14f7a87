"""What tests of the renderer share; its folder holds `small_scenes`, too."""

from __future__ import annotations

import numpy as np
import pytest

from netadapt.depth.rooms import render_frames

SMALL = (60, 80)


@pytest.fixture(scope="session")
def frames() -> tuple[np.ndarray, np.ndarray]:
    """One small frame of each of 40 scenes: RGB and depth."""
    return render_frames(5, range(40), range(1), size=SMALL)
