"""Prints the keys registered at a TVM RPC tracker: python scripts/tracker_keys.py HOST:PORT."""

import sys

from netadapt.latency.runtimes.tvm.tracker import look

host, _, port = sys.argv[1].rpartition(":")
print(*look((host, int(port)), "", 5.0).keys)
