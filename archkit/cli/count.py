"""`archkit count`: what a network costs."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from archkit.cli.completion import budgets
from archkit.cli.ignored import one_of, refuse
from archkit.cli.memory import Target, Values
from archkit.cli.render import exact, new_table, show
from archkit.cli.specs import Specs
from archkit.cli.tables import Latency, Tables, named_tables
from archkit.count.optimizers import OPTIMIZER_STATES
from archkit.count.tools import Tool

if TYPE_CHECKING:
    from rich.table import Table

    from archkit.count import Account
    from archkit.count.report import LayerCost
    from archkit.spec import ArchSpec

__all__ = ["By", "count_command"]

_MOST_BLOCKS: Final = 50  # of a stage, that have rows of their own
_BLOCK: Final = "@"  # stands for the name of a block, and is in no name


class By(StrEnum):
    """What a row of the table stands for."""

    layer = "layer"
    stage = "stage"
    operator = "operator"


def count_command(
    specs: Specs,
    by: Annotated[
        By | None,
        typer.Option("--by", show_default="layer", help="Print a row for each layer, stage or operator."),
    ] = None,
    with_memory: Annotated[
        bool, typer.Option("--memory", help="Show the memory of training and inference instead.")
    ] = False,
    batch: Annotated[
        int | None, typer.Option(min=1, show_default="1", help="Images in a batch, for --memory.")
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            show_default="momentum", help=f"Optimizer, for --memory: {', '.join(OPTIMIZER_STATES)}."
        ),
    ] = None,
    target: Annotated[
        Target | None,
        typer.Option(
            help="Show what it takes there instead, for --memory: tflm is TensorFlow Lite Micro, torch a "
            "forward pass of eager torch, cuda a step of training on a GPU.",
        ),
    ] = None,
    values: Annotated[
        Values | None,
        typer.Option(
            show_default="int8", help="What the network is quantised to, for --target; float32 is not at all."
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            metavar="NAME|FILE",
            autocompletion=budgets,
            help="Show what is left of a budget (one that `archkit budgets` lists, or a TOML file), and "
            "which single changes still fit.",
        ),
    ] = None,
    table: Tables = None,
    latency: Latency = None,
    as_tool: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="TOOL",
            help=f"Show what another counter prints, term by term: {', '.join(tool.value for tool in Tool)}.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Build the network and ask every counter that is installed (or the one of --as)."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines, one object per spec.")] = False,
) -> None:
    """Count parameters, multiply-accumulates and activations, exactly.

    MACs are the multiply-accumulates of convolutions and linear layers for one image, with the bias not
    counted; activations are the elements that those layers put out.

    Example: archkit count resnet50 --by stage
    """
    from archkit.spec import parse

    one_of(budget=budget, memory=with_memory, as_=as_tool)
    one_of(budget=budget, memory=with_memory, check=check)
    if by is not None:
        layers = "does not go with --by, which is for a table of layers"
        refuse(layers, json=as_json, budget=budget, memory=with_memory, as_=as_tool, check=check)
        if len(specs) > 1:
            refuse("is for one network; several are set side by side", by=by)
    if not with_memory:
        refuse("goes with --memory", batch=batch, optimizer=optimizer, target=target, values=values)
    if target is not Target.tflm:
        refuse("goes with --target tflm", values=values)
    else:
        refuse("does not go with --target tflm, which runs one image at a time", batch=batch)
    if target in (Target.tflm, Target.torch):
        refuse(f"does not go with --target {target}, which does not train", optimizer=optimizer)
    parsed = [parse(text) for text in specs]
    tables = named_tables(table or (), latency)
    if budget is not None:
        from archkit.cli.headroom import show_headroom

        show_headroom(parsed, budget, tables=tables, as_json=as_json)
    elif tables:
        from archkit.cli.by_table import show_by_table

        alone = "does not go with --table"
        refuse(alone, by=by, memory=with_memory, as_=as_tool, check=check)
        show_by_table(parsed, tables, as_json=as_json)
    elif with_memory:
        from archkit.cli.memory import show_on_target

        show_on_target(parsed, target, batch=batch, optimizer=optimizer, values=values, as_json=as_json)
    elif check:
        from archkit.cli.check import show_check

        show_check(parsed, tool=as_tool, as_json=as_json)
    elif as_tool is not None:
        from archkit.cli.check import show_as

        show_as(parsed, as_tool, as_json=as_json)
    elif as_json:
        from archkit.count import count

        for spec in parsed:
            _stream_json(count(spec, fold=2))
    elif len(parsed) == 1:
        _show_one(parsed[0], by or By.layer)
    else:
        _show_side_by_side(specs, parsed)


def _stream_json(account: Account) -> None:
    """Write an account as one JSON object, layer by layer: there may be millions of them."""
    import json
    from itertools import groupby

    head = {
        "spec": str(account.spec),
        "params": account.params,
        "macs": account.macs,
        "activations": account.activations,
        "params_equation1": account.params_equation1,
    }
    put = sys.stdout.write
    put(json.dumps(head, ensure_ascii=False)[:-1] + ', "layers": [')
    between = ""
    for (block, times), costs in groupby(account.layers, key=lambda cost: (_block(cost), cost.times)):
        # Of identical blocks the text is made once, without the block's name.
        texts = [json.dumps(_layer_as_json(cost, block), ensure_ascii=False) for cost in costs]
        start, _, first = block.rpartition("block")
        for number in range(times):
            name = block if times == 1 else f"{start}block{int(first) + number}"
            for text in texts:
                put(between + text.replace(_BLOCK, name, 1))
                between = ", "
    put("]}\n")


def _block(cost: LayerCost) -> str:
    """The first two parts of a layer's name: `stage1.block2`."""
    return ".".join(cost.layer.name.split(".")[:2])


