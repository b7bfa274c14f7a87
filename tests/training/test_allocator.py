"""Memory kept between training steps: in a process of its own, as the setting lasts."""

import platform
import subprocess
import sys

import pytest

PAGES_TOUCHED = """
import resource, torch
from netadapt.training.allocator import keep_freed_memory

if {keep}:
    assert keep_freed_memory()
for _ in range(20):
    torch.ones(12, 1024, 1024)  # 48 MiB, 12288 pages: glibc gives such a block back at once
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(12, 1024, 1024)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library isn't glibc")
def test_freed_memory_is_used_again_without_touching_new_pages() -> None:
    def pages(keep: bool) -> int:
        script = PAGES_TOUCHED.format(keep=keep)
        done = subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, text=True
        )
        return int(done.stdout)

    assert pages(keep=False) > 10 * pages(keep=True)
