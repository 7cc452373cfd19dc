"""The ledger in the metadata of committed offsets, on a real broker: who may write what, and what the next owner reads.

The probes write rows through lib/ledger; `begin` and `end` are the two halves of such a write, done by hand.
"""

from __future__ import annotations

import random
import re
import signal
import time
from collections.abc import Iterator

import pytest
from sluice_testing.kafka_probe import Ended, Group, Probe, Row, group_on
from sluice_testing.kafka_wire import Wire
from sluice_testing.wait import wait_until


@pytest.fixture
def group(request: pytest.FixtureRequest) -> Iterator[Group]:
    """A topic and members of this test alone."""
    yield from group_on(request)


def _owner(group: Group, partitions: int, *options: str, env: dict[str, str] | None = None) -> Probe:
    """A member that has all partitions and keeps its membership as `a`."""
    probe = group.probe("paused", *options, env=env)
    probe.tell("join")
    probe.tell(f"await {partitions}")
    probe.tell("keep a")
    return probe


def _take_over(probe: Probe, first: str = "1 5") -> Row:
    """It reads, takes over and writes its first row into partition 0."""
    probe.tell("rows a 0")
    probe.tell("take-over a 0")
    return probe.row(f"write a {first} 0")


def _share(first: Probe, second: Probe, each: int) -> None:
    """Both have their part, whatever it was before; the second one keeps its membership as `a`."""
    first.send(f"await {each}")
    second.send(f"await {each}")
    assert first.answer()[-1] == "ok" and second.answer()[-1] == "ok"
    second.tell("keep a")


def _with(text: str, row: Row) -> str:
    """The text of another row of the same kind."""
    for field in ("epoch", "seq", "next", "hi"):
        text, n = re.subn(rf" {field}=-?\d+ ", f" {field}={getattr(row, field)} ", text)
        assert n == 1
    return text


def _mine(probe: Probe) -> list[int]:
    """The partitions that it has; none of them has a row of another epoch than its own."""
    return sorted(probe.rows("rows a"))


def test_a_row_is_written_read_and_compared(group: Group) -> None:
    """Before anything is committed too; another process reads the same, what it did not expect it leaves alone."""
    group.make(2, 10)
    one = _owner(group, 2)
    one.tell("prepare")
    assert one.rows("rows a") == {0: None, 1: None}
    taken = one.rows("take-over a")
    assert all(row is not None and (row.epoch, row.seq, row.next) == (1, 1, -1) for row in taken.values())
    assert one.rows("rows a") == taken
    assert one.committed(0) == (-1, "")
    assert one.rows("visit") == {}
    assert (one.row("write a 3 9 0").next, one.row("rows a 0").hi) == (3, 9)
    assert one.committed(0)[0] == 3
    two = group.probe("paused")
    assert two.rows("rows - 0 1") == {0: one.row("rows a 0"), 1: None}, "what was not committed is one process's"
    shown = {0: one.row("rows a 0")}
    wait_until(lambda: two.rows("visit") == shown, 5, "a list of all may be a moment old")
    assert one.row("write a 4 9 0").seq == 3
    one.tell("write a 0 9 1")
    shown = one.rows("rows a")
    wait_until(lambda: two.rows("visit") == shown and len(shown) == 2, 5, "both rows are shown")
    lines = two.ask("write - 5 9 0")  # expects seq 2
    assert any(line.startswith("row 0") and line.endswith(" 3 4 9 !") for line in lines), lines
    two.tell("rows - 0")
    assert "has members" in two.refused("write - 5 9 0")


def test_a_commit_of_any_tool_erases_the_row(group: Group) -> None:
    """With and without its own metadata, and with a text of ours that belongs to another offset."""
    group.make(1, 10)
    one = _owner(group, 1)
    one.tell("write a 5 9")
    offset, text = one.committed()
    one.close()
    two = group.probe("paused")
    for written in ("", "by hand", _with(text, Row(0, 0, 1, 6, 9))):
        one = _owner(group, 1)
        one.tell(f"commit 0 {offset} {text}")
        assert two.row("rows - 0").next == 5
        one.tell(f"commit 0 5 {written}")
        assert two.rows("rows - 0") == {0: None}
        one.close()
    group.topics.commit(group.name, group.topic, 0, 5)
    assert two.rows("rows - 0") == {0: None}
    assert two.row("write - 7 9 0").next == 7, "a group at rest takes a plain commit"


