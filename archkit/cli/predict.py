"""`archkit predict`: the classes that the network of a finished run sees in images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from archkit.cli.render import json_line, new_table, show
from archkit.cli.training import Device
from archkit.errors import DataError

__all__ = ["predict_command"]


def predict_command(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a finished run, which `archkit bench` left.")
    ],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Files of images.")],
    top: Annotated[int, typer.Option(min=1, help="How many classes to print of each image.")] = 1,
    resize: Annotated[
        bool, typer.Option("--resize", help="Scale images of another size to the network's input.")
    ] = False,
    device: Device = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object for each image, one a line.")
    ] = False,
) -> None:
    """Say which classes the network of a finished run sees in images, the likeliest first.

    Images are read as in training, and normalised by the mean and the
    deviation in the run's result. Example: archkit predict runs/NAME cat.png
    """
    for image in images:
        if not image.is_file():
            raise DataError(f"there is no image {image}")

    from archkit.bench.train.device import pick_device
    from archkit.bench.use.trained import trained

    network = trained(run, device=pick_device(device), resize=True if resize else None)
    classes = network.result.data.classes
    table = new_table("image", "class", "probability", right=("probability",))
    for image, shares in zip(images, network.probabilities(images), strict=True):
        likeliest = sorted(range(len(classes)), key=lambda k: -shares[k])[:top]
        if as_json:
            found = [{"class": classes[k], "probability": shares[k]} for k in likeliest]
            json_line({"image": str(image), "classes": found})
            sys.stdout.flush()
            continue
        for place, k in enumerate(likeliest):
            table.add_row("" if place else str(image), classes[k], f"{shares[k]:.1%}")
    if not as_json:
        show(table)
