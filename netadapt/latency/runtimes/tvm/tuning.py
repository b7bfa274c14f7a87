"""MetaSchedule's search for faster kernels, timed on the device they are for.

A board's trials run on the board, through its tracker; nobody else may hold it meanwhile. Needs
tvm; runs in a worker process.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from netadapt.errors import DeviceError
from netadapt.latency.runtimes.tvm.kernel_source import Board, Making

FEWEST_EVOLVED = 64
"""With fewer trials there is nothing to learn from: random ones are as good, and found at once."""

BUILD_LIMIT_S = 120.0
"""Of one trial; the first one of a process imports tvm, on a machine that may be busy."""

RUN_LIMIT_S = 60
GPU_INTRINSICS = ("tvm.s_tir.tensor_intrin.cuda", "tvm.s_tir.tensor_intrin.rocm")
"""Importing these takes half a minute in each process."""

FAILED_S = 1e9
"""MetaSchedule notes 1e10 seconds for a trial that could not be built or run."""


def tuned(module: Any, target: Any, making: Making) -> Any:
    """`module` with every kernel as the search found it; what the database holds isn't redone.

    Raises DeviceError when no trial of a kernel ran.
    """
    from tvm import relax
    from tvm.s_tir import meta_schedule

    if making.database is None:
        raise DeviceError("tuning needs a folder for its database")
    making.database.mkdir(parents=True, exist_ok=True)
    database = meta_schedule.database.JSONDatabase(work_dir=str(making.database))
    tasks = meta_schedule.relax_integration.extract_tasks(module, target, params={})
    missing = [task for task in tasks if not _is_found(database, task)]
    if missing:
        _search(missing, target, making, database)
    for task in missing:
        if not _is_found(database, task):
            raise DeviceError(
                f"none of the {making.trials} trials of {task.task_name} could be built and run; "
                f"see why in {making.database / 'logs'}"
            )
    return relax.transform.MetaScheduleApplyDatabase(str(making.database))(module)


def _is_found(database: Any, task: Any) -> bool:
    """Whether the database holds a schedule of the task's kernel that has run."""
    (kernel,) = task.dispatched
    if not database.has_workload(kernel):
        return False
    best = database.get_top_k(database.commit_workload(kernel), 1)
    return any(float(seconds) < FAILED_S for record in best for seconds in record.run_secs)


def _search(tasks: list[Any], target: Any, making: Making, database: Any) -> None:
    from tvm.s_tir import meta_schedule

    if target.kind.name == "llvm":
        for name in GPU_INTRINSICS:  # which a search imports whatever its target
            sys.modules.setdefault(name, ModuleType(name))
    evolved = making.trials >= FEWEST_EVOLVED
    contexts, weights = meta_schedule.relax_integration.extracted_tasks_to_tune_contexts(
        extracted_tasks=tasks,
        work_dir=str(making.database),
        strategy="evolutionary" if evolved else "replay-trace",
        num_threads=1,
        seed=0,
    )
    meta_schedule.tune_tasks(
        tasks=contexts,
        task_weights=weights,
        work_dir=str(making.database),
        max_trials_global=making.trials * len(tasks),
        max_trials_per_task=making.trials,
        builder=meta_schedule.builder.LocalBuilder(
            timeout_sec=BUILD_LIMIT_S,
            f_build=_build,
            f_export=None if making.board is None else _exporter(making.board),
        ),
        runner=_runner(making.board),
        database=database,
        cost_model="xgb" if evolved else "random",
    )


def _build(module: Any, target: Any, _: Any) -> Any:
    """TVM's default, without importing the intrinsics that float32 layers don't call."""
    import tvm
    from tvm.s_tir.transform import RemoveWeightLayoutRewriteBlock

    return tvm.driver.build(
        RemoveWeightLayoutRewriteBlock(skip_tensor_rewrite=True)(module), target=target
    )


def _exporter(board: Board) -> Any:
    """Packs a trial as a library: boards need no compiler of their own."""
    return partial(_export, cross_compiler=board.cross_compiler)


def _export(module: Any, *, cross_compiler: str) -> str:
    from netadapt.latency.runtimes.tvm.compile import export_library

    folder = tempfile.mkdtemp(prefix="netadapt-trial-")  # TVM removes it after the trial
    path = Path(folder) / f"{Path(folder).name}.so"
    export_library(module, path, cross_compiler)
    return str(path)


def _runner(board: Board | None) -> Any:
    from tvm.s_tir.meta_schedule import runner

    timing = runner.EvaluatorConfig(number=1, repeat=3, min_repeat_ms=30)
    if board is None:
        return runner.LocalRunner(timeout_sec=RUN_LIMIT_S, evaluator_config=timing)
    host, port = board.tracker
    return runner.RPCRunner(
        runner.RPCConfig(host, port, board.key, session_timeout_sec=RUN_LIMIT_S),
        evaluator_config=timing,
        max_workers=1,
    )
