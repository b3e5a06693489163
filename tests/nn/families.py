"""Which networks of timm and torchvision the zoo has, beside their ResNets, and why it has no others."""

from __future__ import annotations

from typing import Final

import timm
import torchvision

from archkit.spec import zoo

EXPERTS: Final = "convs whose weights depend on the image (CondConv)"
PRUNED: Final = "pruned conv by conv: each has a width of its own, which no list by stage says"
EVO: Final = "a norm of another kind (EvoNorm, filter response norm)"
SPACE: Final = "a map folded into its channels (space to depth)"
ATTENTION: Final = "attention over positions"
GATE: Final = "attention that the language has no word for"

LEFT_OUT: Final = {
    "efficientnet": {
        **{
            f"{tf}efficientnet_cc_{size}": EXPERTS
            for tf in ("", "tf_")
            for size in ("b0_4e", "b0_8e", "b1_8e")
        },
        **{f"efficientnet_{size}_pruned": PRUNED for size in ("b1", "b2", "b3", "es", "el")},
        "test_efficientnet_evos": EVO,
        **dict.fromkeys(("efficientnet_x_b3", "efficientnet_x_b5", "efficientnet_h_b5"), SPACE),
        "gc_efficientnetv2_rw_t": GATE,
    },
    "mobilenetv3": {
        **{
            f"mobilenetv4_hybrid_{size}": ATTENTION for size in ("medium", "medium_075", "large", "large_075")
        },
    },
    "regnet": {},
    "vgg": {},
    "resnetv2": {
        **dict.fromkeys(("resnetv2_50d_evos", "resnetv2_50d_frn"), EVO),
    },
    "convnext": {},
}
"""Of timm's modules, by module: the names that the zoo does not have, each with its reason."""

TIMM: Final = {module: sorted(timm.list_models(module=module)) for module in LEFT_OUT}
TORCHVISION: Final = sorted(
    name
    for name in torchvision.models.list_models(module=torchvision.models)
    if torchvision.models.get_model_builder(name).__module__.rpartition(".")[2]
    in ("mobilenetv2", "mobilenetv3", "efficientnet", "mnasnet", "regnet", "convnext", "vgg")
)

COVERED: Final = [
    *(("timm", name) for names in TIMM.values() for name in names if zoo.find(name) is not None),
    *(("torchvision", name) for name in TORCHVISION if zoo.find(name) is not None),
]
"""(library, name) of every network that the zoo has."""
