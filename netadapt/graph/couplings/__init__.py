"""How each operator couples channels: one small handler an operator, in files by topic.

Importing the package fills the registry of `netadapt.graph.walk`. An operator that no file here
handles is named in the plan and freezes the channels that touch it.
"""

from netadapt.graph.couplings import (
    joining,
    norms,
    pointwise,
    products,
    reshaping,
    spatial,
    weights,
)

__all__ = ["joining", "norms", "pointwise", "products", "reshaping", "spatial", "weights"]
