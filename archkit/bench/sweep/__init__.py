"""Runs and their folders: one run, a suite of them, one after the other or several at once.

`run`, `suite` and `epochs` need no torch; the rest does.
"""
