"""RegNets that have a name: their blocks, widths and group widths, as their authors' search found them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from archkit.spec.known import IMAGENET, Known

__all__ = ["regnets"]

_SOURCE: Final = "Radosavovic et al. 2020, Designing Network Design Spaces"

# blocks, widths, group width; where that is wider than a stage, the stage is a single group.
_REGNETS: Final = {
    "x_002": ("1,1,4,7", "24,56,152,368", "8"),
    "x_004": ("1,2,7,12", "32,64,160,384", "16"),
    # torchvision adjusts a width up where it would otherwise fall by more than a tenth.
    "x_004_tv": ("1,2,7,12", "32,64,160,400", "16"),
    "x_006": ("1,3,5,7", "48,96,240,528", "24"),
    "x_008": ("1,3,7,5", "64,128,288,672", "16"),
    "x_016": ("2,4,10,2", "72,168,408,912", "24"),
    "x_032": ("2,6,15,2", "96,192,432,1008", "48"),
    "x_040": ("2,5,14,2", "80,240,560,1360", "40"),
    "x_064": ("2,4,10,1", "168,392,784,1624", "56"),
    "x_080": ("2,5,15,1", "80,240,720,1920", "[80,120,120,120]"),
    "x_120": ("2,5,11,1", "224,448,896,2240", "112"),
    "x_160": ("2,6,13,1", "256,512,896,2048", "128"),
    "x_320": ("2,7,13,1", "336,672,1344,2520", "168"),
    "y_002": ("1,1,4,7", "24,56,152,368", "8"),
    "y_004": ("1,3,6,6", "48,104,208,440", "8"),
    "y_006": ("1,3,7,4", "48,112,256,608", "16"),
    "y_008": ("1,3,8,2", "64,128,320,768", "16"),
    "y_008_tv": ("1,3,8,2", "64,144,320,784", "16"),
    "y_016": ("2,6,17,2", "48,120,336,888", "24"),
    "y_032": ("2,5,13,1", "72,216,576,1512", "24"),
    "y_040": ("2,6,12,2", "128,192,512,1088", "64"),
    "y_064": ("2,7,14,2", "144,288,576,1296", "72"),
    "y_080": ("2,4,10,1", "168,448,896,2016", "56"),
    "y_080_tv": ("2,4,10,1", "224,448,896,2016", "56"),
    "y_120": ("2,5,11,1", "224,448,896,2240", "112"),
    "y_160": ("2,4,11,1", "224,448,1232,3024", "112"),
    "y_320": ("2,5,12,1", "232,696,1392,3712", "232"),
    "y_640": ("2,5,12,1", "328,984,1968,4920", "328"),
    "y_1280": ("2,7,17,1", "528,1056,2904,7392", "264"),
    "y_2560": ("2,7,17,1", "746,1492,4103,10444", "373"),
}
_TORCHVISION: Final = {
    "x_400mf": "x_004_tv",
    "x_800mf": "x_008",
    "x_1_6gf": "x_016",
    "x_3_2gf": "x_032",
    "x_8gf": "x_080",
    "x_16gf": "x_160",
    "x_32gf": "x_320",
    "y_400mf": "y_004",
    "y_800mf": "y_008_tv",
    "y_1_6gf": "y_016",
    "y_3_2gf": "y_032",
    "y_8gf": "y_080_tv",
    "y_16gf": "y_160",
    "y_32gf": "y_320",
    "y_128gf": "y_1280",
}


def regnets() -> Iterator[Known]:
    """Every one of them, by timm's names and by torchvision's."""
    for name in _REGNETS:
        yield Known(f"regnet{name}", _spec(name), _SOURCE)
    for name, same in _TORCHVISION.items():
        yield Known(f"regnet_{name}", _spec(same), _SOURCE)
    more = "act=silu norm=group-width:16"
    yield Known("regnety_040_sgn", _spec("y_040", more), "timm, models/regnet.py")
    yield from _kin()


def _kin() -> Iterator[Known]:
    v, z = "block=regnetv stride=[2,2,2,2] se=input", "block=regnetz stride=[2,2,2,2] se=input"
    z_040 = f"[2,6,14,6]x[48,104,240,528] {z} group_width=8"
    for name, spec in (
        ("v_040", f"[2,6,12,2]x[128,192,512,1088] {v} group_width=64"),
        ("v_064", f"[2,7,14,2]x[144,288,576,1296] {v} group_width=72 shortcut=avg"),
        ("z_005", f"[1,4,9,7]x[16,40,104,256] {z} group_width=4 head_conv=1024"),
        ("z_040", z_040),
        ("z_040_h", f"{z_040} head_conv=1536"),
    ):
        yield Known(f"regnet{name}", f"{spec} act=silu stem=conv3s2 {IMAGENET}", "timm, models/regnet.py")


def _spec(name: str, *more: str) -> str:
    blocks, widths, group_width = _REGNETS[name]
    gate = ("se=input",) if name.startswith("y") else ()
    parts = (f"[{blocks}]x[{widths}] block=regnet stride=[2,2,2,2]", *gate, f"group_width={group_width}")
    return " ".join((*parts, *more, "stem=conv3s2", IMAGENET))
