"""The space that the tests of the explorer look at; it is small enough to be written down."""

SPACE = "[1..3]*3x[{8,16,32}] stem=8"
LIMITS = {"max_params": "90k"}
