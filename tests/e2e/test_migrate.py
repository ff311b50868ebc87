"""`baton migrate` brings a database to the newest tables, and says so."""

import json
import sqlite3
import subprocess
from pathlib import Path

from services.adapters.migrations import NEWEST, REVISIONS
from tests.command import BATON, baton, environment
from tests.servers.postgres import Postgres

VERSION_1 = Path(__file__).parents[1] / "contracts" / "version_1.sql"


def test_a_new_database(postgres: Postgres) -> None:
    """Looking tells what is to do by its exit code; then it is done, once."""
    url = postgres.fresh_database()
    name = f"postgresql://{url.partition('@')[2]}"
    before = baton("migrate", "--check", BATON_DATABASE=url)
    assert (before.returncode, before.stdout) == (1, f"{name}: needs a migration from no tables to revision {NEWEST}\n")
    done = baton("migrate", BATON_DATABASE=url)
    assert (done.returncode, done.stdout) == (0, f"{name}: migrated from no tables to revision {NEWEST}\n")
    assert done.stderr == ""
    for arguments in (["migrate"], ["migrate", "--check"]):
        again = baton(*arguments, BATON_DATABASE=url)
        assert (again.returncode, again.stdout) == (0, f"{name}: nothing to do, its tables are of revision {NEWEST}\n")


def test_for_programs(postgres: Postgres) -> None:
    """One JSON document."""
    url = postgres.fresh_database()
    expected = {"database": f"postgresql://{url.partition('@')[2]}", "before": None, "newest": NEWEST}
    for arguments, code, migrated in ((["--check"], 1, False), ([], 0, True)):
        done = baton("migrate", "--json", *arguments, BATON_DATABASE=url)
        assert done.returncode == code
        assert json.loads(done.stdout) == {**expected, "missing": list(REVISIONS), "migrated": migrated}


def test_many_pods_at_once(postgres: Postgres) -> None:
    """Whoever comes later waits, and finds nothing to do."""
    url = postgres.fresh_database()
    pods = [
        subprocess.Popen([BATON, "migrate", "--json"], env=environment(BATON_DATABASE=url), stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    found = [json.loads(pod.communicate(timeout=120)[0]) for pod in pods]
    assert [pod.returncode for pod in pods] == [0] * 4
    assert sorted(str(each["before"]) for each in found) == sorted(["None"] + [NEWEST] * 3)


def test_a_data_folder(tmp_path: Path) -> None:
    """`baton up` migrates its own file; beforehand it can be done apart, after a backup."""
    connection = sqlite3.connect(tmp_path / "baton.db")
    connection.executescript(VERSION_1.read_text(encoding="utf-8"))
    connection.close()
    before = json.loads(baton("migrate", "--check", "--json", "--data", tmp_path).stdout)
    assert (before["before"], before["missing"]) == ("0001", list(REVISIONS[1:]))
    assert baton("migrate", "--data", tmp_path).returncode == 0
    assert baton("migrate", "--check", "--data", tmp_path).returncode == 0


def test_what_cannot_be_migrated(tmp_path: Path) -> None:
    """One line, with neither a traceback nor a password."""
    for url, code, said in (
        ("postgresql://u:s3cr3t@127.0.0.1:1/x", 1, "baton: database: connection failed: "),
        ("mysql://u:s3cr3t@127.0.0.1/x", 2, "BATON_DATABASE: write sqlite:///FILE, or postgresql://"),
        (None, 2, f"{tmp_path}: no data of Baton here; say which folder with --data"),
    ):
        done = baton("migrate", "--data", tmp_path, **({"BATON_DATABASE": url} if url else {}))
        assert (done.returncode, len(done.stderr.splitlines())) == (code, 1)
        assert done.stderr.startswith(said)
        assert "s3cr3t" not in done.stderr
