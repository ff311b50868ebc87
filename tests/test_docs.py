"""The documents are true: links lead somewhere, commands parse, and examples are what they say they are.

What a fenced block is stands after its language: `yaml charter` is a part of a charter, `json event` and
`jsonl event` are canonical events, `yaml mapping` is a mapping of a CRM, `yaml export` a map of export files,
`yaml routes` a file of routes, and
`csv leads.csv` with `yaml map.yaml` are files of one replay. Blocks without a language, or with `sh`, are a shell's.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main

from schemas.routes import RoutesFile
from services.charters import find_problems
from services.cli.main import app
from services.domain.events import WIRE_NAMES
from services.gateway.mapping import read_checked, read_export_map, read_mapping
from services.replay.csv_map import read_map
from services.replay.history import read_history
from services.settings import Settings, variable
from services.translate import from_json, from_wire

ROOT = Path(__file__).parents[1]
SHELL = ("", "sh")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^ *```(?P<what>[^\n`]*)\n(?P<text>.*?)^ *```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_INLINE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_POSTED = re.compile(r"-d '(\{.*?\})'|^ *BODY='(\{.*?\})'$", re.DOTALL | re.MULTILINE)

# What a part of a charter in a document is completed with, entry by entry, where it does not say it itself.
_REST_OF_A_CHARTER: dict[str, str | dict[str, str]] = {
    "charter": "1",
    "version": "documents",
    "effective_from": "2026-10-01T00:00:00+02:00",
    "calendars": {
        "office": '{timezone: Europe/Warsaw, hours: {mon-fri: "09:00-17:00"}, day: 8h}',
        "always": '{timezone: UTC, hours: {mon-sun: "00:00-24:00"}, day: 24h}',
    },
    "clocks": {
        "rest": "{promised_by: sales, starts_on: [lead.handed_off], stops_on: [lead.accepted], calendar: always, "
        "targets: [{within: 1h}]}"
    },
}


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    page: str
    what: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text.strip().splitlines()[0][:60]}"


def prose(page: Path) -> str:
    """A document without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


BLOCKS = [
    Block(page.name, found["what"].strip(), found["text"])
    for page in PAGES
    for found in _FENCE.finditer(page.read_text(encoding="utf-8"))
]


def blocks(*what: str) -> list[Block]:
    """The blocks that say they are one of these."""
    return [block for block in BLOCKS if block.what in what]


def shell_lines() -> Iterator[list[str]]:
    """The words of every line of a shell, without comments."""
    for block in blocks(*SHELL):
        for line in block.text.replace("\\\n", " ").splitlines():
            try:
                yield shlex.split(line, comments=True)
            except ValueError:
                continue  # a quoted text goes on in the next line: no command of ours does that


