"""One network trained and tested in memory, and the values that say what came of it.

`results` and `events` need no torch; the rest does.
"""
