"""What type checkers know of the names at the top, which are imported when they are asked for.

Nothing imports this file: `make types` reads it.
"""

from typing import assert_type

import archkit
from archkit.bench.sweep.run import Finished
from archkit.budget import Best, First
from archkit.count import Account
from archkit.nn import Network

assert_type(archkit.count("resnet10"), Account)
assert_type(archkit.enumerate("[1..2]x[8]"), First)
assert_type(archkit.solve("[1..2]x[8]"), Best)
assert_type(archkit.build("resnet10"), Network)
assert_type(archkit.bench("resnet10"), Finished)
