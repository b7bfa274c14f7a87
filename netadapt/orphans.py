"""A process of a pool ends with the process that started it, however that ended.

An orphan would wait for ever, or go on with work that the same command, run again, does already.
"""

from __future__ import annotations

import os
import signal
from multiprocessing import parent_process
from threading import Thread


def end_with_parent(*, group: bool = False) -> None:
    """From now on this process, started by `multiprocessing`, is killed when its parent ends.

    With `group` so is everything in its process group, which it must have for itself.
    """
    Thread(target=_end_with_parent, args=(group,), daemon=True).start()


def _end_with_parent(group: bool) -> None:
    parent = parent_process()
    if parent is None:
        return
    parent.join()
    if group:
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
