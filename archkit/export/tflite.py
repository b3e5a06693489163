"""A network as a TensorFlow Lite file, in float32 or in integers, and such a file run.

archkit writes the file itself: what `archkit.count.tflm` lays out is what is written, so that the memory it
takes on a device is known before there is a weight.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from archkit.count.tflm import Graph, file_bytes, lower
from archkit.errors import DataError, ExportError, unknown
from archkit.export.normalised import Normalised
from archkit.export.quiet import silent
from archkit.export.tflite_quantise import Range, quantised, unquantised
from archkit.export.tflite_weights import Values, constants
from archkit.plan import layout

if TYPE_CHECKING:
    from archkit.export.about import About
    from archkit.export.formats import Choices
    from archkit.nn import Network

__all__ = [
    "QUANTISATIONS",
    "interpreter_of",
    "run",
    "run_tflite",
    "tflite_bytes",
    "write",
    "write_c_array",
    "write_tflite",
]

QUANTISATIONS: Final = {"none": "float32", "int8": "int8", "int16x8": "int16x8"}
"""Ways to quantise, and the type that the values of the file then have."""


_OF_PIXELS: Final[dict[str, Range]] = {"int8": (0, 255), "int16x8": (0, 32767)}
"""A step for each: whoever has bytes need not scale them."""


def write(network: Network | Normalised, _about: About, path: Path, choices: Choices) -> str | None:
    """Writes the file, and beside it the same bytes as C++; see `archkit.export.formats`."""
    content = tflite_bytes(network, quantize=choices.quantize or "none", images=choices.images)
    path.write_bytes(content)
    write_c_array(content, path.with_suffix(".cc"))
    if choices.quantize is None or choices.images is None:
        return None
    return f"{choices.quantize}, ranges by {len(choices.images)} images"


def run(path: Path) -> Callable[[Values], Values]:
    """The file as a function; see `archkit.export.formats`."""
    try:
        return run_tflite(path)
    except ExportError as error:
        raise DataError(str(error)) from error


def write_tflite(
    network: Network | Normalised, path: Path | str, *, quantize: str = "none", images: Values | None = None
) -> None:
    """Writes a network to a TensorFlow Lite file.

    Args:
        network: with its weights; norms as they are in evaluation. The file of one that is `Normalised` takes
            pixels: 0 to 255 in float32 and in int16, the pixel less 128 in int8.
        path: of the file.
        quantize: `none`, `int8` or `int16x8` (maps in 16 bits, weights in 8).
        images: B x C x H x W, what the network takes: the ranges of the maps are those that they have for
            these images. `none` needs none.

    Raises:
        ExportError: the network has a layer that the format has no operator for, or a quantisation without
            images.
    """
    Path(path).write_bytes(tflite_bytes(network, quantize=quantize, images=images))


def tflite_bytes(
    network: Network | Normalised, *, quantize: str = "none", images: Values | None = None
) -> bytes:
    """The bytes of the file that `write_tflite` writes."""
    if quantize not in QUANTISATIONS:
        raise ExportError(unknown("quantisation", quantize, QUANTISATIONS))
    pixels = isinstance(network, Normalised)
    inside: Any = network.network if isinstance(network, Normalised) else network
    graph = lower(layout(inside.spec), pixels=pixels)
    data_type = QUANTISATIONS[quantize]
    graph.check(data_type)
    values = constants(network, graph)
    plain = file_bytes(graph, "float32", unquantised(graph, values))
    if data_type == "float32":
        return plain
    if images is None or len(images) == 0:
        raise ExportError(f"{quantize} needs images, whose maps show which range the integers must cover")
    ranges = _ranges(plain, graph, images)
    if pixels:
        ranges[0] = _OF_PIXELS[data_type]
    return file_bytes(graph, data_type, quantised(graph, values, ranges, data_type))


def run_tflite(path: Path | str) -> Callable[[Values], Values]:
    """A function from B x C x H x W images to B x K logits, which runs a file that `write_tflite` wrote.

    The images are rounded to the integers of a quantised file, and its logits are made real numbers again.

    Raises:
        ExportError: the file is missing, or is none of TensorFlow Lite.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror}") from None
    if content[4:8] != b"TFL3":
        raise ExportError(f"{path} is no TensorFlow Lite file")
    interpreter = interpreter_of(content)
    (entry,), (exit_,) = interpreter.get_input_details(), interpreter.get_output_details()

    def run(images: Values) -> Values:
        found = []
        for image in _channels_last(images):
            interpreter.set_tensor(entry["index"], _as_stored(image[None], entry))
            interpreter.invoke()
            found.append(_as_real(interpreter.get_tensor(exit_["index"])[0], exit_))
        return np.stack(found)

    return run


def write_c_array(content: bytes, path: Path | str, *, name: str = "model_data") -> None:
    """Writes the bytes of a file as a C++ source that a firmware is linked with.

    It defines `alignas(16) const unsigned char NAME[]` and `const unsigned int NAME_len`.
    """
    rows = [
        "  " + " ".join(f"0x{byte:02x}," for byte in content[at : at + 12])
        for at in range(0, len(content), 12)
    ]
    head = (
        f"// A TensorFlow Lite model, {len(content):,} bytes, for TensorFlow Lite Micro.\n"
        f"extern const unsigned char {name}[];\nextern const unsigned int {name}_len;\n\n"
        f"alignas(16) const unsigned char {name}[] = {{\n"
    )
    tail = f"\n}};\nconst unsigned int {name}_len = {len(content)};\n"
    Path(path).write_text(head + "\n".join(rows) + tail, encoding="utf-8")


def _ranges(content: bytes, graph: Graph, images: Values) -> dict[int, Range]:
    """The least and the greatest value of every map, over all images."""
    interpreter = interpreter_of(content, keep=True)
    maps = [i for i, tensor in enumerate(graph.tensors) if tensor.constant is None]
    found = dict.fromkeys(maps, (np.inf, -np.inf))
    for image in _channels_last(images):
        interpreter.set_tensor(0, image[None])
        interpreter.invoke()
        for i in maps:
            seen = interpreter.get_tensor(i)
            low, high = found[i]
            found[i] = min(low, float(seen.min())), max(high, float(seen.max()))
    return found


def interpreter_of(content: bytes, *, keep: bool = False, threads: int | None = None) -> Any:
    """TensorFlow Lite's interpreter, ready to run; `keep` where every map can be read afterwards.

    Raises:
        ExportError: it refuses the file.
    """
    # Here, since a float32 file is written without it.
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if keep else OpResolverType.AUTO
    try:
        with silent():  # it says by what it computes
            interpreter = Interpreter(
                model_content=content,
                experimental_preserve_all_tensors=keep,
                experimental_op_resolver_type=resolver,
                num_threads=threads,
            )
            interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ExportError(f"TensorFlow Lite refuses the file: {str(error).splitlines()[0]}") from None
    return interpreter


def _channels_last(images: Values) -> Values:
    found: Values = np.ascontiguousarray(np.asarray(images, dtype=np.float32).transpose(0, 2, 3, 1))
    return found


def _as_stored(image: Values, details: Any) -> Values:
    scale, zero = details["quantization"]
    if not scale:
        return image
    bounds = np.iinfo(details["dtype"])
    found: Values = np.clip(np.rint(image / scale) + zero, bounds.min, bounds.max).astype(details["dtype"])
    return found


def _as_real(logits: Values, details: Any) -> Values:
    scale, zero = details["quantization"]
    return logits if not scale else ((logits.astype(np.float32) - zero) * scale).astype(np.float32)
