"""How long rows stay away after a crash: with a second worker that takes over, and with a restart of the same one."""

from __future__ import annotations

import time
from dataclasses import dataclass

from schedule import Plan, Schedule
from sluice_testing.wait import wait_until
from sluice_testing.worker import Worker

SESSION_SECONDS = 6.0
TAKE_OVER_LIMIT = SESSION_SECONDS + 2
RESTART_LIMIT = 3.0
# A worker that dies within a transaction of the Kafka ledger holds up the next one until the broker ends it: after the
# transaction's timeout (5 s), which the broker looks for every 10 s.
TRANSACTION_SECONDS = 15.0
ROUNDS = 5


@dataclass
class Recovery:
    """Seconds of each round, by ledger."""

    ledger: str
    take_over: list[float]
    restart: list[float]

    def good(self) -> bool:
        """True if all are within their limits."""
        more = TRANSACTION_SECONDS if self.ledger == "kafka" else 0
        return max(self.take_over) < TAKE_OVER_LIMIT + more and max(self.restart) < RESTART_LIMIT + more

    def lines(self) -> list[str]:
        """For people."""
        more = ""
        if self.ledger == "kafka":
            more = f", {TRANSACTION_SECONDS:.0f} s more after a death within a transaction"
        return [f"ledger {self.ledger}: second worker after {_seconds(self.take_over)} (limit {TAKE_OVER_LIMIT:.0f} s, "
                f"session timeout {SESSION_SECONDS:.0f} s{more})",
                f"ledger {self.ledger}: same worker, static membership, after {_seconds(self.restart)} "
                f"(limit {RESTART_LIMIT:.0f} s{more})"]


def _seconds(values: list[float]) -> str:
    return " ".join(f"{value:.1f}" for value in values) + " s"


def measure(plan: Plan, ledger: str) -> Recovery:
    """All rounds on one pipeline under a steady load."""
    s = Schedule(plan, 0, "recovery", ledger, "replace")
    s.over = {"kafka.session.timeout.ms": int(SESSION_SECONDS * 1000), "batch.max_rows": 65536,
              "batch.max_age": "200ms", "kafka.fetch.message.max.bytes": 1048576}
    try:
        s.make_targets()
        s.feed()
        take_over = [_take_over(s) for _ in range(ROUNDS)]
        s.over["kafka.group.instance.id"] = "one"
        restart = [_restart(s) for _ in range(ROUNDS)]
        s.feeder.stop()
        s.finish()
        assert s.outcome.verdict.exact(), s.outcome.verdict
        return Recovery(ledger, take_over, restart)
    finally:
        s.close()


def _inserted(worker: Worker) -> float:
    try:
        return worker.metric("rows_inserted_total")
    except (OSError, AssertionError):
        return 0.0


def _take_over(s: Schedule) -> float:
    """The owner of everything dies while a second worker waits for partitions of its own."""
    owner = s.start("a")
    s.wait_progress(200, worker=owner)
    second = s.start("b")
    wait_until(lambda: _inserted(second) > 0, 30, "both work")
    mine = s.assigned(owner)
    owner.kill9()
    died = time.monotonic()
    wanted = " OR ".join(f"(_topic = '{topic}' AND _partition = {number})" for topic, number in sorted(mine))
    # Before that, a row may still be one that the dead worker had sent.
    wait_until(lambda: s.assigned(second) & mine, 60, "the second worker has the dead one's partitions", every=0.02)

    def rows() -> int:
        return sum(int(s.clickhouse.value(f"SELECT count() FROM `{table}` WHERE {wanted}")) for table in s.tables)
    before = rows()
    wait_until(lambda: rows() > before, 60, "rows of the dead worker's partitions", every=0.02)
    took = time.monotonic() - died
    second.kill9()
    s.wait_group_empty()
    return took


def _restart(s: Schedule) -> float:
    """The only worker dies and is started again at once under its name in the group."""
    worker = s.start("a")
    s.wait_progress(200, worker=worker)
    worker.kill9()
    died = time.monotonic()
    s.start("a", wait=False)
    wait_until(lambda: _inserted(worker) > 0, 60, "the first rows after the restart", every=0.02)
    took = time.monotonic() - died
    s.wait_progress(200, worker=worker)
    worker.kill9()
    s.wait_group_empty()
    return took
