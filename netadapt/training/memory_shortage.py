"""Tells whether a failure is that memory didn't suffice: of the machine, or of a GPU.

Torch has a class of its own for a GPU's memory alone; on a processor its words have to do.
"""

from __future__ import annotations

import re

import torch

from netadapt.users_code import causes

_WORDS = re.compile(r"can't allocate memory|not enough memory|cannot allocate memory", re.I)


def lacked_memory(failure: BaseException) -> str:
    """`failure` in a line where it, or what it came from, is a want of memory; else ''."""
    for error in causes(failure):
        if isinstance(error, torch.OutOfMemoryError):
            torch.cuda.empty_cache()
            return "the GPU's memory doesn't suffice"
        if isinstance(error, MemoryError) or (
            isinstance(error, RuntimeError) and _WORDS.search(str(error))
        ):
            return "the memory doesn't suffice"
    return ""
