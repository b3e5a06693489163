"""How wide a text is at most, whatever sans serif font a reader has.

The widths are those of DejaVu Sans, rounded up: of the fonts that systems fall back on it is the widest but
for Verdana, which it equals. So what has room here has room elsewhere.
"""

from __future__ import annotations

from typing import Final

__all__ = ["text_width", "wrapped"]

# Hundredths of the font's size, and which characters are at most so wide.
_PLAIN: Final = {
    30: "'IJijl",
    35: " ,./:;|\\",
    40: "()-[]ft",
    50: '!r"*_`',
    60: "?cszFLkvxy",
    65: "$0123456789EPSTYabdeghnopqu{}",
    75: "ABCKRVXZNU",
    90: "&DGHOQ#+<=>^w~M",
}
_BOLD: Final = {
    40: " 'ijl,./:;IJ|\\",
    50: "-f!()[]_`rt",
    60: '"*?csz',
    70: "L$0123456789EFTaekovxy",
    75: "CPSYZbdghnpqu{}",
    90: "ABKRVX#+<=>DGHNU^~&OQ",
    100: "w@M",
    115: "%mW",
}
_OTHER: Final = 100
_WIDTHS: Final = tuple(
    {one: width for width, several in table.items() for one in several} for table in (_PLAIN, _BOLD)
)


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """The most room that a text takes at a font size, in the size's unit.

    >>> text_width("3x3, 64", 10)
    39.0
    """
    widths = _WIDTHS[bold]
    return sum(widths.get(one, _OTHER) for one in text) * size / 100


def wrapped(text: str, size: float, room: float, *, bold: bool = False) -> list[str]:
    """A text in lines that fit: broken at blanks, and inside a word where that alone is too long.

    >>> wrapped("[2,1,1,1]x[64,128,256,512] bias=yes", 10, 150)
    ['[2,1,1,1]x[64,128,256,512]', 'bias=yes']
    """
    lines = [""]
    for word in text.split():
        left = word
        joined = f"{lines[-1]} {left}".strip()
        if text_width(joined, size, bold=bold) <= room:
            lines[-1] = joined
            continue
        while left:
            cut = len(left)
            while cut > 1 and text_width(left[:cut], size, bold=bold) > room:
                # Behind a comma if there is one: a long list of numbers is broken between two.
                comma = left.rfind(",", 0, cut - 1) + 1
                cut = comma if comma > 1 else cut - 1
            lines.append(left[:cut])
            left = left[cut:]
    return lines[1:] if not lines[0] and len(lines) > 1 else lines
