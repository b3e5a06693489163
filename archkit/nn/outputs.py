"""Whether a module computes what the network of a spec computes.

Both get the same random weights and the same random images, in float64 and eval mode.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor, nn

from archkit.errors import InferError
from archkit.nn.layers import ZeroPad
from archkit.nn.network import build
from archkit.nn.wrappers import inner
from archkit.spec import ArchSpec

__all__ = ["OutputsError", "alterations", "compare_outputs", "run_on_meta", "unwrapped"]

_IMAGES: Final = 2


class OutputsError(InferError):
    """A module has the layers of a spec, but it computes something else, or it is not known what."""


def unwrapped(module: nn.Module) -> nn.Module:
    """The module inside `torch.compile`'s, `DataParallel`'s and such wrappers.

    Raises:
        InferError: a wrapper has a hook or a forward pass of its own.
    """
    while (inside := inner(module)) is not None:
        changed = _alteration(module, compiled=True)
        if changed is not None:
            raise InferError(f"the {type(module).__name__} around the network {changed}")
        module = inside
    return module


def alterations(module: nn.Module) -> list[str]:
    """What makes a module run otherwise than its type does, in words."""
    found = []
    for name, part in module.named_modules():
        changed = _alteration(part)
        if changed is not None:
            found.append(f"{name or 'the module'} {changed}")
    return found


def _alteration(part: nn.Module, *, compiled: bool = False) -> str | None:
    if part._forward_hooks or part._forward_pre_hooks:
        return "has a forward hook"
    if "forward" in vars(part) and not compiled:
        return "has a forward pass of its own"
    return None


def compare_outputs(
    module: nn.Module, spec: ArchSpec, keys: Mapping[str, str], *, why: str | None = None
) -> None:
    """Puts the same random numbers into both, and compares what they make of the same images.

    The zeros of option A may stand behind the old channels, or half of them before.

    Args:
        module: with numbers; its own are left as they are, and so is its mode.
        spec: of the other.
        keys: names of the module's tensors, and of the same ones in the network that `build` makes.
        why: what is not known about the module, for errors.

    Raises:
        OutputsError: outputs differ, or the module's cannot be computed.
    """
    about = "" if why is None else f"{why}, and "
    generator = torch.Generator().manual_seed(0)
    # What is not saved, such as the filter of a blur, and what counts batches is left as it is.
    drawn = {
        name: _drawn(name, tensor, generator)
        if name in keys and tensor.is_floating_point()
        else _as_it_is(tensor)
        for name, tensor in _tensors(module)
    }
    images = torch.randn(_IMAGES, *spec.input, dtype=torch.float64, generator=generator)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        ours = build(spec, device="cpu", dtype=torch.float64).eval()
        # A factor for each channel, or the weight of a linear layer, may have other sides elsewhere.
        shapes = {key: tensor.shape for key, tensor in ours.state_dict().items()}
        ours.load_state_dict(
            {here: drawn[there].reshape(shapes[here]) for there, here in keys.items() if there in drawn},
            strict=False,
        )
        with _plainly(module):
            try:
                came: Any = torch.func.functional_call(module, drawn, (images,))
            except Exception as error:  # the forward pass is somebody's own, and may raise anything
                raise OutputsError(
                    f"{about}on an input of {tuple(images.shape)} it fails: {type(error).__name__}: {error}"
                ) from error
        alike = _alike(came, ours(images))
        pads = [part for part in ours.modules() if isinstance(part, ZeroPad)]
        if not alike and pads:
            for pad in pads:
                pad.before = pad.new // 2
            alike = _alike(came, ours(images))
    if not alike:
        raise OutputsError(f"{about}its outputs are not those of the nearest spec, {spec}")


def run_on_meta(module: nn.Module, spec: ArchSpec) -> None:
    """Runs a module without numbers, for the shape of its outputs.

    Raises:
        OutputsError: it fails, or its outputs have another shape.
    """
    images = torch.empty(_IMAGES, *spec.input, device="meta")
    dtype = next((p.dtype for p in module.parameters()), images.dtype)
    with torch.no_grad(), _plainly(module):
        try:
            came: Any = module(images.to(dtype))
        except Exception as error:  # as above
            raise OutputsError(
                f"on an input of {tuple(images.shape)} it fails: {type(error).__name__}: {error}"
            ) from error
    if not isinstance(came, Tensor) or came.shape != (_IMAGES, spec.classes):
        raise OutputsError(f"its outputs are not those of the nearest spec, {spec}")


def _alike(came: object, expected: Tensor) -> bool:
    if not isinstance(came, Tensor):
        came = getattr(came, "logits", None)  # as Hugging Face's models return them
    return (
        isinstance(came, Tensor)
        and came.shape == expected.shape
        and torch.allclose(came.to(expected), expected)
    )


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


def _drawn(name: str, tensor: Tensor, generator: torch.Generator) -> Tensor:
    """Random numbers in a tensor's place, such that no layer is the identity or zero."""
    out = torch.empty(tensor.shape, dtype=torch.float64)
    if out.ndim > 1:
        return out.normal_(std=out[0].numel() ** -0.5, generator=generator)
    if name.endswith(("weight", "var")):
        return out.uniform_(0.5, 1.5, generator=generator)
    return out.normal_(std=0.1, generator=generator)


def _as_it_is(tensor: Tensor) -> Tensor:
    if tensor.is_meta and not tensor.is_floating_point():  # what counts batches
        return torch.zeros(tensor.shape, dtype=tensor.dtype)
    if tensor.is_meta:
        raise OutputsError("on the meta device no outputs can be compared: it has numbers that are not saved")
    return tensor.detach().to(device="cpu", dtype=torch.float64 if tensor.is_floating_point() else None)


@contextmanager
def _plainly(module: nn.Module) -> Iterator[None]:
    """Eval mode, and nothing compiled; afterwards everything is as it was."""
    before = [(part, part.training, part._compiled_call_impl) for part in module.modules()]
    try:
        for part, _, _ in before:
            part.training, part._compiled_call_impl = False, None
        yield
    finally:
        for part, training, compiled in before:
            part.training, part._compiled_call_impl = training, compiled
