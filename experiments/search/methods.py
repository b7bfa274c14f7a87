"""The searches that experiments/search compares: strategies, importances, their settings."""

from __future__ import annotations

from experiments.search_method import Method
from netadapt.pruning.importance.registry import register_importance
from netadapt.pruning.importance.taylor import Taylor

BY_WEIGHTS = {"importance": "taylor-weights"}
"""Saliency read at the weights, batch by batch."""

register_importance("taylor-128", Taylor(images=128, name="taylor-128"))
register_importance("taylor-weights", Taylor(at_outputs=False, name="taylor-weights"))

METHODS = {
    "saliency": Method("saliency"),
    "full": Method("full"),
    "uniform": Method("uniform"),
    "racing": Method("racing"),
    "full, taylor": Method("full", {"importance": "taylor"}),
    "saliency, 128 images, 4 steps": Method(
        "saliency", {"importance": "taylor-128", "finetune_steps": 4}
    ),
    "saliency, 4 steps": Method("saliency", {"finetune_steps": 4}),
    "saliency, 8 steps": Method("saliency", {"finetune_steps": 8}),
    "saliency, distilled": Method("saliency", {"distill": True}),
    "saliency, large steps": Method("saliency", {"first_reduction": 0.1}),
    "saliency, small steps": Method("saliency", {"first_reduction": 0.025}),
    "saliency, by weights": Method("saliency", BY_WEIGHTS),
    "saliency, l2": Method("saliency", {"importance": "l2"}),
    "saliency, conv0 grown back": Method("saliency", {"min_widths": {"conv0": 32}}),
    "saliency, conv7 grown back": Method("saliency", {"min_widths": {"conv7": 432}}),
    "saliency, conv10 grown back": Method("saliency", {"min_widths": {"conv10": 424}}),
    "random": Method("random"),
}
"""With the defaults of each strategy, but for what is named.

Grown back: what the first iterations took from a group is given back, in part or whole, and other
groups pay for it.
"""
