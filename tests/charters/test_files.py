"""Charters come from files, folders and stored text; the command line checks and shows them."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas.charter import json_schema
from services.charters import find_problems, load_charters, parse_charter, read_charter
from services.charters.page import make_page
from services.charters.show import as_html, as_markdown
from services.cli.main import main
from services.errors import CharterError, UsageError
from tests.charters.texts import GOOD

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "deploy" / "charters").glob("*.yaml"))
NEXT = GOOD.replace("2026-Q4", "2027-Q1").replace("2026-10-01T00:00:00+02:00", "2027-01-01T00:00:00+01:00")


class Done(NamedTuple):
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def baton(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """The command line, as a user runs it."""

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["baton", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        return Done(int(left.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A file with the good charter."""
    path = tmp_path / "q4.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_a_file_keeps_its_text_and_document(good: Path) -> None:
    """Whoever stores a charter has the text as its author wrote it."""
    file = read_charter(good)
    assert (file.path, file.text) == (good, GOOD)
    assert file.document.version == file.charter.version == "2026-Q4"
    assert find_problems(good) == []


def test_a_file_of_windows_is_read(good: Path) -> None:
    """A byte order mark and carriage returns are no mistakes."""
    good.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert find_problems(good) == []
    good.write_text(GOOD.replace("charter: 1\n", "charter: 1\r\n").replace("version: 2026-Q4", "version: []"))
    assert [problem.line for problem in find_problems(good)] == [2]


def test_what_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    """A missing file, a folder without charters, another encoding: each says so."""
    (tmp_path / "latin.yaml").write_bytes(b"charter: 1\nversion: J\xf3zef\n")
    (tmp_path / "huge.yaml").write_text("#" * (1 << 20) + "#")
    (tmp_path / "empty").mkdir()
    for name, words in [
        ("none.yaml", "there is no such file"),
        ("latin.yaml", "latin.yaml:2: not UTF-8 text; save the file as UTF-8"),
        ("huge.yaml", "larger than 1 MiB"),
        ("empty", "there is no charter in this folder"),
    ]:
        with pytest.raises(UsageError, match=re.escape(words)) as raised:
            load_charters(tmp_path / name, whole_history_if_single=False)
        assert not isinstance(raised.value, CharterError)


def test_a_single_file_may_judge_the_whole_history(good: Path) -> None:
    """Replay of one charter takes it whatever its date; otherwise its date counts."""
    assert load_charters(good, whole_history_if_single=True).in_force(0) is not None
    assert load_charters(good, whole_history_if_single=False).in_force(0) is None


def test_a_folder_has_versions_by_date(good: Path) -> None:
    """Each file of a folder is a version; even a single one is in force from its date on."""
    assert load_charters(good.parent, whole_history_if_single=True).in_force(0) is None
    (good.parent / "a.yml").write_text(NEXT)
    (good.parent / "notes.txt").write_text("no charter")
    charters = load_charters(good.parent, whole_history_if_single=True)
    assert [charter.version for charter in charters.versions] == ["2026-Q4", "2027-Q1"]


def test_the_mistakes_of_all_files_are_told(good: Path) -> None:
    """A folder is checked as a whole."""
    (good.parent / "a.yaml").write_text("charter: 1\nversion: []\n")
    good.write_text(GOOD.replace("objective: 95%", "objective: 95"))
    with pytest.raises(CharterError) as raised:
        load_charters(good.parent, whole_history_if_single=False)
    assert {Path(problem.file).name for problem in raised.value.problems} == {"a.yaml", "q4.yaml"}


def test_two_versions_cannot_share_a_name_or_date(good: Path) -> None:
    """Two charters with one version, or one beginning, are a mistake that names both files."""
    (good.parent / "z.yaml").write_text(GOOD)
    with pytest.raises(CharterError) as raised:
        load_charters(good.parent, whole_history_if_single=False)
    assert [(Path(each.file).name, each.line) for each in raised.value.problems] == [("z.yaml", 2), ("z.yaml", 3)]
    assert all("q4.yaml" in each.text for each in raised.value.problems)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_charters_that_both_sides_signed(path: Path) -> None:
    """A newcomer can copy an example as it stands, and its editor finds the schema."""
    file = read_charter(path)
    assert not file.charter.is_draft
    match = re.match(r"# yaml-language-server: \$schema=(\S+)\n", file.text)
    assert match is not None
    assert (path.parent / match[1]).resolve() == ROOT / "schemas" / "charter.schema.json"