def test_a_row_in_memory_ends_with_its_membership(group: Group) -> None:
    """The same process is somebody else after a rebalance."""
    group.make(2, 10)
    one = _owner(group, 2)
    assert one.row("take-over a 0").epoch == 1
    two = group.probe("paused")
    two.tell("join")
    _share(one, two, 1)
    two.close()
    one.tell("await 2")
    one.tell("keep b")
    one.tell("rows a")
    assert "ILLEGAL_GENERATION" in one.refused("write a 0 5 0")
    assert one.rows("rows b") == {0: None, 1: None}
    assert one.row("take-over b 0").epoch == 1
    assert one.row("write b 0 5 0").next == 0


def test_a_membership_is_the_one_of_its_moment(group: Group) -> None:
    """What was captured at the first assignment is refused after a rebalance, though the member is the same and has a
    new generation by then; what is captured at the new one is taken."""
    group.make(2, 10)
    one = _owner(group, 2)
    assert one.rows("take-over a").keys() == {0, 1}
    one.tell("write a 1 5")
    two = group.probe("paused")
    two.tell("join")
    _share(one, two, 1)
    for partition in (0, 1):
        assert "ILLEGAL_GENERATION" in one.refused(f"write a 2 5 {partition}")
    before = one.rows("rows a 0 1")
    assert all(row is not None and (row.next, row.hi) == (1, 5) for row in before.values())
    one.tell("keep b")
    mine = _mine(one)
    assert one.row(f"write b 2 5 {mine[0]}", mine[0]).next == 2, "a refused transaction does not stop the next one"


def test_a_plain_commit_is_not_fenced_a_transaction_is(group: Group) -> None:
    """A member commits a partition that another one has: the broker takes it. With the old generation it does not."""
    group.make(2, 10)
    one = _owner(group, 2)
    one.tell("take-over a")
    one.tell("write a 1 5")
    two = group.probe("paused")
    two.tell("join")
    _share(one, two, 1)
    foreign = _mine(two)[0]
    two.tell(f"take-over a {foreign}")
    row = two.row(f"write a 4 8 {foreign}", foreign)
    assert "ILLEGAL_GENERATION" in one.refused(f"begin a {foreign} 2 late")
    assert two.rows(f"rows a {foreign}")[foreign] == row
    one.tell(f"commit {foreign} 2 late")
    assert two.committed(foreign) == (2, "late")


def test_an_open_transaction_holds_up_the_next_assignment(group: Group) -> None:
    """It was accepted before the rebalance and never ends: the broker ends it, and nobody begins before that."""
    group.make(2, 10)
    one = _owner(group, 2)
    before = _take_over(one)
    one.tell(f"begin a 0 6 {_with(one.committed()[1], Row(1, 0, 3, 6, 9))}")
    began = time.monotonic()
    two = group.probe("paused")
    two.tell("join")
    _share(one, two, 1)
    assert 2 < time.monotonic() - began < 5 + 10 + 5
    assert two.rows("rows a 0")[0] == before


def test_the_stable_read_waits_and_shows_the_end(group: Group) -> None:
    """Committed after a while: read; so a read never shows a row that changes behind it."""
    group.make(1, 10)
    one = _owner(group, 1)
    _take_over(one)
    one.tell(f"begin a 0 6 {_with(one.committed()[1], Row(1, 0, 3, 6, 9))}")
    two = group.probe("paused")
    two.send("rows - 0")
    assert not two.answered(1.5), "the read must wait"
    one.tell("end")
    lines = two.answer(5)
    assert lines[-2].endswith(" 3 6 9"), lines


def test_killed_within_a_transaction(group: Group) -> None:
    """Between its offsets and its commit: the next owner reads the row before, once the broker has ended it."""
    group.make(1, 10)
    one = _owner(group, 1, env={"SLUICE_KILL_AT": "group_offsets_sent:2"})
    one.tell("take-over a")
    before = one.row("write a 1 5")
    with pytest.raises(Ended):
        one.ask("write a 6 9")
    began = time.monotonic()
    two = _owner(group, 1)
    assert two.row("rows a") == before
    assert time.monotonic() - began < 6 + 5 + 10 + 5
    after = two.row("take-over a")
    assert (after.epoch, after.next, after.hi) == (2, 1, 5)
    assert two.row("write a 6 9").seq == 4


def test_stopped_within_a_transaction(group: Group) -> None:
    """SIGSTOP between offsets and commit; another member takes over and writes; SIGCONT: it can't commit."""
    group.make(1, 10)
    one = _owner(group, 1)
    _take_over(one)
    one.tell(f"begin a 0 6 {_with(one.committed()[1], Row(1, 0, 3, 6, 9))}")
    one.signal(signal.SIGSTOP)
    two = _owner(group, 1)
    mine = _take_over(two, "1 8")
    assert (mine.epoch, mine.seq) == (2, 4)
    one.signal(signal.SIGCONT)
    error = one.refused("end")
    assert "FENCED" in error or "EPOCH" in error or "INVALID_TXN" in error, error
    assert one.ask("write a 9 9")[-2].endswith(" !"), "it does not find what it expects"
    assert one.row("rows a") == mine
    assert "UNKNOWN_MEMBER_ID" in one.refused("write a 9 9"), "nor could it write if it did"
    assert two.row("rows a") == mine


