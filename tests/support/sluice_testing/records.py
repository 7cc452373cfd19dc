"""Records as Debezium writes them, made by hand, for input that Debezium would not write."""

from __future__ import annotations

import json
from typing import Any

# Connect type and optional flag of the columns of the tables used here.
FIELDS = {"id": ("int32", False), "name": ("string", True), "n": ("int16", True)}


def source_block(prefix: str, table: str, lsn: int, commit: int | None, **more: Any) -> dict[str, Any]:
    """The `source` of an envelope. `commit` None: no COMMIT was seen yet."""
    sequence = json.dumps([None if commit is None else str(commit), str(lsn)], separators=(",", ":"))
    return {"version": "3.6.1.Final", "connector": "postgresql", "name": prefix, "ts_ms": 1760000000000 + lsn,
            "snapshot": "false", "db": "made", "sequence": sequence, "ts_us": (1760000000000 + lsn) * 1000,
            "ts_ns": (1760000000000 + lsn) * 1000000, "schema": "public", "table": table, "txId": lsn, "lsn": lsn,
            "xmin": None, **more}


def envelope(prefix: str, table: str, op: str, lsn: int, before: Any = None, after: Any = None,
             **source: Any) -> dict[str, Any]:
    """A whole envelope; the COMMIT before it lies just below its lsn."""
    commit = source.pop("commit", lsn - 8)
    return {"before": before, "after": after, "source": source_block(prefix, table, lsn, commit, **source),
            "transaction": None, "op": op, "ts_ms": 1760000000500, "ts_us": 1760000000500000,
            "ts_ns": 1760000000500000000}


def value_schema(prefix: str, table: str, fields: dict[str, tuple[str, bool]] | None = None) -> dict[str, Any]:
    """What JsonConverter embeds, shortened where nothing reads it."""
    columns = [{"type": kind, "optional": optional, "field": name}
               for name, (kind, optional) in (fields or FIELDS).items()]
    row = {"type": "struct", "fields": columns, "optional": True, "name": f"{prefix}.public.{table}.Value"}
    return {"type": "struct", "fields": [row | {"field": "before"}, row | {"field": "after"}], "optional": False,
            "name": f"{prefix}.public.{table}.Envelope", "version": 2}


def key_schema(prefix: str, table: str, names: tuple[str, ...] = ("id",)) -> dict[str, Any]:
    """The schema of a key of these columns."""
    columns = [{"type": FIELDS[name][0], "optional": False, "field": name} for name in names]
    return {"type": "struct", "fields": columns, "optional": False, "name": f"{prefix}.public.{table}.Key"}


class Table:
    """Makes keys and values of one table, with embedded schema unless told otherwise."""

    def __init__(self, prefix: str, name: str, with_schema: bool = True,
                 fields: dict[str, tuple[str, bool]] | None = None) -> None:
        self.prefix = prefix
        self.name = name
        self.topic = f"{prefix}.public.{name}"
        self._key_schema = key_schema(prefix, name) if with_schema else None
        self._value_schema = value_schema(prefix, name, fields) if with_schema else None
        self.lsn = 0x1000000

    def key(self, row_id: int) -> bytes:
        """The key record of a row."""
        return self._wrap(self._key_schema, {"id": row_id})

    def value(self, op: str, before: Any = None, after: Any = None, **source: Any) -> bytes:
        """An envelope at the next position."""
        self.lsn += 64
        return self.wrap(envelope(self.prefix, self.name, op, self.lsn, before, after, **source))

    def wrap(self, payload: Any) -> bytes:
        """Any payload under the embedded schema."""
        return self._wrap(self._value_schema, payload)

    def row(self, row_id: int, name: str | None = None, n: int | None = None, op: str = "c") -> tuple[bytes, bytes]:
        """Key and value of an insert (or other op with `after`)."""
        return self.key(row_id), self.value(op, after={"id": row_id, "name": name, "n": n})

    @staticmethod
    def _wrap(schema: Any, payload: Any) -> bytes:
        return json.dumps(payload if schema is None else {"schema": schema, "payload": payload},
                          separators=(",", ":"), ensure_ascii=False).encode()
