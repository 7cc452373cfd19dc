"""What the tests, the demo and the benchmark share: comparing PostgreSQL with ClickHouse cell by cell."""

from .compare import Comparison, Difference, compare_table, examine_table

__all__ = ["Comparison", "Difference", "compare_table", "examine_table"]
