"""A space under a budget as a page to look around in: `explore`, and `to_html` for the page."""

from archkit.explore.exploration import Exploration, explore
from archkit.explore.html import to_html
from archkit.explore.lines import Line
from archkit.explore.points import KINDS, Point

__all__ = ["KINDS", "Exploration", "Line", "Point", "explore", "to_html"]
