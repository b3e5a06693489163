"""`archkit export`: writes a network, or that of a run, as a file that runs without archkit."""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archkit.bench.data.sources import DOWNLOADS
from archkit.cli.ignored import refuse
from archkit.cli.interrupts import warnings_in_lines
from archkit.cli.render import exact, json_line, show
from archkit.cli.training import Cache
from archkit.cli.working import working
from archkit.export.formats import FORMATS, check_path, format_for
from archkit.files import is_folder
from archkit.spec import parse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from archkit.bench.use.preprocess import Preprocess
    from archkit.export import About, Exported
    from archkit.nn import Network
    from archkit.spec import ArchSpec

__all__ = ["export_command"]

_SAMPLE = 256  # training images that show the ranges of integers


class Integers(StrEnum):
    """How the values of a TensorFlow Lite file are stored; weights are 8 bits in both."""

    int8 = "int8"
    int16x8 = "int16x8"


def export_command(
    network: Annotated[
        str,
        typer.Argument(
            metavar="SPEC|RUN", help="A network, whose weights are drawn, or the folder of a finished run."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")],
    to: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            show_default="by the file's ending",
            help="; ".join(f"{one.name} ({one.suffix}): {one.says}" for one in FORMATS.values()) + ".",
        ),
    ] = None,
    fold: Annotated[
        bool,
        typer.Option(
            "--fold-normalisation",
            help="Let the file itself subtract the mean and divide by the deviation of a run's images:"
            " it takes pixels, 0 to 255, as float32.",
        ),
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|DIR",
            help=f"Compare the outputs on test images of {', '.join(DOWNLOADS)}, shapes, or a folder with"
            " images in DIR/test/CLASS. Otherwise on random ones.",
        ),
    ] = None,
    opset: Annotated[
        int | None, typer.Option(min=1, show_default="torch's choice", help="Of ONNX's operators.")
    ] = None,
    quantize: Annotated[
        Integers | None,
        typer.Option(
            show_default="float32",
            help="The integers of a TensorFlow Lite file. Their ranges are those of 256 training images"
            " of --data.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, show_default="0", help="Of the weights that are drawn for a SPEC.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
    cache: Cache = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was written as one JSON object.")
    ] = False,
) -> None:
    """Write a network as a file that runs without archkit, and compare it.

    The file takes a batch of images in float32 and gives logits. A run brings
    its weights, its classes and its normalisation. Before the file is left it
    is run: its outputs must be the network's.

    Example: archkit export runs/NAME -o net.onnx
    """
    chosen = format_for(to, output)
    check_path(chosen, output, force=force)
    if "opset" not in chosen.choices:
        refuse(f"does not go with {chosen.name}", opset=opset)
    if "quantize" not in chosen.choices:
        refuse(f"does not go with {chosen.name}", quantize=quantize)
    folder = Path(network)
    if network and (is_folder(folder) or len(folder.parts) > 1):
        refuse("goes with a SPEC: a run has its weights", seed=seed)
        chosen.check_installed()
        module, about, prepare = _of_run(folder, fold=fold)
    else:
        refuse(
            "goes with a RUN: a network that was not trained has no normalisation", fold_normalisation=fold
        )
        refuse("goes with a RUN, which says what its network takes of an image", data=data, cache=cache)
        prepare = None
        spec = parse(network)
        chosen.check_installed()
        module, about = _of_spec(spec, seed or 0)
    images, sample, whose = None, None, "random images"
    if quantize is not None and prepare is not None and data is None:
        raise typer.BadParameter("--quantize needs --data: images show which range the integers must cover")
    if data is not None and prepare is not None:
        with warnings_in_lines(quiet=as_json):
            images, name = _images(data, module.spec, prepare, cache, fold=fold)
            if quantize is not None:
                sample = _sample(data, prepare, cache, fold=fold)
        whose = f"test images of {name}"

    from archkit.export import export

    with working(f"writing {output}"):
        done = export(
            module,
            output,
            to=chosen.name,
            about=about,
            opset=opset,
            quantize=quantize,
            images=images,
            sample=sample,
            force=force,
        )
    if as_json:
        json_line(
            {
                "files": [str(file) for file in done.files], "format": chosen.name, "said": done.said,
                "images": done.images, "of": whose, "difference": done.difference, "largest": done.largest,
                "about": dataclasses.asdict(about),
            }
        )  # fmt: skip
        return
    _show(done, chosen.name, whose)


def _of_run(folder: Path, *, fold: bool) -> tuple[Network, About, Preprocess]:
    from archkit.bench.use.exported import about_run
    from archkit.bench.use.trained import trained

    network = trained(folder)
    return network.model, about_run(network, folder, fold=fold), network.prepare


def _of_spec(spec: ArchSpec, seed: int) -> tuple[Network, About]:
    import torch

    from archkit.export import About
    from archkit.nn import build

    torch.manual_seed(seed)
    return build(spec), About(spec=str(spec), input=spec.input, weights=f"random, by seed {seed}")


def _images(
    source: str, spec: ArchSpec, prepare: Preprocess, cache: Path | None, *, fold: bool
) -> tuple[NDArray[np.float32], str]:
    """What the file takes of test images, from the first to the last at even steps; and the data's name."""
    from archkit.bench.data.load import load_test
    from archkit.export.exporting import compared_on

    most = compared_on(spec)
    name, _, part = load_test(source, cache=cache, input=prepare.input, resize=prepare.resize)
    return _at_even_steps(part[0], most, prepare, fold=fold), name


def _sample(source: str, prepare: Preprocess, cache: Path | None, *, fold: bool) -> NDArray[np.float32]:
    """What the file takes of training images, from the first to the last at even steps."""
    from archkit.bench.data.load import load_data

    data = load_data(source, cache=cache, input=prepare.input, resize=prepare.resize)
    return _at_even_steps(data.train_images, _SAMPLE, prepare, fold=fold)


def _at_even_steps(
    images: NDArray[np.uint8], most: int, prepare: Preprocess, *, fold: bool
) -> NDArray[np.float32]:
    """Pixels where the file normalises them itself."""
    import numpy as np

    steps = np.linspace(0, len(images) - 1, min(most, len(images))).astype(int)
    chosen = np.asarray(images[steps])
    found: NDArray[np.float32] = chosen.astype(np.float32) if fold else prepare(chosen).numpy()
    return found


def _show(done: Exported, name: str, whose: str) -> None:
    from rich.table import Table

    about = done.about
    table = Table.grid(padding=(0, 2))
    table.add_row("network", about.spec)
    table.add_row("weights", about.weights)
    table.add_row("format", name if done.said is None else f"{name}, {done.said}")
    table.add_row("takes", f"B x {' x '.join(map(str, about.input))} in float32: {about.images}")
    difference = f"{done.difference:.1e}" if done.difference else "0"
    furthest = f"largest difference {difference}, largest logit {done.largest:.3g}"
    table.add_row("compared", f"on {done.images} {whose}: {furthest}")
    for i, file in enumerate(done.files):
        table.add_row("" if i else "written", f"{file}, {exact(file.stat().st_size)} bytes")
    show(table)