def test_there_are_three_examples() -> None:
    """One team, round the clock, two regions."""
    assert [path.stem for path in EXAMPLES] == ["round-the-clock-inbound", "two-regions", "warsaw-small-team"]


def test_the_committed_schema_is_the_codes(baton: Callable[..., Done]) -> None:
    """`baton charter schema` and the file that editors read are the same."""
    committed = (ROOT / "schemas" / "charter.schema.json").read_text(encoding="utf-8")
    printed = baton("charter", "schema")
    assert (printed.returncode, printed.stdout) == (0, committed)
    assert json.loads(committed) == json_schema()


def test_check_says_that_a_charter_is_fine(good: Path, baton: Callable[..., Done]) -> None:
    """A charter without mistakes is one good line and exit 0."""
    done = baton("charter", "check", good)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{good}: charter 2026-Q4 is fine\n", "")


def test_check_says_that_a_charter_is_a_draft(good: Path, baton: Callable[..., Done]) -> None:
    """A missing signature is no mistake, but it is told."""
    good.write_text(re.sub(r"  - \{side: .*\n", "", GOOD))
    done = baton("charter", "check", good)
    assert done.returncode == 0
    assert "it is a draft, because marketing and sales did not agree yet" in done.stdout


def test_check_prints_every_mistake(good: Path, baton: Callable[..., Done]) -> None:
    """All mistakes go to stderr with their lines; the answer is no, exit 1."""
    good.write_text(GOOD.replace("objective: 95%", "objective: 95").replace("PLN", "pln"))
    done = baton("charter", "check", good)
    assert (done.returncode, done.stdout) == (1, "")
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == [f"{good}:31", f"{good}:48"]


def test_check_prints_json(good: Path, baton: Callable[..., Done]) -> None:
    """`--json` is one document, whatever the answer."""
    fine = baton("charter", "check", good, "--json")
    assert json.loads(fine.stdout) == {
        "ok": True,
        "problems": [],
        "charters": [{"file": str(good), "version": "2026-Q4", "draft": False, "not_agreed": []}],
    }
    good.write_text(GOOD.replace("objective: 95%", "objective: 95"))
    wrong = baton("charter", "check", good, "--json")
    assert wrong.returncode == 1
    assert [each["line"] for each in json.loads(wrong.stdout)["problems"]] == [31]


def test_a_file_that_cannot_be_read_is_wrong_use(tmp_path: Path, baton: Callable[..., Done]) -> None:
    """One line on stderr and exit 2, for each command."""
    for command in ("check", "show"):
        done = baton("charter", command, tmp_path / "none.yaml")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"{tmp_path}/none.yaml: there is no such file\n"


def test_show_of_a_broken_charter_tells_its_mistakes(good: Path, baton: Callable[..., Done]) -> None:
    """What cannot be used is not shown: bad input, exit 2."""
    good.write_text(GOOD.replace("objective: 95%", "objective: 95"))
    done = baton("charter", "show", good)
    assert (done.returncode, done.stdout) == (2, "")
    assert "write 95%" in done.stderr


def test_show_writes_a_page_to_sign(good: Path, tmp_path: Path, baton: Callable[..., Done]) -> None:
    """Markdown on stdout, or one HTML file that needs nothing else."""
    shown = baton("charter", "show", good)
    assert shown.returncode == 0
    assert shown.stdout.startswith("# Charter 2026-Q4 between marketing and sales\n")
    out = tmp_path / "page.html"
    assert baton("charter", "show", good, "--html", out).returncode == 0
    html = out.read_text(encoding="utf-8")
    assert "<script" not in html
    assert not re.search(r"(src|href)=|url\(|@import", html)
    denied = baton("charter", "show", good, "--html", tmp_path / "none" / "page.html")
    assert (denied.returncode, denied.stderr.count("\n")) == (2, 1)