def commands(name: str) -> list[list[str]]:
    """The arguments of every call of a program in a shell block, up to where its output is sent."""
    calls = []
    for words in shell_lines():
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            del words[0]
        if words and Path(words[0]).name == name:
            end = next((at for at, word in enumerate(words) if word in (">", "|", "&&")), len(words))
            calls.append(words[1:end])
    return calls


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Files and images that are linked exist, and so do the headings that links name."""
    for link in _LINK.findall(prose(page)):
        if link.startswith(("http://", "https://")):
            continue
        name, _, heading = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if heading:
            headings = _HEADING.findall(prose(target))
            assert heading in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}, link


@pytest.mark.parametrize("arguments", commands("baton"), ids=" ".join)
def test_every_command_parses(arguments: list[str]) -> None:
    """Subcommands, options and their values are those of the command line; nothing is run."""
    command: Any = typer.main.get_command(app)
    rest = list(arguments)
    while hasattr(command, "commands") and rest != ["--help"]:
        assert rest, "a subcommand is missing"
        name = rest.pop(0)
        assert name in command.commands, f"there is no command {name}"
        command = command.commands[name]
    if rest != ["--help"]:
        command.make_context("baton", rest)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_the_text_names_exists(page: Path) -> None:
    """`baton x y` and `make x` between backticks are commands that there are."""
    targets = {line.split()[0] for line in make("help")}
    for text in _INLINE.findall(prose(page)):
        words = text.split()
        if words[0] == "make":
            assert set(words[1:]) <= targets, text
        if words[0] == "baton":
            command: Any = typer.main.get_command(app)
            for word in words[1:]:
                if hasattr(command, "commands"):
                    assert word in command.commands, text
                    command = command.commands[word]
                elif word.startswith("-"):
                    assert word in {name for option in command.params for name in option.opts}, text


@pytest.mark.parametrize("arguments", commands("make"), ids=" ".join)
def test_every_target_of_make_exists(arguments: list[str]) -> None:
    """What a reader is told to make can be made."""
    make("--dry-run", *arguments)


def make(*arguments: str) -> list[str]:
    """What `make` prints, a line each."""
    done = subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("block", blocks("yaml charter"), ids=str)
def test_every_part_of_a_charter_is_without_mistakes(block: Block, tmp_path: Path) -> None:
    """Completed with what it leaves out, it passes the checks that a charter passes."""
    path = tmp_path / "charter.yaml"
    path.write_text(completed(block.text))
    assert find_problems(path) == []


def completed(text: str) -> str:
    """A part of a charter with the rest of one."""
    for section, rest in _REST_OF_A_CHARTER.items():
        is_there = re.search(rf"^{section}:", text, re.MULTILINE)
        if isinstance(rest, str):
            text += "" if is_there else f"{section}: {rest}\n"
            continue
        if not is_there:
            text += f"{section}:\n"
        missing = [f"  {name}: {value}" for name, value in rest.items() if not re.search(rf"^  {name}:", text, re.M)]
        text = re.sub(rf"^{section}:$", "\n".join([f"{section}:", *missing]), text, flags=re.MULTILINE)
    return text


def test_every_event_is_valid() -> None:
    """Events that stand alone, in JSON Lines, or in what `curl` posts, are canonical events."""
    single = [block.text for block in blocks("json event")]
    lines = [line for block in blocks("jsonl event") for line in block.text.splitlines()]
    posted = [one or other for block in blocks(*SHELL) for one, other in _POSTED.findall(block.text)]
    assert len(single) >= 1
    assert len(lines) >= 10
    assert len(posted) >= 3
    for text in (*single, *lines, *posted):
        from_json(text)


def test_the_table_of_types_is_the_canonical_order() -> None:
    """All types, by their numbers, each with the fields without which it is refused."""
    rows = re.findall(r"^\| (\d+) \| `([a-z_.]+)` \|(.*)\|$", (ROOT / "docs" / "events.md").read_text(), re.M)
    assert [(int(number), name) for number, name, _ in rows] == list(WIRE_NAMES.items())
    samples: dict[str, Any] = {
        "kind": "call",
        "direction": "outbound",
        "connected": True,
        "verdict": "good",
        "answer": "agreed",
        "outcome": "upheld",
        "attendees": {"marketing": 1, "sales": 1},
    }
    for _, name, told in rows:
        # A name that a comma or semicolon follows, or nothing, must be there; one with a `?` may be left out.
        fields = re.findall(r"(?:^ |[,;] )`(\w+)`(?!\?)", told)
        data = {field: samples.get(field, "x") for field in fields}
        event = {"specversion": "1.0", "id": "1", "source": "/x", "type": name, "subject": "ceremony:x"}
        from_wire({**event, "time": "2026-01-01T00:00:00Z", "data": data})


@pytest.mark.parametrize("block", blocks("yaml routes"), ids=str)
def test_routes_are_routes(block: Block, tmp_path: Path) -> None:
    """They are read as `BATON_ROUTES` is."""
    path = tmp_path / "routes.yaml"
    path.write_text(block.text)
    file, _ = read_checked(RoutesFile, path)
    assert {name for route in file.routes for name in route.send_to} <= file.sinks.keys()


@pytest.mark.parametrize("block", blocks("yaml mapping"), ids=str)
def test_every_mapping_is_without_mistakes(block: Block, tmp_path: Path) -> None:
    """It reads as `BATON_HUBSPOT_MAPPING` would."""
    path = tmp_path / "mapping.yaml"
    path.write_text(block.text)
    read_mapping("hubspot", path)


@pytest.mark.parametrize("block", blocks("yaml export"), ids=str)
def test_every_map_of_export_files_is_without_mistakes(block: Block, tmp_path: Path) -> None:
    """It reads as `baton import --map` would."""
    path = tmp_path / "map.yaml"
    path.write_text(block.text)
    read_export_map("hubspot", path)


def test_the_table_of_the_mapping_is_what_it_says() -> None:
    """Every property that the built-in mapping knows, and every event that it gives, is in the document."""
    text = (ROOT / "docs" / "hubspot.md").read_text()
    mapping = read_mapping("hubspot")
    properties = {**mapping.leads["contact"].properties, **mapping.deals["deal"].properties}
    for name, meaning in properties.items():
        assert f"| `{name}`" in text, name
        for value, rules in meaning.values.items():
            rows = [row for row in text.splitlines() if row.startswith(f"| `{name}`") and f"`{value}`" in row]
            assert all(any(rule.event in row for row in rows) for rule in rules), (name, value)
    for name, attribute in mapping.leads["contact"].attributes.items():
        rows = [row for row in text.splitlines() if row.startswith("| ") and f"`{name}`" in row]
        assert any(f"`{attribute.to}`" in row for row in rows), name
    for name, activity in mapping.activities.items():
        (row,) = (row for row in text.splitlines() if row.startswith(f"| `{name}`"))
        assert all(f"`{field}`" in row for field in activity.fields()), name


def test_the_example_of_a_replay_works(tmp_path: Path) -> None:
    """Its CSV file is read by its map without a bad line."""
    (rows,), (map_file,) = blocks("csv leads.csv"), blocks("yaml map.yaml")
    (tmp_path / "leads.csv").write_text(rows.text)
    (tmp_path / "map.yaml").write_text(map_file.text)
    bad: list[object] = []
    csv_map = read_map(tmp_path / "map.yaml")
    history = read_history([tmp_path / "leads.csv"], csv_map=csv_map, until=None, report=bad.append)
    assert bad == []
    assert history.unmapped_rows == 0
    assert len(history.leads) == rows.text.count("\n") - 1


def test_the_tour_shows_every_room() -> None:
    """What stands in the table of rooms exists, and no room of the services is left out."""
    text = (ROOT / "docs" / "design.md").read_text()
    rooms = {room for row in re.findall(r"^\| (`.*?`) \|", text, re.M) for room in re.findall(r"`([\w/.]+)`", row)}
    assert all((ROOT / room).exists() for room in rooms)
    there = {f"services/{path.name}" for path in (ROOT / "services").iterdir() if path.name[0].isalpha()}
    assert there <= rooms


def test_every_setting_that_is_named_exists() -> None:
    """A variable `BATON_...` in a document is one that Baton reads, or one of its tests."""
    known = {variable(name) for name in Settings.model_fields} | {"BATON_TEST_DEMAND_ALL", "BATON_"}
    for page in PAGES:
        assert set(re.findall(r"\bBATON_[A-Z0-9_]*", page.read_text(encoding="utf-8"))) <= known, page.name


def test_every_block_says_what_it_is() -> None:
    """A block with a language that no test knows would be an example that nothing holds to the truth."""
    known = {*SHELL, "text", "json", "json event", "jsonl event", "csv leads.csv", "yaml export", "yaml routes"}
    assert {block.what for block in BLOCKS} <= known | {"yaml", "yaml charter", "yaml mapping", "yaml map.yaml"}
