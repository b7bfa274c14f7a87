"""An engine as a command: times an ONNX file through onnxruntime and prints what it took.

Arguments: the file, the number of runs, 'whole' or 'nodes'. With 'nodes' it prints JSON as
engines do that profile: a list whose objects have `name` and `minMs`.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime


def main(file: str, runs: int, kind: str) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        options.enable_profiling = kind == "nodes"
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        feeds = {node.name: np.ones(node.shape, np.float32) for node in session.get_inputs()}
        for index in range(runs):
            start = time.thread_time()
            session.run(None, feeds)
            if kind == "whole":
                print(f"run {index}: {1e6 * (time.thread_time() - start):.1f} us")
        if kind == "nodes":
            events = json.loads(Path(session.end_profiling()).read_text())
            _print_nodes(events, runs)


def _print_nodes(events: list[dict], runs: int) -> None:
    least: dict[str, float] = {}
    for event in events:
        if event["cat"] == "Node" and event["name"].endswith("_kernel_time"):
            name = event["name"].removesuffix("_kernel_time")
            least[name] = min(least.get(name, float("inf")), event["dur"] / 1e3)
    print("some words before")
    print(json.dumps([{"count": runs}, *({"name": n, "minMs": ms} for n, ms in least.items())]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
