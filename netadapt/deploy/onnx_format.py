"""`--format onnx`: a file for onnxruntime and others, as the protocol of forms asks for it.

How the file is made stands in `onnx_file.py`, what fewer bits cost in `precision/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netadapt.deploy.base import ExportRequest, Product
from netadapt.deploy.onnx_file import OnnxModel, default_file, make_file, require_place, write_file
from netadapt.deploy.onnx_metadata import notes_of, with_metadata
from netadapt.deploy.precision.judging import MAX_LOSS, Judged, judged
from netadapt.deploy.precision.registry import FILE_PRECISIONS
from netadapt.errors import InputError
from netadapt.training.task import Task


class OnnxFormat:
    """One file, batch norm folded."""

    options = frozenset({"dynamic_batch", "precision", "task", "data", "max_loss"})

    def export(self, request: ExportRequest) -> Product:
        """Write the file once it computes what torch does, or costs the task little enough."""
        precision = FILE_PRECISIONS[request.precision]
        require_place(_file(request))
        max_loss = MAX_LOSS if request.max_loss is None else request.max_loss
        if not max_loss >= 0:
            raise InputError(f"--max-loss is {max_loss}; expected 0 or more")
        if not precision.lossy and (request.task, request.data) == (None, None):
            if request.max_loss is not None:
                raise InputError(
                    "--max-loss is for what is judged; add --precision int8, or --data to judge on"
                )
            request.say(f"exporting {request.model}")
            return self._written(request, make_file(request.model, request.dynamic_batch))
        find = request.find_task
        if find is None:
            raise InputError(f"--precision {request.precision} needs the task; give find_task")
        open_task = find()  # what isn't said is told before anything is computed
        request.say(f"exporting {request.model}")
        made = make_file(request.model, request.dynamic_batch)
        task: Task = open_task()
        request.say(f"judging it in {request.precision} on the holdout")
        found = judged(precision, made, task, max_loss, request.model, request.say)
        return self._written(request, made, found, notes_of(task))

    def _written(
        self,
        request: ExportRequest,
        made: OnnxModel,
        found: Judged | None = None,
        notes: Mapping[str, str] | None = None,
    ) -> Product:
        file = _file(request)
        left = found.left if found is not None else ()
        content = with_metadata(
            made.content if found is None else found.content,
            made.config,
            {
                **(notes or {}),
                "precision": request.precision,
                **({"left_in_float32": ", ".join(left)} if left else {}),
            },
        )
        write_file(file, content)
        facts = {**_facts(file, request, made), "size_bytes": len(content)}
        told = _told(file, request, made, len(content))
        if found is None:
            return Product(file, told, facts)
        return Product(
            file,
            f"{told}\n{_judged_words(request, found)}",
            {**facts, **_judged_facts(found)},
            _table(request.precision, made, found),
            f"time it beside float32: netadapt bench {file} --device NAME",
        )


def _file(request: ExportRequest) -> Path:
    return request.out or default_file(request.model, request.precision)


def _facts(file: Path, request: ExportRequest, made: OnnxModel) -> dict[str, Any]:
    return {
        "file": file,
        "input_shapes": made.config.input_shapes,
        "inputs": made.inputs,
        "outputs": made.outputs,
        "precision": request.precision,
        "dynamic_batch": request.dynamic_batch,
        "largest_difference": made.largest_difference,
        "largest_output": made.largest_output,
        "tolerance": made.tolerance,
    }


def _told(file: Path, request: ExportRequest, made: OnnxModel, size: int) -> str:
    shapes = ", ".join("×".join(map(str, shape)) for shape in made.config.input_shapes)
    any_batch = " (any batch)" if request.dynamic_batch else ""
    in_float32 = "in float32 it " if request.precision != "float32" else ""
    return (
        f"{file}: {', '.join(made.inputs)} {shapes}{any_batch}, {size / 1e6:.1f} MB; {in_float32}"
        f"differs from torch by at most {made.largest_difference:.2g} (allowed "
        f"{made.tolerance:.2g}, outputs reach {made.largest_output:.3g})"
    )


def _judged_words(request: ExportRequest, found: Judged) -> str:
    left = f"{len(found.left)} of {found.layers} layers in float32"
    named = f" ({', '.join(found.left)})" if found.left else ""
    return (
        f"{request.precision}: {left}{named}; on real inputs it differs from torch by at most "
        f"{found.compared.difference:.2g} where outputs reach {found.compared.largest:.3g}"
    )


def _judged_facts(found: Judged) -> dict[str, Any]:
    return {
        "left_in_float32": found.left,
        "layers": found.layers,
        "calibration_images": found.images,
        "difference_on_real_inputs": found.compared.difference,
        "output_on_real_inputs": found.compared.largest,
        "metrics_float32": found.before,
        "metrics": found.after,
    }


def _table(precision: str, made: OnnxModel, found: Judged) -> tuple[tuple[str, ...], ...]:
    """A row a metric of the holdout, and the sizes of the files."""
    before: Mapping[str, float] = found.before
    rows = [(name, f"{before[name]:.4f}", f"{value:.4f}") for name, value in found.after.items()]
    sizes = (f"{len(made.content) / 1e6:.2f}", f"{len(found.content) / 1e6:.2f}")
    return (("", "torch float32", f"onnx {precision}"), *rows, ("size_mb", *sizes))


FORMAT = OnnxFormat()
