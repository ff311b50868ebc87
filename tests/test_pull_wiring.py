"""What the wiring of `baton pull` refuses before anything is pulled."""

import asyncio
from pathlib import Path

import pytest

from services.errors import UsageError
from services.settings import Settings, read_settings, variable
from services.wiring.pull import pull_salesforce
from services.wiring.pulls import channels_of


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine that runs the tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)
    monkeypatch.chdir(tmp_path)


async def refused(source: str | None, **settings: object) -> str:
    """What is said of it."""
    with pytest.raises(UsageError) as wrong:
        await pull_salesforce(read_settings(data=Path("data"), **settings), source, asyncio.Event())
    return str(wrong.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("nowhere.jsonl", "no such file: nowhere.jsonl"),
        ("kafka://127.0.0.1:9092", "--from: write kafka://HOST:PORT/TOPIC"),
        ("kafka://127.0.0.1/topic", "--from: broker 1 is not HOST:PORT; write kafka://HOST:PORT,HOST:PORT"),
        ("kafka://user:s3cr3t@127.0.0.1:9092/topic", "--from: write kafka://HOST:PORT without a user"),
    ],
)
async def test_a_source_that_is_none(source: str, said: str) -> None:
    """One line that says what to write, without what may be a secret."""
    told = await refused(source)
    assert told.startswith(said)
    assert "s3cr3t" not in told


async def test_without_settings() -> None:
    """It says which are needed."""
    assert await refused(None) == (
        "BATON_SALESFORCE_API_URL, BATON_SALESFORCE_CLIENT_ID, BATON_SALESFORCE_CLIENT_SECRET: not given; Salesforce's "
        "Pub/Sub API is signed in to with them"
    )


async def test_what_was_taken_is_let_go() -> None:
    """Whatever was refused: the folder is free for the next try."""
    for _ in range(2):
        assert "in use" not in await refused("nowhere.jsonl")


def test_several_channels() -> None:
    """Parted by blanks; none where none is set."""
    assert channels_of(read_settings(salesforce_channel="/data/A /data/B__chn")) == ["/data/A", "/data/B__chn"]
    assert channels_of(read_settings()) == []