def _layer_as_json(cost: LayerCost, block: str) -> dict[str, Any]:
    """A layer, or one of those that it stands for."""
    return {
        "name": _BLOCK + cost.layer.name.removeprefix(block),
        "kind": cost.layer.kind,
        "in_shape": list(cost.layer.in_shape),
        "out_shape": list(cost.layer.out_shape),
        "params": cost.params // cost.times,
        "macs": cost.macs // cost.times,
    }


def _show_one(spec: ArchSpec, by: By) -> None:
    from archkit.count import count

    account = count(spec, fold=_MOST_BLOCKS)
    if by is By.operator:
        table = new_table("operator", "layers", "params", "MACs", right=("layers", "params", "MACs"))
        for kind in account.by_operator():
            table.add_row(
                kind.name,
                exact(sum(cost.times for cost in kind.layers)),
                _cell(kind.params),
                _cell(kind.macs),
            )
        table.add_section()
        last = [exact(sum(cost.times for cost in account.layers))]
    else:
        table = _table_by_layer(account, by)
        last = ["", ""]
    table.title = str(spec)
    table.add_row("total", *last, exact(account.params), exact(account.macs), style="bold green")
    show(
        table,
        f"Activations {exact(account.activations)}, depth {account.depth}, "
        f"receptive field {account.receptive_field}.",
        f"For one {_shape(spec.input)} image; MACs leave the bias out.",
        f"Equation 1 gives {exact(account.params_equation1)} parameters:",
        *(f"  {'+' if n > 0 else '-'} {exact(abs(n))} {what}" for what, n in account.equation1_terms()),
    )


def _table_by_layer(account: Account, by: By) -> Table:
    table = new_table("layer", "kind", "output", "params", "MACs", right=("output", "params", "MACs"))
    for part in account.parts:
        if not part.layers:
            continue  # `stem=none`
        if by is By.layer:
            for cost in part.layers:
                layer = cost.layer
                table.add_row(
                    _name(cost), layer.kind, _shape(layer.out_shape), _cell(cost.params), _cell(cost.macs)
                )
        table.add_row(
            part.name,
            "",
            _shape(part.layers[-1].layer.out_shape),
            exact(part.params),
            exact(part.macs),
            style="bold",
            end_section=by is By.layer,
        )
    if by is By.stage:
        table.add_section()
    elif any(cost.times > 1 for cost in account.layers):
        table.caption = "Identical blocks have one row; its figures are those of all of them."
        table.caption_justify = "left"
    return table


def _name(cost: LayerCost) -> str:
    """A layer's name, which says which blocks it stands for: `stage1.block2..20000.conv1`."""
    block = _block(cost)
    if cost.times == 1:
        return cost.layer.name
    return f"{block}..{cost.times + 1}{cost.layer.name.removeprefix(block)}"


def _show_side_by_side(texts: list[str], specs: list[ArchSpec]) -> None:
    """A row for each network; where a name was typed, it stands before the spec that it means."""
    from archkit.count import totals

    columns = ("params", "MACs", "activations", "depth")
    typed = [" ".join(text.split()) for text in texts]
    named = any(
        text != str(spec) and not text.startswith("[") for text, spec in zip(typed, specs, strict=True)
    )
    table = new_table(*(["network"] if named else []), "spec", *columns, right=columns)
    for text, spec in zip(typed, specs, strict=True):
        name = [] if not named else ["" if text.startswith("[") else text]
        table.add_row(*name, str(spec), *(exact(figure) for figure in totals(spec)))
    show(table)


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _cell(n: int) -> str:
    return exact(n) if n else "-"
