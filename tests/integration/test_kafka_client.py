"""The consumer behind lib/kafka, on a real broker: members of a group that do what the test says (kafka_probe.c)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sluice_testing.kafka_probe import Group, group_on


@pytest.fixture
def group(request: pytest.FixtureRequest) -> Iterator[Group]:
    """A topic and members of this test alone."""
    yield from group_on(request)


def _first(messages: dict[int, list[int]]) -> dict[int, int]:
    return {partition: offsets[0] for partition, offsets in messages.items()}


@pytest.mark.parametrize("partitions", [1, 64])
def test_a_paused_start_lets_nothing_out(group: Group, partitions: int) -> None:
    """Nothing comes before the resume; then each partition begins exactly where the resume says."""
    group.make(partitions, 50)
    for p in range(partitions):
        group.topics.commit(group.name, group.topic, p, 20)
    probe = group.joined(partitions, "paused")
    assert probe.messages("poll 1500") == {}
    probe.tell("resume 7")
    assert _first(probe.messages(f"take {partitions * 43}")) == dict.fromkeys(range(partitions), 7)


@pytest.mark.parametrize("offset", [0, 20, 31])
@pytest.mark.parametrize("partitions", [1, 64])
def test_resumed_directly_after_the_assignment(group: Group, partitions: int, offset: int) -> None:
    """Below, at and above the committed offset, again and again: rejoining stops and starts all fetchers."""
    group.make(partitions, 50)
    for p in range(partitions):
        group.topics.commit(group.name, group.topic, p, 20)
    for _ in range(5):
        probe = group.joined(partitions, "paused")
        probe.tell(f"resume {offset}")
        read = probe.messages(f"take {partitions * (50 - offset)}")
        assert read == {p: list(range(offset, 50)) for p in range(partitions)}
        probe.close()


def test_every_assignment_of_a_member_starts_paused(group: Group) -> None:
    """A second member comes and goes while the first one is in the middle of fetching."""
    group.make(16, 50)
    for p in range(16):
        group.topics.commit(group.name, group.topic, p, 20)
    first = group.joined(16, "paused")
    first.tell("resume 0")
    for _ in range(4):
        second = group.probe("paused")
        second.tell("join")
        first.send("await 8")
        second.send("await 8")
        lines = first.answer()
        assert lines[-1] == "ok" and second.answer()[-1] == "ok"
        assigned = max(n for n, line in enumerate(lines) if line.startswith("assigned "))
        assert not any(line.startswith("message ") for line in lines[assigned:])
        first.tell("resume 33")
        read = first.messages(f"take {8 * 17}")
        assert list(_first(read).values()) == [33] * 8
        second.close()
        lines = first.tell("await 16")
        assigned = max(n for n, line in enumerate(lines) if line.startswith("assigned "))
        assert not any(line.startswith("message ") for line in lines[assigned:])
        assert first.messages("poll 300") == {}
        first.tell("resume 5")
        assert list(_first(first.messages(f"take {16 * 45}")).values()) == [5] * 16


def test_a_paused_start_at_an_offset_that_is_gone(group: Group) -> None:
    """The committed offset matters to whoever resumes there, and to nobody else."""
    group.make(4, 10)
    for p in range(4):
        group.topics.commit(group.name, group.topic, p, 99)
    for _ in range(5):
        probe = group.joined(4, "paused")
        assert probe.messages("poll 300") == {}
        probe.tell("resume 3")
        assert probe.messages("take 28") == {p: list(range(3, 10)) for p in range(4)}
        probe.close()
    probe = group.joined(4, "paused")
    probe.tell("resume 99 2")
    assert "no longer in the topic" in probe.refused("take 1")
    probe.tell("resume 4 2")
    lines = probe.tell("poll 2000")
    assert lines[0] == "revoked 4 given" and sum(line.startswith("assigned ") for line in lines) == 4
    probe.tell("resume 4")
    assert probe.messages("take 24") == {p: list(range(4, 10)) for p in range(4)}


@pytest.mark.parametrize("negative", [-1, -2, -1001])
def test_resumed_without_an_offset(group: Group, negative: int) -> None:
    """It begins where the option says, whatever number below 0 was given."""
    group.make(1, 3)
    probe = group.joined(1, "paused", "auto.offset.reset=earliest")
    probe.tell(f"resume {negative}")
    assert probe.messages("take 3") == {0: [0, 1, 2]}
    probe.close()
    probe = group.joined(1, "paused", "auto.offset.reset=latest")
    probe.tell(f"resume {negative}")
    assert probe.messages("poll 1000") == {}, "its end is known by now"
    group.topics.produce(group.topic, "x")
    assert probe.messages("take 1") == {0: [3]}


def test_the_next_record_where_the_offset_is_gone(group: Group) -> None:
    """Markers of transactions are no messages: the first one is the next there is."""
    group.make(1, 0)
    for n in range(3):
        group.topics.produce_transaction(group.topic, [("k", str(n)), ("k", str(n))])  # 0 1 (2) 3 4 (5) 6 7 (8)
    probe = group.joined(1, "paused")
    probe.tell("resume 5")
    assert probe.messages("take 2") == {0: [6, 7]}


def test_offsets_and_texts(group: Group) -> None:
    """Commits with long texts, read back; oldest offset; id of the cluster."""
    group.make(2, 10)
    probe = group.joined(2, "paused")
    assert probe.committed(1) == (-1, "")
    for text in ("", "m" * 900, "m" * 4000):
        probe.tell(f"commit 1 7 {text}")
        assert probe.committed(1) == (7, text)
    assert "OFFSET_METADATA_TOO_LARGE" in probe.refused(f"commit 1 7 {'m' * 4097}")
    assert probe.tell("low 0") == ["low 0"]
    cluster = probe.tell("cluster")[0].split()[1]
    assert cluster == group.topics.admin.list_topics(timeout=10).cluster_id
