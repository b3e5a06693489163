"""The zoo in timm: `import archkit.export.timm`, then `timm.create_model("archkit_resnet10")`.

Every name of `archkit zoo` is registered with `archkit_` before it, and with `_` where it has `-`. There are
no weights to be downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import timm

from archkit.errors import ExportError
from archkit.nn import Network, build
from archkit.spec import parse, zoo

__all__: list[str] = []  # timm adds each name


def _entrypoint(name: str) -> Callable[..., Network]:
    """The function that timm calls for a name."""

    def create(
        pretrained: bool = False,
        *,
        num_classes: int | None = None,
        in_chans: int | None = None,
        img_size: int | tuple[int, int] | None = None,
        pretrained_cfg: Any = None,
        pretrained_cfg_overlay: Any = None,
        cache_dir: Any = None,
        **more: Any,
    ) -> Network:
        if pretrained or pretrained_cfg or pretrained_cfg_overlay or cache_dir:
            raise ExportError(
                f"archkit has no weights for {name}: pretrained=False, and no configuration of any"
            )
        if more:
            raise ExportError(
                f"{next(iter(more))} is not taken by archkit's networks; num_classes, in_chans and img_size"
                " are"
            )
        spec = parse(name)
        c, h, w = spec.input
        if img_size is not None:
            h, w = (img_size, img_size) if isinstance(img_size, int) else img_size
        spec = spec.replace(
            classes=spec.classes if num_classes is None else num_classes,
            input=(c if in_chans is None else in_chans, h, w),
        )
        network = build(spec)
        network.num_classes = spec.classes  # timm's scripts read it
        return network

    create.__name__ = create.__qualname__ = f"archkit_{name.replace('-', '_').replace('.', '_')}"
    create.__module__ = __name__
    create.__doc__ = f"archkit's {name}, `{parse(name)}`."
    return create


for _name in zoo.names():
    _create = _entrypoint(_name)
    globals()[_create.__name__] = _create
    timm.models.register_model(_create)
