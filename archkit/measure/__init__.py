"""What networks and their blocks take where they will run, timed."""

from archkit.measure.blocks import Additivity, Timed, check_additivity, measure_blocks
from archkit.measure.timers import PLACES

__all__ = ["PLACES", "Additivity", "Timed", "check_additivity", "measure_blocks"]
