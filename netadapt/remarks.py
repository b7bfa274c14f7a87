"""What was noticed on the way and the user should know, from any floor: a word that stops nothing.

A remark is a warning of the logger 'netadapt': a Python program sees it on stderr, and may send it
elsewhere as any log. The command line prints it, once each, unless asked for quiet.
"""

from __future__ import annotations

import logging

LOGGER = logging.getLogger("netadapt")


def remark(text: str) -> None:
    """Tell the user `text`: what was noticed, and what to do where it isn't what they meant."""
    LOGGER.warning("%s", text)
