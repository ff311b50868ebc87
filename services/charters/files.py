"""Charters from files, folders and stored text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.charter import CharterDocument
from services.charters.build import build_charter
from services.charters.check import check_text
from services.charters.yaml_file import read_nodes, read_text
from services.domain.charter import Charter, Charters
from services.errors import CharterError, Problem, UsageError

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, eq=False)
class CharterFile:
    """A charter without mistakes: its text, what it says, and what the judge works with."""

    path: Path
    text: str
    document: CharterDocument
    charter: Charter


def find_problems(path: Path) -> list[Problem]:
    """Every mistake in one file, by line. UsageError where the file cannot be read."""
    try:
        read_charter(path)
    except CharterError as error:
        return list(error.problems)
    return []


def read_charter(path: Path) -> CharterFile:
    """One charter. CharterError with every mistake, UsageError where the file cannot be read."""
    return parse_charter(read_text(path), str(path))


def parse_charter(text: str, name: str) -> CharterFile:
    """One charter from its text; `name` stands for the file in messages. CharterError with every mistake."""
    document, findings = check_text(text)
    if document is None:
        raise CharterError([Problem(name, line, _printable(what)) for line, what in findings])
    return CharterFile(path=Path(name), text=text, document=document, charter=build_charter(document))


def read_versions(path: Path) -> list[CharterFile]:
    """The charter of a file, or those of a folder, by date. CharterError with every mistake of all of them."""
    files: list[CharterFile] = []
    problems: list[Problem] = []
    for each in _yaml_files(path):
        try:
            files.append(read_charter(each))
        except CharterError as error:
            problems += error.problems
    problems += _clashes(files)
    if problems:
        raise CharterError(sorted(problems))
    return sorted(files, key=lambda file: file.charter.effective_from)


def load_charters(path: Path, *, whole_history_if_single: bool) -> Charters:
    """The versions in a file or folder. A folder's are always in force by their dates; of a single file the caller
    says whether it judges the whole history.
    """
    whole_history = whole_history_if_single and not path.is_dir()
    return Charters([file.charter for file in read_versions(path)], whole_history=whole_history)


def _yaml_files(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        return [path]
    try:
        found = sorted(each for each in path.iterdir() if each.suffix in SUFFIXES and not each.is_dir())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    if not found:
        raise UsageError(f"{path}: there is no charter in this folder; put *.yaml files into it")
    return found


def _clashes(files: Iterable[CharterFile]) -> list[Problem]:
    """Two files with the same version, or in force from the same moment."""
    problems = []
    first: dict[tuple[str, object], CharterFile] = {}
    for file in files:
        for key, value in (("version", file.charter.version), ("effective_from", file.charter.effective_from)):
            other = first.setdefault((key, value), file)
            if other is not file:
                text = f"{key} is the same as in {other.path}; give each version its own"
                problems.append(Problem(str(file.path), _line_of(key, file.text), text))
    return problems


def _printable(text: str) -> str:
    """The text without characters that a terminal might obey: it quotes what stands in the file."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _line_of(key: str, text: str) -> int:
    root, _ = read_nodes(text)
    return root.find([key], key=True)[1] if root is not None else 1
