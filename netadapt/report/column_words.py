"""What each column of a page says, in a sentence: beside the tables and where a pointer rests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

COLUMNS: Mapping[str, str] = {
    "iteration": "0 is the network given; each further one cuts one channel group, or several.",
    "channel group": "Channels that must be cut together, called after the layer they come from.",
    "width": "Channels of the group before and after; sums where several groups were cut.",
    "latency, ms": "Milliseconds predicted from the device's table, with the 90 % interval; "
    "'timed' is what the whole network was measured at.",
    "on each device": "Predicted milliseconds on each device that has a budget.",
    "for": "The budget that was furthest from being met, for which the iteration cut.",
    "target": "What the iteration had to come down to, in the unit of the budget.",
    "MACs, M": "Multiply-accumulates of one forward pass, in millions.",
    "weights, M": "Parameters of the network, in millions.",
    "s": "Seconds that the iteration took.",
    "score": "Accuracy lost for each unit saved: the least one is kept.",
    "stage": "How far the proposal was taken: trained, or dropped before.",
    "before, ms": "The layer in the network given, by the device's table.",
    "after, ms": "The layer in the last network, by the same table.",
    "saved, ms": "Before less after.",
    "share": "Of all that was saved, this layer's part.",
    "source": "Where the later figure is from: measured or published is a row of the table, "
    "modelled is worked out from other rows.",
}


def column_words(
    metrics: Iterable[str], words: Mapping[str, str] | None = None
) -> Mapping[str, str]:
    """`COLUMNS`, and the task's `metrics`, the first of which a search keeps high.

    `words` is what the task's application says of a metric.
    """
    return {**COLUMNS, **metric_words_of(metrics, words)}


def metric_words_of(
    metrics: Iterable[str], words: Mapping[str, str] | None = None
) -> Mapping[str, str]:
    """What each metric says, the first being what searches and trainings keep high."""
    told = {}
    for index, name in enumerate(metrics):
        own = (words or {}).get(name, "A metric of the task.")
        kept = " It is the one that is kept high." if index == 0 else ""
        told[name] = f"{own} Mean over the holdout.{kept}"
    return told
