"""The protocol of a precision: an ONNX model in float32, written in fewer bits.

What that costs the task, and which layers are left as they are, is `judging.py`'s to find.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from netadapt.latency.runtimes.reference import Array

Feed = dict[str, Array]
"""Inputs by name, as onnxruntime takes them."""

Convert = Callable[[Collection[str]], bytes]
"""The model in the precision, the nodes of these names in float32."""


class Precision(Protocol):
    """How an ONNX model is written in other numbers than float32.

    `lossy`: what it computes is less exact, so that it is judged by the task's metrics before it is
    written. `converting` is opened once a model; what it gives is called with the names of nodes
    that are to stay in float32, at first none, and then whatever `judging.py` tries.

    >>> from contextlib import contextmanager
    >>> class Rounded:
    ...     lossy = True
    ...     @contextmanager
    ...     def converting(self, model, feeds, what):
    ...         yield lambda left: model        # a real one gives another model
    """

    lossy: bool

    def converting(
        self, model: bytes, feeds: Sequence[Feed], what: str
    ) -> AbstractContextManager[Convert]:
        """What converts `model`, called `what` in errors; `feeds` are inputs that it will see.

        Raises ModelError, here or when it is called, where the model can't be converted.
        """
        ...
