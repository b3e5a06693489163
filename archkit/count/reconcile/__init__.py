"""`reconcile`: which conventions turn a spec into a published figure.

A paper prints a notation and a figure, and leaves out how wide the stem is, what stands on the
shortcut, whether the convs have a bias, and what the figure counts. `variants` has the ways to read the
notation, `readings` those to read the figure, `nearby` the networks that are looked at when neither
explains it.
"""

from archkit.count.reconcile.explain import Explanation, reconcile
from archkit.count.reconcile.readings import Quantity

__all__ = ["Explanation", "Quantity", "reconcile"]
