"""Live load on the shop: threads that run small transactions at a steady rate of changed rows."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable

import psycopg

from . import shop

Transaction = Callable[["_Shopper", psycopg.Cursor], None]


class Load:
    """A number of shoppers, each on a connection of its own.

    start() and stop() by the owner; changes() and error by any thread.
    """

    def __init__(self, dsn: str, changes_per_second: float, n_threads: int = 2) -> None:
        self._shoppers = [_Shopper(dsn, number, n_threads, changes_per_second / n_threads)
                          for number in range(n_threads)]

    def start(self) -> None:
        """Begins; back at once."""
        for shopper in self._shoppers:
            shopper.start()

    def stop(self) -> None:
        """Ends after the transactions under way. Legal at any time, also twice."""
        for shopper in self._shoppers:
            shopper.ending.set()
        for shopper in self._shoppers:
            if shopper.is_alive():
                shopper.join()

    def changes(self) -> Counter[str]:
        """Rows inserted, updated and deleted so far, by kind."""
        return sum((shopper.changes.copy() for shopper in self._shoppers), Counter())

    @property
    def error(self) -> Exception | None:
        """What ended a thread before its time."""
        return next((shopper.error for shopper in self._shoppers if shopper.error), None)


class _Shopper(threading.Thread):
    """One connection. It changes only rows of its own share of the ids, so that shoppers never wait for each other."""

    def __init__(self, dsn: str, number: int, n_shoppers: int, rate: float) -> None:
        super().__init__(name=f"shopper-{number}", daemon=True)
        self._dsn, self._number, self._n_shoppers, self._rate = dsn, number, n_shoppers, rate
        self._random = random.Random(4200 + number)
        self._orders = [i for i in range(1, shop.N_ORDERS + 1) if i % n_shoppers == number]
        self.ending = threading.Event()
        self.changes: Counter[str] = Counter()
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            with psycopg.connect(self._dsn) as link:
                self._shop(link)
        except Exception as error:  # pylint: disable=broad-except # carried to the owner
            self.error = error

    def _shop(self, link: psycopg.Connection) -> None:
        due = time.monotonic()
        while not self.ending.is_set():
            before = self.changes.total()
            with link.transaction(), link.cursor() as cursor:
                self._random.choices(_MIX, _WEIGHTS)[0](self, cursor)
            due += (self.changes.total() - before) / self._rate
            # Behind by more than a second: the machine is slow, and a burst later on would be no steady rate.
            due = max(due, time.monotonic() - 1)
            self.ending.wait(max(0.0, due - time.monotonic()))

    def _do(self, cursor: psycopg.Cursor, kind: str, text: str, *values: object) -> None:
        cursor.execute(text, values)
        self.changes[kind] += cursor.rowcount

    def _mine(self, highest: int, n: int) -> list[int]:
        ids = range(self._number or self._n_shoppers, highest + 1, self._n_shoppers)
        return self._random.sample(ids, n)

    # Transactions

    def order(self, cursor: psycopg.Cursor) -> None:
        """A new order: its items, and the stock of what was bought."""
        products = self._mine(shop.N_PRODUCTS, self._random.randint(1, 5))
        self._do(cursor, "inserts",
                 "INSERT INTO inventory.orders (customer_id, status, total, gift, placed_at, note) "
                 "VALUES (%s, 'new', %s, %s, clock_timestamp(), %s) RETURNING id",
                 self._random.randint(1, shop.N_CUSTOMERS), self._random.randint(100, 90_000) / 100,
                 self._random.random() < 0.1, self._random.choice([None, "", "bitte klingeln", "二階です"]))
        row = cursor.fetchone()
        assert row is not None
        order = int(row[0])
        for line, product in enumerate(products, start=1):
            self._do(cursor, "inserts",
                     "INSERT INTO inventory.order_items SELECT %s, %s, id, %s, price, NULL, NULL, NULL "
                     "FROM inventory.products WHERE id = %s", order, line, self._random.randint(1, 5), product)
        self._do(cursor, "updates",
                 "UPDATE inventory.products SET stock = stock - 1 WHERE id = ANY(%s)", products)
        self._orders.append(order)

    def proceed(self, cursor: psycopg.Cursor) -> None:
        """Some orders go a step further; their items are packed."""
        orders = self._random.sample(self._orders, 8)
        self._do(cursor, "updates",
                 "UPDATE inventory.orders SET status = 'shipped', shipped_at = clock_timestamp() AT TIME ZONE 'UTC', "
                 "tracking = gen_random_uuid() WHERE id = ANY(%s)", orders)
        self._do(cursor, "updates",
                 "UPDATE inventory.order_items SET packed_at = clock_timestamp() AT TIME ZONE 'UTC', "
                 "discount = random() WHERE order_id = ANY(%s)", orders)

    def visit(self, cursor: psycopg.Cursor) -> None:
        """Customers come by; one balance is changed twice in the same transaction."""
        customers = self._mine(shop.N_CUSTOMERS, 12)
        self._do(cursor, "updates",
                 "UPDATE inventory.customers SET last_seen_at = clock_timestamp(), score = random() * 100, "
                 "preferences = jsonb_build_object('visits', id %% 17, 'dark', vip) WHERE id = ANY(%s)", customers)
        self._do(cursor, "updates", "UPDATE inventory.customers SET balance = balance + 1.25 WHERE id = %s",
                 customers[0])

    def join_shop(self, cursor: psycopg.Cursor) -> None:
        """New customers, with as little known of them as the schema allows."""
        for _ in range(3):
            self._do(cursor, "inserts",
                     "INSERT INTO inventory.customers (email, name, vip, balance, joined_at) "
                     "VALUES (%s, %s, false, 0, clock_timestamp())",
                     f"new{self._random.getrandbits(40):x}@example.org", f"New {self._random.choice('ABCDEF')}.")

    def cancel(self, cursor: psycopg.Cursor) -> None:
        """Orders are deleted with their items."""
        orders = [self._orders.pop(self._random.randrange(len(self._orders))) for _ in range(3)]
        self._do(cursor, "deletes", "DELETE FROM inventory.order_items WHERE order_id = ANY(%s)", orders)
        self._do(cursor, "deletes", "DELETE FROM inventory.orders WHERE id = ANY(%s)", orders)

    def reprice(self, cursor: psycopg.Cursor) -> None:
        """New prices in one statement."""
        self._do(cursor, "updates",
                 "UPDATE inventory.products SET price = round(price * 1.01 + 0.01, 2), "
                 "weight_kg = (random() * 20)::real WHERE id = ANY(%s)", self._mine(shop.N_PRODUCTS, 20))


_MIX: list[Transaction] = [_Shopper.order, _Shopper.proceed, _Shopper.visit, _Shopper.join_shop, _Shopper.cancel,
                           _Shopper.reprice]
_WEIGHTS = [40, 10, 20, 10, 12, 8]
