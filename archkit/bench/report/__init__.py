"""What a folder of runs shows: groups of seeds, tables, a page, figures. Needs no torch."""

from archkit.bench.report.folders import Run, find_runs, read_epochs
from archkit.bench.report.groups import Group, Section, Summary, group_runs, student_t, summary
from archkit.bench.report.names import data_text, network_name, recipe_label
from archkit.bench.report.rows import COLUMNS, Row, front, rows, shown, to_csv, to_markdown

__all__ = [
    "COLUMNS",
    "Group",
    "Row",
    "Run",
    "Section",
    "Summary",
    "data_text",
    "find_runs",
    "front",
    "group_runs",
    "network_name",
    "read_epochs",
    "recipe_label",
    "rows",
    "shown",
    "student_t",
    "summary",
    "to_csv",
    "to_markdown",
]
