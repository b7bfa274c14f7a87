"""The command `netadapt`: parse, call, print; the work is done below.

One file a family of commands; `common.py` holds what all of them share (options, exit codes,
the console). Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

from netadapt.cli.app import main

__all__ = ["main"]
