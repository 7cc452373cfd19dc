"""One PostgreSQL database of a test."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql


class Source:
    """A database of its own, with helpers. Slots on it are dropped with it."""

    def __init__(self, server_url: str, database: str) -> None:
        self.database = database
        self._server_url = server_url
        self.url = server_url.rpartition("/")[0] + f"/{database}"
        with psycopg.connect(server_url, autocommit=True) as server:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        self.connection = self.connect()

    def connect(self, autocommit: bool = True) -> psycopg.Connection[Any]:
        """Another connection."""
        return psycopg.connect(self.url, autocommit=autocommit)

    def execute(self, *statements: str) -> None:
        """Runs statements, each a transaction of its own."""
        for statement in statements:
            self.connection.execute(statement)  # type: ignore[arg-type]

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.connection.execute(statement, parameters or None).fetchall()  # type: ignore[arg-type]

    def value(self, statement: str, *parameters: Any) -> Any:
        """The only value of a one-row query."""
        return self.query(statement, *parameters)[0][0]

    def reconnect(self) -> None:
        """After the server was away."""
        self.connection.close()
        self.connection = self.connect()

    def drop(self) -> None:
        """Removes the database with its replication slots, whoever still uses it."""
        self.connection.close()
        with psycopg.connect(self._server_url, autocommit=True) as server:
            slots = server.execute("SELECT slot_name, active_pid FROM pg_replication_slots WHERE database = %s",
                                   (self.database,)).fetchall()
            for slot, pid in slots:
                if pid is not None:
                    # Waits for the backend's end: a slot in use can't be dropped.
                    server.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))
                # One that was still being made is gone with its backend.
                server.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s", (slot,))
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self.database)))
