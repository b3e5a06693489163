"""`audit`: the figures of a table of networks, each against what the network costs."""

from archkit.count.audit.check import Audited, Verdict, audit
from archkit.count.audit.tables import Cell, Table, read_tables

__all__ = ["Audited", "Cell", "Table", "Verdict", "audit", "read_tables"]
