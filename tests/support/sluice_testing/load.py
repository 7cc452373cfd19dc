"""A random load on three tables from several connections, the same for the same seed up to the order of commits."""

from __future__ import annotations

import random
import threading
import uuid
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from .source import Source

TABLES = ("customers", "orders", "items")

DDL = (
    """CREATE TABLE customers (
         id bigint PRIMARY KEY, name text NOT NULL, email varchar(200), active boolean NOT NULL,
         score double precision, created_at timestamptz NOT NULL)""",
    """CREATE TABLE orders (
         id bigint PRIMARY KEY, customer_id bigint NOT NULL, status text NOT NULL, total numeric(12,2) NOT NULL,
         note text, placed_at timestamp(3) NOT NULL, day date)""",
    """CREATE TABLE items (
         order_id bigint, line smallint, sku uuid NOT NULL, quantity integer NOT NULL, details jsonb, raw bytea,
         changed_at timestamp(6), PRIMARY KEY (order_id, line))""",
)

STATUSES = ("new", "paid", "sent", "back", "änderung \u00a0", "終わり 🚚")


def fill(source: Source, customers: int, orders: int, items: int) -> None:
    """Rows made by the server itself, which is the fastest way."""
    source.execute(
        f"""INSERT INTO customers SELECT i, 'customer ' || i, 'c' || i || '@example.org', i % 7 <> 0, i / 7.0,
              timestamptz '2020-01-01 00:00:00+00' + i * interval '61 seconds'
            FROM generate_series(1, {customers}) i""",
        f"""INSERT INTO orders SELECT i, 1 + i % greatest({customers}, 1), 'new', (i % 100000) / 100.0,
              CASE WHEN i % 3 = 0 THEN 'note ' || i END, timestamp '2021-01-01' + i * interval '1001 ms',
              date '2021-01-01' + i % 1000 FROM generate_series(1, {orders}) i""",
        f"""INSERT INTO items SELECT 1 + i / 4, i % 4, md5(i::text)::uuid, i % 50,
              jsonb_build_object('n', i, 'tags', jsonb_build_array('a', i::text)), decode(md5(i::text), 'hex'),
              timestamp '2022-02-02' + i * interval '1 microsecond' FROM generate_series(0, {items} - 1) i""")


class Load:
    """Threads that insert, update and delete until stopped; each transaction has one to eight statements."""

    def __init__(self, source: Source, seed: int, connections: int = 2, rows: int = 1000,
                 pause_seconds: float = 0.002) -> None:
        self.source = source
        self.seed = seed
        self.rows = rows
        self.pause_seconds = pause_seconds
        self.transactions = 0
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(connections)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends the load; raises what went wrong in it."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a connection of the load hangs"
        if self._error is not None:
            raise AssertionError(f"the load failed (seed {self.seed})") from self._error

    def _run(self, number: int) -> None:
        chance = random.Random(f"{self.seed}/{number}")
        try:
            with self.source.connect(autocommit=False) as connection:
                while not self._stop.wait(self.pause_seconds):
                    self._transaction(connection, chance)
        except BaseException as error:  # pylint: disable=broad-except # carried to the caller's thread
            self._error = error

    def _transaction(self, connection: psycopg.Connection[Any], chance: random.Random) -> None:
        try:
            for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
                self._statement(connection, chance)
            if chance.random() < 0.05:
                connection.rollback()
            else:
                connection.commit()
        except (psycopg.errors.DeadlockDetected, psycopg.errors.UniqueViolation):
            connection.rollback()
        self.transactions += 1

    def _statement(self, connection: psycopg.Connection[Any], chance: random.Random) -> None:
        kind = chance.choices(("upsert", "update", "delete", "move"), (30, 50, 18, 2))[0]
        getattr(self, f"_{kind}_{chance.choice(TABLES)}")(connection, chance, chance.randint(1, self.rows))

    @staticmethod
    def _upsert_customers(connection: Any, chance: random.Random, key: int) -> None:
        connection.execute(
            """INSERT INTO customers VALUES (%s, %s, %s, %s, %s, now()) ON CONFLICT (id) DO UPDATE
               SET name = excluded.name, email = excluded.email""",
            (key, f"näme {key} {chance.random()}", chance.choice((None, "", f"x{key}@example.org")),
             chance.random() < 0.5, chance.choice((None, chance.random(), -1e300, 1e-300))))

    @staticmethod
    def _update_customers(connection: Any, chance: random.Random, key: int) -> None:
        connection.execute("UPDATE customers SET score = %s, active = NOT active WHERE id BETWEEN %s AND %s",
                           (chance.random(), key, key + chance.choice((0, 0, 3))))

    @staticmethod
    def _delete_customers(connection: Any, _: random.Random, key: int) -> None:
        connection.execute("DELETE FROM customers WHERE id = %s", (key,))

    @staticmethod
    def _move_customers(connection: Any, chance: random.Random, key: int) -> None:
        connection.execute("UPDATE customers SET id = %s WHERE id = %s", (chance.randint(10**9, 2 * 10**9), key))

    @staticmethod
    def _upsert_orders(connection: Any, chance: random.Random, key: int) -> None:
        connection.execute(
            """INSERT INTO orders VALUES (%s, %s, %s, %s, %s, now(), current_date) ON CONFLICT (id) DO UPDATE
               SET status = excluded.status, total = excluded.total""",
            (key, chance.randint(1, 100), chance.choice(STATUSES), chance.randint(-10**11, 10**11) / 100,
             chance.choice((None, "", "a\tb\nc\\\"'", "x" * 300))))

    @staticmethod
    def _update_orders(connection: Any, chance: random.Random, key: int) -> None:
        connection.execute("UPDATE orders SET status = %s, placed_at = clock_timestamp() WHERE id = %s",
                           (chance.choice(STATUSES), key))

    @staticmethod
    def _delete_orders(connection: Any, _: random.Random, key: int) -> None:
        connection.execute("DELETE FROM orders WHERE id = %s", (key,))

    @staticmethod
    def _move_orders(connection: Any, chance: random.Random, key: int) -> None:
        connection.execute("UPDATE orders SET id = %s WHERE id = %s", (chance.randint(10**9, 2 * 10**9), key))

    @staticmethod
    def _upsert_items(connection: Any, chance: random.Random, key: int) -> None:
        connection.execute(
            """INSERT INTO items VALUES (%s, %s, %s, %s, %s, %s, clock_timestamp()) ON CONFLICT (order_id, line)
               DO UPDATE SET quantity = excluded.quantity, raw = excluded.raw""",
            (key, chance.randint(0, 3), uuid.UUID(int=chance.getrandbits(128)), chance.randint(-2**31, 2**31 - 1),
             chance.choice((None, Jsonb({"k": [1, None, {"ü": "🚚"}]}))), chance.choice((None, b"", chance.randbytes(20)))))

    @staticmethod
    def _update_items(connection: Any, chance: random.Random, key: int) -> None:
        connection.execute("UPDATE items SET quantity = %s WHERE order_id = %s", (chance.randint(0, 99), key))

    @staticmethod
    def _delete_items(connection: Any, chance: random.Random, key: int) -> None:
        connection.execute("DELETE FROM items WHERE order_id = %s AND line = %s", (key, chance.randint(0, 3)))

    @staticmethod
    def _move_items(connection: Any, chance: random.Random, key: int) -> None:
        connection.execute("UPDATE items SET line = line + 10 WHERE order_id = %s AND line = %s",
                           (key, chance.randint(0, 3)))
