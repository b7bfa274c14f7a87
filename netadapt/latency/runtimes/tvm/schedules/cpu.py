"""What the schedule set must know of a CPU: lanes of a float32 vector and number of registers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cpu:
    """Width of a vector in float32 `lanes`, and how many vector `registers` there are."""

    lanes: int
    registers: int


def cpu_of(target: Any) -> Cpu:
    """The CPU that a TVM `target` of kind llvm names.

    Asked feature by feature: LLVM's own vector width is that of the machine which compiles.
    """
    from tvm.target.codegen import llvm_cpu_has_features

    with target:
        if llvm_cpu_has_features("avx512f", target):
            return Cpu(lanes=16, registers=32)
        if llvm_cpu_has_features("avx", target):
            return Cpu(lanes=8, registers=16)
        if llvm_cpu_has_features("neon", target):
            return Cpu(lanes=4, registers=32)
    return Cpu(lanes=4, registers=16)
