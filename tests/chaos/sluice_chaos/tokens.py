"""Tokens that are registered though their rows are not stored, made by hand."""

from __future__ import annotations

import re

from schedule import Missed, Schedule
from sluice_testing.marks import committed_texts
from sluice_testing.oracle import FOREIGN_ID


def use_up_tokens(s: Schedule) -> None:
    """Uses the tokens of all open ranges for other rows.

    For whoever sends them again this is the trap of the plain MergeTree: the token is registered, the answer is 200,
    and the rows are not there (tests/integration/test_exactly_once_trap.py makes it with a real kill between the two).
    """
    s.wait_no_inserts()
    cluster = s.scene.topics.admin.list_topics(timeout=10).cluster_id
    used = 0
    for (topic, partition), text in ledger_texts(s).items():
        row = dict(re.findall(r"(\w+)=(\S+)", text))
        if int(row["hi"]) < 0:
            continue
        token = (f"sluice:{s.scene.name}:{cluster}:{topic}:{partition}:{row['next']}-{row['hi']}:{row['attempt']}:"
                 f"{row['resets']}")
        for target in s.targets:
            if target.topic == topic and s.clickhouse.has_table(target.table):
                rows = ", ".join(f"({FOREIGN_ID + i}, '{topic}', {partition}, -1)" for i in range(4))
                s.clickhouse.execute(
                    f"INSERT INTO `{target.table}` (id, _topic, _partition, _offset) VALUES {rows}",
                    insert_deduplication_token=token, async_insert=0, insert_deduplicate=1)
                used += 1
    if used == 0:
        raise Missed("no range was open")
    s.tell(f"the tokens of open ranges are used up in {used} tables")


def ledger_texts(s: Schedule) -> dict[tuple[str, int], str]:
    """The rows of the ledger by partition, as text."""
    if s.outcome.ledger == "kafka":
        return committed_texts(s.scene.topics.bootstrap, s.scene.name, {t.topic: t.partitions for t in s.targets})
    rows = s.clickhouse.rows("SELECT k, state FROM sluice_ledger")
    places = {row["k"]: row["k"].split("/")[-2:] for row in rows}
    return {(places[row["k"]][0], int(places[row["k"]][1])): row["state"] for row in rows}
