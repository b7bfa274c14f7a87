"""`netadapt plan`: what a network's layers are, which are cut together, and what stays whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from netadapt.cli.console import print_json, say
from netadapt.cli.options import (
    FreezeOption,
    JsonOption,
    MinWidthOption,
    ModelOption,
    QuietOption,
    ShapeOption,
    SizeOption,
    TrustOption,
    parse_min_widths,
    parse_shapes,
    parse_size,
)
from netadapt.large_numbers import in_three_digits
from netadapt.pruning.settings import SearchSettings

if TYPE_CHECKING:
    from netadapt.graph import ChannelGroup, LayerGraph


def plan(
    model: ModelOption = "fastdepth",
    input_size: SizeOption = None,
    input_shapes: ShapeOption = None,
    multiple: Annotated[
        int, typer.Option("--width-multiple", min=1, help="Widths are multiples of this.")
    ] = SearchSettings().step,
    freeze: FreezeOption = None,
    min_width: MinWidthOption = None,
    trust_factory: TrustOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show a network's layers, its channel groups and the widths each may take.

    With --freeze and --min-width as for prune, what they come to is shown before anything is spent.

    Example: netadapt plan --model mypackage.nets:resnet18 --input-size 224x224
    """
    import torch

    from netadapt.graph import trace
    from netadapt.networks.open_network import build_network
    from netadapt.pruning.limits import limited

    least = parse_min_widths(min_width)
    network, config = build_network(model, parse_size(input_size), parse_shapes(input_shapes))
    shapes = config.input_shapes
    say(f"tracing {model} with input {_shapes_text(shapes)}, and cutting copies of it", quiet=quiet)
    graph = trace(network, tuple(torch.zeros(shape) for shape in shapes))
    graph = limited(graph, freeze or (), least)
    if as_json:
        print_json(_as_json(graph, multiple))
    else:
        _print(graph, multiple)


def _shapes_text(shapes: tuple[tuple[int, ...], ...]) -> str:
    return ", ".join("×".join(str(number) for number in shape) for shape in shapes)


def _as_json(graph: LayerGraph, multiple: int) -> dict[str, Any]:
    return {
        "network": graph.network,
        "macs": graph.macs,
        "params": graph.params,
        "layers": [
            {
                "name": layer.name,
                **layer.shape.to_row(),
                "macs": layer.macs,
                "modules": list(layer.modules),
            }
            for layer in graph.layers
        ],
        "groups": [
            {
                "name": group.name,
                "width": group.width,
                "channels_per_unit": group.step,
                "min_width": group.min_width,
                "widths": list(group.allowed_widths(multiple)),
                "frozen": group.frozen,
                "reason": group.reason,
                "layers": list(group.layers),
                "because": list(group.couplings),
            }
            for group in graph.groups
        ],
        "uncounted": [
            {
                "name": item.name,
                "op": item.op,
                "module": item.module,
                "macs": item.macs,
                "macs_share": item.macs_share,
                "elements": item.elements,
            }
            for item in graph.uncounted
        ],
        "unknown_operators": {op: list(where) for op, where in graph.unknown.items()},
        "precomputed": graph.precomputed,
        "unreached_parameters": list(graph.unreached),
    }


def _print(graph: LayerGraph, multiple: int) -> None:
    print(
        f"{graph.network}: {len(graph.layers)} layers, {in_three_digits(graph.macs, 'MACs')}, "
        f"{in_three_digits(graph.params)} parameters\n"
    )
    total = max(1, graph.macs)
    _table(
        ("layer", "shape", "MACs"),
        [(x.name, str(x.shape), f"{x.macs / total:.1%}") for x in graph.layers],
    )
    free = [group for group in graph.groups if not group.frozen]
    print(f"\n{len(free)} channel groups can be cut:")
    _table(
        ("group", "width", "may be", "cut together", "because"),
        [
            (
                group.name,
                _width_text(group),
                _widths_text(group, multiple),
                _listed(group.layers),
                _listed(group.couplings, "; "),
            )
            for group in free
        ],
    )
    frozen = [group for group in graph.groups if group.frozen]
    if frozen:
        print(f"\n{len(frozen)} keep their width:")
        _table(("group", "width", "because"), [(g.name, _width_text(g), g.reason) for g in frozen])
    if graph.unknown:
        print("\nOperators without a rule; channels that touch them keep their width:")
        for op, modules in graph.unknown.items():
            where = ", ".join(dict.fromkeys(module or "the network itself" for module in modules))
            print(f"  {op} in {where}")
    if graph.uncounted:
        print("\nNo lookup table has rows for:")
        _table(
            ("operator", "MACs", "elements"),
            [(x.name, f"{x.macs_share:.1%}", f"{x.elements:,}") for x in graph.uncounted],
        )
    if graph.precomputed:
        print(
            f"\nComputed once, before deployment, and so in no sum: "
            f"{_listed(tuple(graph.precomputed))}."
        )
    if graph.unreached:
        print(
            f"\nNot read in evaluation mode: {_listed(graph.unreached)}. They are cut with what "
            f"they read in training."
        )


def _width_text(group: ChannelGroup) -> str:
    return str(group.width) if group.step == 1 else f"{group.width} of {group.step}"


def _widths_text(group: ChannelGroup, multiple: int) -> str:
    widths = group.allowed_widths(multiple)
    text = (
        ", ".join(str(width) for width in widths)
        if len(widths) <= 3
        else f"{widths[0]}, {widths[1]} … {widths[-1]}"
    )
    return text if group.min_width <= multiple else f"{text}, at least {group.min_width}"


def _listed(items: tuple[str, ...], between: str = ", ", most: int = 4) -> str:
    text = between.join(items[:most])
    return text if len(items) <= most else f"{text} and {len(items) - most} more"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Columns aligned with spaces, so that the output can be read, cut and grepped."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  " + "  ".join(cells).rstrip())
