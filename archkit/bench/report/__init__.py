"""Finished runs side by side: grouped by seeds, as tables, as a page, as figures. Needs no torch."""

from archkit.bench.report.certificate import Noise, Proof, Standing, prove
from archkit.bench.report.folders import find_runs, without_weights
from archkit.bench.report.groups import Group, Section, Summary, group_runs, summary
from archkit.bench.report.names import data_text, network_name
from archkit.bench.report.rows import COLUMNS, Row, front, rows, shown, to_csv, to_markdown

__all__ = [
    "COLUMNS",
    "Group",
    "Noise",
    "Proof",
    "Row",
    "Section",
    "Standing",
    "Summary",
    "data_text",
    "find_runs",
    "front",
    "group_runs",
    "network_name",
    "prove",
    "rows",
    "shown",
    "summary",
    "to_csv",
    "to_markdown",
    "without_weights",
]
