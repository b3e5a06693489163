"""Runs and their folders: one run, a suite of them, one after the other or several at once.

`run`, `suite`, `epochs`, `place` and `run_suite` need no torch to be imported; the rest does.
"""
