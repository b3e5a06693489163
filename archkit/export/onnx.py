"""`onnx`: written by torch's exporter, run by onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn

from archkit.errors import DataError, ExportError, first_line
from archkit.export.about import About
from archkit.export.formats import Choices
from archkit.export.quiet import quiet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from archkit.export.formats import Run

__all__ = ["read_about", "run", "write"]

_IN: Final = "images"
_OUT: Final = "logits"
_OLDEST: Final = "2.10"  # the first torch whose exporter writes all networks with a batch of any size
_EXAMPLES: Final = 2  # images to trace with: of one, torch would take the batch for fixed


def write(network: nn.Module, about: About, path: Path, choices: Choices) -> str:
    """Writes the network, with a batch of any size, and what is said of it as metadata.

    Raises:
        ExportError: the network cannot be written in the opset that was chosen, or this torch is too old.
    """
    if torch.__version__ < _OLDEST:
        raise ExportError(f"ONNX needs torch {_OLDEST} or later, and this is {torch.__version__}")
    batch = torch.export.Dim("batch", min=1)
    with quiet():
        try:
            program: Any = torch.onnx.export(
                network,
                (torch.zeros(_EXAMPLES, *about.input),),
                dynamo=True,
                opset_version=choices.opset,
                input_names=[_IN],
                output_names=[_OUT],
                dynamic_shapes=({0: batch},),
                verbose=False,
            )
        except (torch.onnx.OnnxExporterError, ValueError) as error:
            raise ExportError(f"torch cannot write this network as ONNX: {first_line(error)}") from error
        opset = int(program.model.opset_imports[""])
        if choices.opset not in (None, opset):
            raise ExportError(
                f"opset {choices.opset} cannot be: torch {torch.__version__} writes this network in opset"
                f" {opset} instead; it can write those from 18 to the newest that the installed onnx knows"
            )
        program.model.producer_name, program.model.producer_version = "archkit", about.archkit
        program.model.metadata_props.update(about.to_metadata())
        program.save(path, external_data=False)
    return f"opset {opset}"


def read_about(path: Path) -> About:
    """What the metadata say.

    Raises:
        DataError: they say nothing of archkit, or the file is no ONNX model.
    """
    return About.from_metadata(_session(path).get_modelmeta().custom_metadata_map)


def run(path: Path) -> Run:
    """The file in onnxruntime, on the CPU.

    Raises:
        DataError: it is no ONNX model, or not one from B x C x H x W images to logits.
    """
    session = _session(path)
    names = [one.name for one in session.get_inputs()], [one.name for one in session.get_outputs()]
    if names != ([_IN], [_OUT]):
        raise DataError(
            f"{path} takes {', '.join(names[0])} and gives {', '.join(names[1])}: archkit did not write it"
        )

    def logits(images: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = session.run([_OUT], {_IN: images})[0]
        return found

    return logits


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = torch.get_num_threads()
    path.open("rb").close()  # what cannot be read says so in Python's words
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors share no class that it exports
        raise DataError(
            f"onnxruntime {onnxruntime.__version__} cannot run {path}: {first_line(error)}"
        ) from error
