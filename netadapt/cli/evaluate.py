"""`netadapt evaluate`: what a network is worth."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import TaskID

from netadapt.cli.bar import Bar
from netadapt.cli.console import print_json, results, say
from netadapt.cli.options import ComputeOption, JsonOption, QuietOption, ThreadsOption

if TYPE_CHECKING:
    import pandas as pd

ModelArgument = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A model or run folder, a shipped model, or .onnx file."),
]


def evaluate(
    model: ModelArgument,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", help="A data set's folder, or 'rooms' (the default); repeatable."),
    ] = None,
    split: Annotated[
        str, typer.Option(help="train, holdout, val, or all: every image of the set.")
    ] = "val",
    protocol: Annotated[
        str,
        typer.Option(
            help="fastdepth: its crop, at the network's size; eigen: the whole frame, Eigen's crop "
            "at the ground truth's size, up to 10 m, as most papers on NYU report."
        ),
    ] = "fastdepth",
    constants: Annotated[
        bool,
        typer.Option(
            "--constants",
            help="Show beside the network what a constant reaches: each image's median, and 2.5 m.",
        ),
    ] = False,
    csv: Annotated[Path | None, typer.Option(help="Write every metric of every image.")] = None,
    worst: Annotated[Path | None, typer.Option(help="Draw the worst images into this PNG.")] = None,
    worst_count: Annotated[int, typer.Option(min=1, help="How many of them.")] = 8,
    batch_size: Annotated[int, typer.Option(help="Images at a time.")] = 16,
    compute: ComputeOption = None,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Evaluate a depth network on a data set, or on several.

    --json gives an object for one set, a list of objects for several.

    Example: netadapt evaluate runs/fastdepth-tx2-6ms --data nyudepthv2 --worst worst.png

    As other papers evaluate: netadapt evaluate fastdepth --data nyu --protocol eigen

    What a network makes of real photographs, beside networks that know nothing:
    netadapt evaluate fastdepth --data kitchen --data dining --split all --constants
    """
    import pandas as pd

    from netadapt.depth.data.subsets import Joined
    from netadapt.depth.prediction.predictor import open_predictor
    from netadapt.depth.training.evaluation import (
        AVERAGED,
        evaluate_constants,
        save_rows,
        save_worst,
    )
    from netadapt.depth.training.evaluation import evaluate as evaluate_network
    from netadapt.depth.training.protocols import PROTOCOLS
    from netadapt.depth.training.task_data import open_for_evaluation
    from netadapt.training.compute import compute_device, use_threads

    chosen = PROTOCOLS[protocol]
    use_threads(threads)
    predictor = open_predictor(model, compute_device(compute))
    sources = {name: open_for_evaluation(name, split) for name in data or ["rooms"]}
    rows: dict[str, pd.DataFrame] = {}
    means: dict[str, dict[str, dict[str, float]]] = {}
    with Bar(quiet=quiet or as_json) as bar:
        for name, source in sources.items():
            line = bar.add_task(f"evaluating {len(source)} images", total=len(source))
            rows[name] = evaluate_network(
                predictor,
                source,
                protocol=chosen,
                batch_size=batch_size,
                progress=partial(_show, bar, line),
            )
            measured = {"network": rows[name]}
            if constants:
                measured |= evaluate_constants(
                    source, predictor.size, protocol=chosen, batch_size=batch_size
                )
            means[name] = {
                who: dict(table[list(chosen.metrics)].mean()) for who, table in measured.items()
            }
    joined = pd.concat(rows, names=["data"])
    if csv is not None:
        save_rows(joined, csv)
    if worst is not None:
        every = Joined(list(sources.values()))
        save_worst(predictor, every, joined, worst, worst_count, protocol=chosen)
    if as_json:
        reports = [
            _report(
                {
                    "model": model,
                    "data": name,
                    "split": split,
                    "protocol": chosen.name,
                    "images": len(rows[name]),
                    "focal_lengths_known": int(rows[name]["focal_px"].count()),
                },
                of_set,
            )
            for name, of_set in means.items()
        ]
        print_json(reports[0] if len(reports) == 1 else reports)
        return
    for name, of_set in means.items():
        results.print(
            f"{model} on {len(rows[name])} images of {name} ({split}), protocol {chosen.name}",
            markup=False,
        )
        _print_metrics(of_set)
        say(f"focal lengths: {_known(rows[name])}", quiet=quiet)
    say(f"{chosen.told}; {AVERAGED}", quiet=quiet)


def _show(bar: Bar, line: TaskID, done: int, total: int) -> None:
    bar.update(line, completed=done, total=total)


def _known(rows: pd.DataFrame) -> str:
    """Of how many images the focal length is known, in words."""
    known = rows["focal_px"].count()
    if known == len(rows):
        return "as the set says"
    return f"known of {known}, NYU's assumed of the others" if known else "NYU's, assumed"


def _report(what: dict[str, Any], means: dict[str, dict[str, float]]) -> dict[str, Any]:
    """The evaluation on one set as JSON; metrics that a constant hasn't are left out."""
    known = {
        who: {name: value for name, value in of_one.items() if not math.isnan(value)}
        for who, of_one in means.items()
    }
    report = {**what, **known["network"]}
    if len(known) > 1:
        report["constants"] = {who: known[who] for who in known if who != "network"}
    return report


def _print_metrics(means: dict[str, dict[str, float]]) -> None:
    """A line a metric; with constants, a column each."""
    if len(means) > 1:
        heads = ("network", "image's median", "2.5 m")
        results.print(" " * 18 + "".join(f" {head:>14}" for head in heads))
    width = 14 if len(means) > 1 else 9
    for name in means["network"]:
        values = [of_one[name] for of_one in means.values()]
        texts = ["–" if math.isnan(value) else f"{value:.4f}" for value in values]
        results.print(f"  {name:<16}" + "".join(f" {text:>{width}}" for text in texts))
