"""What the pages for operators show can be typed: commands are understood, programs compile. No services are needed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from sluice_testing.worker import run_sluice

_DOCS = Path(__file__).resolve().parents[2] / "docs"
_COMMAND = re.compile(r"^ *(?:\$ )?(sluice [a-z]+ .*-c .*)$", re.MULTILINE)
_ARGUMENTS = re.compile(r"^ *args: \[(.*)\]$", re.MULTILINE)


def commands(text: str) -> list[list[str]]:
    """The words of each command, without `sluice`, pipes, redirects and remarks."""
    found = [shlex.split(line, comments=True)[1:] for line in _COMMAND.findall(text)]
    found += [[word.strip(' "') for word in line.split(",")] for line in _ARGUMENTS.findall(text)]
    return [words[:next((i for i, word in enumerate(words) if word in ("|", ">")), len(words))] for words in found]


def test_commands_are_read() -> None:
    """With a dollar or without; remarks and pipes are none of it; those of a container."""
    text = "    $ sluice a b -c x.yaml | jq .  # c\n  sluice d -c y --e 'f g'\n\nsluice is\n  args: [h, -c, i]\n"
    assert commands(text) == [["a", "b", "-c", "x.yaml"], ["d", "-c", "y", "--e", "f g"], ["h", "-c", "i"]]


@pytest.mark.parametrize("page", ["operating.md", "resnapshot.md", "offsets.md"])
def test_commands_can_be_typed(page: str) -> None:
    """Nothing is wrong with them but that there is no such configuration."""
    found = commands((_DOCS / page).read_text(encoding="utf-8"))
    assert len(found) >= 3, found
    for words in found:
        there = words.index("-c") + 1
        done = run_sluice(*words[:there], "/not/there.yaml", *words[there + 1:])
        told = '"/not/there.yaml" can\'t be read' in done.stderr
        assert done.returncode == 2 and (told or "--postgres-file" in done.stderr), (words, done.stderr)


def test_programs_compile() -> None:
    """Those for Airflow."""
    found = re.findall(r"```python\n(.*?)```", (_DOCS / "operating.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found
    for program in found:
        compile(program, "operating.md", "exec")
