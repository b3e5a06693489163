"""What is found on `archkit` itself: the commands as functions that take texts and keywords.

Each is a call or two of the packages below, which take values and have every option.
"""

from archkit.api.budgets import enumerate, solve  # noqa: A004 - the command's name, as archkit.enumerate
from archkit.api.train import bench

__all__ = ["bench", "enumerate", "solve"]