def test_stopped_anywhere_in_a_write(group: Group) -> None:
    """The same at random moments, the ledger itself writing as fast as it can."""
    group.make(1, 10)
    rand = random.Random(7)
    one = _owner(group, 1)
    epoch = _take_over(one, "1 -1").epoch
    for _ in range(5):
        one.send("loop a 0")
        time.sleep(0.5 + rand.random() * 0.05)
        one.signal(signal.SIGSTOP)
        two = _owner(group, 1)
        read = two.row("rows a")
        taken = two.row("take-over a")
        epoch += 1
        assert (taken.epoch, taken.seq) == (epoch, read.seq + 1)
        mine = two.row(f"write a {taken.next + 1} -1")
        one.signal(signal.SIGCONT)
        lines = one.answer()
        tried = int(lines[-2].split()[1])
        assert "another one's" in one.refused("loop a 0"), lines[-1]
        assert read.seq in (tried - 1, tried), "the last try landed before the take-over or never"
        assert two.row("rows a") == mine
        one.kill()
        one = two


def test_static_membership(group: Group) -> None:
    """The group goes on in the same generation when a static member comes back; its predecessor is refused."""
    group.make(2, 10)
    name = "group.instance.id=shop-0"
    one = _owner(group, 2, name)
    _take_over(one)
    one.tell(f"begin a 0 6 {_with(one.committed()[1], Row(1, 0, 3, 6, 9))}")
    began = time.monotonic()
    two = group.probe("paused", name)
    two.tell("join")
    two.send("await 2")
    time.sleep(1)
    one.tell("end")
    assert two.answer()[-1] == "ok"
    assert time.monotonic() - began < 5, "no rebalance was needed"
    two.tell("keep a")
    assert two.row("rows a").next == 6, "accepted before the restart, so it is in the read"
    two.tell("take-over a")
    mine = two.row("write a 7 9")
    assert "FENCED_INSTANCE_ID" in one.refused("begin a 0 8 late")
    assert two.row("rows a") == mine


@pytest.mark.parametrize("partitions", [1, 64, 512])
def test_one_transaction_for_all(group: Group, partitions: int) -> None:
    """Every partition's row in one call; its time is printed."""
    group.make(partitions, 0)
    one = _owner(group, partitions)
    one.tell("take-over a")
    times: list[float] = []
    for n in range(12):
        lines = one.tell(f"write a {n} 9999999")
        times.append(int(lines[0].split()[1]) / 1000)
        assert sum(line.startswith("row ") and line.endswith(f" {n} 9999999") for line in lines) == partitions
    times.sort()
    print(f"{partitions} partitions: {times[len(times) // 2]:.1f} ms (median), {times[-1]:.1f} ms at most")


def test_what_a_late_request_can_do(group: Group) -> None:
    """On which lib/kafka/group_offsets.c rests: copies of a request that arrive when its client has gone on."""
    group.make(1, 10)
    reader = _owner(group, 1)
    wire = Wire(group.bootstrap, f"{group.name}-wire", group.name)
    first = wire.init()
    assert wire.add(first) == ""
    assert wire.offsets(first, group.topic, 1, "one") == "", "without membership nothing is refused, members or not"
    assert wire.end(first) == "" and reader.committed() == (1, "one")

    assert wire.offsets(first, group.topic, 2, "late") == "INVALID_TXN_STATE", "after the end"
    assert wire.add(first) == ""
    assert wire.offsets(first, group.topic, 3, "next") == ""
    assert wire.offsets(first, group.topic, 2, "late") == "", "within the next transaction: it lands, and wins"
    assert wire.end(first) == "" and reader.committed() == (2, "late")

    assert wire.add(first) == "" and wire.offsets(first, group.topic, 4, "open") == ""
    second = wire.init()
    assert reader.committed() == (2, "late"), "a new epoch ends what was open"
    assert wire.offsets(first, group.topic, 5, "late") == "INVALID_PRODUCER_EPOCH"
    assert wire.end(first) == "INVALID_PRODUCER_EPOCH"
    third = wire.init()
    assert wire.add(third) == ""
    for gone in (first, second):
        assert wire.offsets(gone, group.topic, 5, "late") == "INVALID_PRODUCER_EPOCH", "before the new one wrote"
    assert wire.offsets(third, group.topic, 6, "mine") == "" and wire.end(third) == ""
    assert reader.committed() == (6, "mine")
    wire.close()
