"""The command `netadapt`: parse, call, print; the work is done below.

One file a family of commands, named as the command; `options.py` holds the options that several
take, `console.py` what they print and exit with. Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

from netadapt.cli.app import main

__all__ = ["main"]