def page_of(text: str) -> str:
    """The page as Markdown, seen in late 2026."""
    return as_markdown(make_page(parse_charter(text, "t.yaml").document, date(2026, 12, 1)))


def test_the_page_says_promises_in_sentences() -> None:
    """A head of sales reads what is owed, by when, and on whose clock."""
    page = page_of(GOOD)
    assert (
        "- **accept**: Sales accepts or rejects every lead: within 15 minutes of dayless time when priority is hot, "
        "within 1 hour of office time when score is at least 80, otherwise within 4 hours of office time; "
        "95 % of the time.\n"
    ).replace("of dayless time", "round the clock") in page
    assert "It is at risk from 75 % of the time; sales is told at 100 %; sales-leads is told at 150 %." in page
    assert "- **quality**: Every month at least 70 % of the leads that sales decides on are accepted." in page
    assert "1 200 000 PLN won every year, where new_customer is true." in page


def test_the_page_says_what_each_month_has_of_a_goal() -> None:
    """Who signs a quarter sees that December is to bring more than October."""
    months = "{2026-12: 500000, 2026-10: 300000, 2026-11: 400000}"
    page = page_of(GOOD.replace("per: year, target: 1200000", f"per: quarter, target: 1200000, targets: {months}"))
    assert "Of it 300 000 in 2026-10, 400 000 in 2026-11 and 500 000 in 2026-12." in page


def test_the_page_lists_coming_holidays_by_name() -> None:
    """The dates on which nobody is owed anything are there before both sides sign."""
    page = page_of(GOOD)
    assert "Closed on the public holidays of Poland." in page
    assert "  - Friday, 25 December 2026: closed (Christmas Day)" in page
    assert "  - Sunday, 27 December 2026: open 10:00 to 14:00" in page
    assert "  - Thursday, 31 December 2026: closed\n" in page
    assert "November 2026" not in page


def test_promises_stand_by_side() -> None:
    """What marketing owes and what sales owes are apart."""
    page = page_of(GOOD)
    marketing, sales = page.index("## What marketing promises"), page.index("## What sales promises")
    assert marketing < page.index("**volume**") < sales < page.index("**talk**")


def test_an_unsigned_page_has_lines_to_sign_on() -> None:
    """A draft says so, and leaves room for names."""
    page = page_of(re.sub(r"  - \{side: sales.*\n", "", GOOD))
    assert "This is a draft: sales has not agreed yet." in page
    assert "- For marketing: Head of Marketing, on 21 September 2026, signature ____" in page
    assert "- For sales: ______" in page


def test_the_page_escapes_what_authors_write() -> None:
    """Markup in a charter is shown, not obeyed; nor are escape sequences of terminals."""
    text = GOOD.replace("One sentence.", '"<script>alert(1)</script> \\e[2J & more"')
    document = parse_charter(text, "t.yaml").document
    page = make_page(document, date(2026, 12, 1))
    assert "&lt;script&gt;" in as_html(page)
    assert "<script" not in as_html(page)
    assert "\x1b" not in as_html(page) + as_markdown(page)


def test_nothing_of_a_page_depends_on_the_environment(good: Path) -> None:
    """The same charter and day give the same page in every zone."""
    environment = {**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    code = (
        "import sys; from datetime import date; from pathlib import Path; from services.charters import read_charter;"
        "from services.charters.page import make_page; from services.charters.show import as_markdown;"
        "sys.stdout.reconfigure(encoding='utf-8');"
        "print(as_markdown(make_page(read_charter(Path(sys.argv[1])).document, date(2026, 12, 1))), end='')"
    )
    command = [sys.executable, "-c", code, str(good)]
    done = subprocess.run(command, capture_output=True, env=environment, cwd=ROOT, check=True)
    assert done.stdout.decode() == page_of(GOOD)
