"""What decides the last bits of a result besides the numbers themselves: how torch computes.

A convolution's gradient is a sum over threads, so the number of threads changes its rounding.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Numerics:
    """How a process computes: one that does likewise gets the same bits from the same hardware."""

    threads: int
    dtype: torch.dtype
    matmul_precision: str
    deterministic: bool
    warns_only: bool
    cudnn_benchmark: bool
    cudnn_deterministic: bool

    @classmethod
    def of_this_process(cls) -> Numerics:
        """As they are now."""
        return cls(
            torch.get_num_threads(),
            torch.get_default_dtype(),
            torch.get_float32_matmul_precision(),
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.backends.cudnn.benchmark,
            torch.backends.cudnn.deterministic,
        )

    def use(self) -> None:
        """Compute so from now on."""
        torch.set_num_threads(self.threads)
        torch.set_default_dtype(self.dtype)
        torch.set_float32_matmul_precision(self.matmul_precision)
        torch.use_deterministic_algorithms(self.deterministic, warn_only=self.warns_only)
        torch.backends.cudnn.benchmark = self.cudnn_benchmark
        torch.backends.cudnn.deterministic = self.cudnn_deterministic


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Processes that are started within have these variables too."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
