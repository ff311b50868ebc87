"""A subscription to Salesforce's change events, against a server of its Pub/Sub API."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from services.adapters.salesforce.schema import HEADER
from services.adapters.salesforce.subscription import KEPT, OVERLAP, Subscription
from services.adapters.salesforce.wire import CUSTOM, DESCRIPTOR, EARLIEST, messages
from services.adapters.sqlite.positions import SqlitePositions
from services.domain.instants import SECOND
from services.errors import Unavailable, UsageError
from services.ports import Position, Pulled
from tests.crm.change_events import CHANNEL, COMMITTED, LEAD_WITH_SCORE, ORGANIZATION, header, payload, update
from tests.crm.pubsub_fake import FakePubSub
from tests.servers.processes import free_ports

NOW = COMMITTED * 1_000 + 86_400 * SECOND
STREAM = f"{ORGANIZATION}{CHANNEL}"
TOKENS = ("token-1", "token-2", "token-3")
_SECONDS = 30


class FakeSession:
    """Signs in with one token after the other."""

    def __init__(self) -> None:
        self.number = 0

    async def metadata(self) -> tuple[tuple[str, str], ...]:
        return (
            ("accesstoken", TOKENS[self.number]),
            ("instanceurl", "https://company.my.salesforce.com"),
            ("tenantid", ORGANIZATION),
        )

    def forget(self) -> None:
        self.number += 1


@pytest.fixture
async def server() -> AsyncIterator[FakePubSub]:
    async with FakePubSub().running() as running:
        yield running


@pytest.fixture
def positions(tmp_path: Path) -> Iterator[SqlitePositions]:
    with closing(SqlitePositions(tmp_path / "positions.db")) as opened:
        yield opened


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def subscription(server: FakePubSub, positions: SqlitePositions, session: FakeSession) -> Subscription:
    return subscribed(server, positions, session)


def subscribed(server: FakePubSub, positions: SqlitePositions, session: FakeSession, **given: Any) -> Subscription:
    """A subscription without TLS."""
    arguments = {"target": server.address, "channel": CHANNEL, "secure": False, "now": lambda: NOW, **given}
    return Subscription(session=session, positions=positions, **arguments)


async def pull(subscription: Subscription, events: int, *, kept: bool = True) -> list[Any]:
    """So many events, each batch kept before the next is asked for."""
    found: list[Any] = []
    async with asyncio.timeout(_SECONDS), aclosing(subscription.pulled()) as pulled:
        while len(found) < events:
            each = await anext(pulled)
            found += each.items
            if kept:
                await subscription.keep(each)
    return found


async def first_without_events(subscription: Subscription) -> Pulled:
    """The first sign that there is nothing, or that something was lost; what comes before is kept, and it too."""
    async with asyncio.timeout(_SECONDS), aclosing(subscription.pulled()) as pulled:
        async for each in pulled:
            await subscription.keep(each)
            if not each.items:
                return each
    raise AssertionError


def leads(events: Sequence[Any]) -> list[int]:
    """The numbers of the leads that were changed."""
    return [int(event[HEADER]["recordIds"][0][10:15]) for event in events]


def test_the_descriptor_is_that_of_the_proto_file(tmp_path: Path) -> None:
    """Made anew, it is the same."""
    folder = Path(str(files("services.adapters.salesforce")))
    made = tmp_path / DESCRIPTOR
    command = ["-m", "grpc_tools.protoc", "-I", str(folder), f"--descriptor_set_out={made}", "pubsub_api.proto"]
    subprocess.run([sys.executable, *command], check=True)
    assert made.read_bytes() == (folder / DESCRIPTOR).read_bytes()


def test_a_request_is_written_as_documented() -> None:
    """Byte by byte, by the numbers of the fields in the public interface."""
    request = messages()["FetchRequest"](
        topic_name="/data/X", replay_preset=CUSTOM, replay_id=b"\1\2", num_requested=100
    )
    assert request.SerializeToString() == b"\x0a\x07/data/X\x10\x02\x1a\x02\1\2\x20\x64"


def test_a_response_is_read_as_documented() -> None:
    """Events (1) with their event (1: schema 2, payload 3) and replay id (2); latest replay id (2), pending (4)."""
    event = b"\x12\x02s1\x1a\x03abc"
    consumer = b"\x0a" + bytes([len(event)]) + event + b"\x12\x01r"
    written = b"\x0a" + bytes([len(consumer)]) + consumer + b"\x12\x01l\x1a\x02id\x20\x09"
    response: Any = messages()["FetchResponse"].FromString(written)
    (read,) = response.events
    assert (read.event.schema_id, read.event.payload, read.replay_id) == ("s1", b"abc", b"r")
    assert (response.latest_replay_id, response.rpc_id, response.pending_num_requested) == (b"l", "id", 9)


async def test_all_events_come_in_their_order(server: FakePubSub, subscription: Subscription) -> None:
    """The first time from the oldest that is kept; the schema is asked for once."""
    server.add(*(update(number) for number in range(25)))
    found = await pull(subscription, 25)
    assert leads(found) == list(range(25))
    assert found[0]["Status"] == "Working"
    assert found[0][HEADER]["changedFields"] == ["Status", "LastModifiedDate"]
    assert server.streams[0].requests[0].replay_preset == EARLIEST
    assert server.asked_schemas == ["lead-1"]


async def test_no_more_is_asked_for_than_was_kept(server: FakePubSub, subscription: Subscription) -> None:
    """A hundred at first, then as many as came: never more than a hundred are on their way."""
    server.add(*(update(number) for number in range(250)))
    await pull(subscription, 250)
    (stream,) = server.streams
    assert server.most_pending == 100
    assert [each.num_requested for each in stream.requests[:3]] == [100, 10, 10]
    assert not any(each.topic_name or each.replay_id for each in stream.requests[1:])


async def test_while_a_batch_is_held_nothing_else_is_asked_for(server: FakePubSub, subscription: Subscription) -> None:
    """The log may be away for long: what is on its way stays what it was."""
    server.add(*(update(number) for number in range(300)))
    async with aclosing(subscription.pulled()) as pulled:
        await anext(pulled)
        async with asyncio.timeout(_SECONDS):
            while server.streams[0].pending:  # noqa: ASYNC110 - nothing tells when the server has sent it
                await asyncio.sleep(0.01)
    assert server.streams[0].sent == 100


async def test_it_goes_on_after_what_was_kept(
    server: FakePubSub, positions: SqlitePositions, session: FakeSession
) -> None:
    """Also in another process, by the file."""
    server.add(*(update(number) for number in range(30)))
    assert leads(await pull(subscribed(server, positions, session), 10)) == list(range(10))
    assert leads(await pull(subscribed(server, positions, session), 20)) == list(range(10, 30))
    first = server.streams[1].requests[0]
    assert (first.replay_preset, first.replay_id) == (CUSTOM, server.events[9][0])


async def test_what_was_not_kept_comes_again(
    server: FakePubSub, positions: SqlitePositions, session: FakeSession
) -> None:
    """It may not be in the log."""
    server.add(*(update(number) for number in range(10)))
    await pull(subscribed(server, positions, session), 10, kept=False)
    assert leads(await pull(subscribed(server, positions, session), 10)) == list(range(10))


async def test_a_sign_of_life_moves_the_place(
    server: FakePubSub, subscription: Subscription, positions: SqlitePositions
) -> None:
    """So a quiet week does not end with a place that nobody knows any more."""
    alive = await first_without_events(subscription)
    assert alive.lost_since is None
    assert positions.read(STREAM) == Position((0).to_bytes(8, "big") + b"\1\0", NOW)
    server.add(update(3))
    assert leads(await pull(subscription, 1)) == [3]
    assert server.streams[1].requests[0].replay_preset == CUSTOM
    assert positions.read(STREAM) == Position(server.events[0][0], NOW)


async def test_the_place_after_old_events_is_not_that_of_today(
    server: FakePubSub, subscription: Subscription, positions: SqlitePositions
) -> None:
    """Reading of the past, all after the last event is still unknown."""
    server.add(update(1))
    await pull(subscription, 1)
    await first_without_events(subscription)
    kept = positions.read(STREAM)
    assert kept is not None
    assert kept.seen_until == (COMMITTED + 1_000) * 1_000


async def test_another_schema_in_the_middle(server: FakePubSub, subscription: Subscription) -> None:
    """Somebody made a field: its events are read by their schema, those before by theirs."""
    server.schemas["lead-2"] = json.dumps(LEAD_WITH_SCORE)
    server.add(update(1))
    server.add(payload(LEAD_WITH_SCORE, header(changedFields=["0x8000"]), Score__c=80.0), schema_id="lead-2")
    server.add(update(2))
    found = await pull(subscription, 3)
    assert found[1]["Score__c"] == 80.0
    assert found[1][HEADER]["changedFields"] == ["Score__c"]
    assert [found[0]["Status"], found[2]["Status"]] == ["Working", "Working"]
    assert server.asked_schemas == ["lead-1", "lead-2"]


async def test_a_token_that_has_ended(server: FakePubSub, subscription: Subscription, session: FakeSession) -> None:
    """Another is asked for, at once."""
    server.add(update(1))
    server.end_tokens("token-2")
    assert leads(await pull(subscription, 1)) == [1]
    assert session.number == 1


async def test_a_token_that_ends_in_the_middle(
    server: FakePubSub, subscription: Subscription, session: FakeSession
) -> None:
    """The stream goes on, but a schema is not given for it."""
    server.add(update(1))
    async with asyncio.timeout(_SECONDS), aclosing(subscription.pulled()) as pulled:
        await anext(pulled)
        server.end_tokens("token-2")
        server.schemas["lead-2"] = json.dumps(LEAD_WITH_SCORE)
        event = payload(LEAD_WITH_SCORE, header(changeType="CREATE"), Score__c=80.0)
        await server.publish(event, schema_id="lead-2")
        while not (each := await anext(pulled)).items:
            continue
    assert each.items[0]["Score__c"] == 80.0  # type: ignore[call-overload]
    assert session.number == 1
    assert len(server.streams) == 1


async def test_tokens_that_are_refused(server: FakePubSub, subscription: Subscription) -> None:
    """One after the other: it says which settings, and not what Salesforce quotes."""
    server.end_tokens()
    with pytest.raises(UsageError, match=r"^BATON_SALESFORCE_CLIENT_ID, .*auth\.error$") as refused:
        await pull(subscription, 1)
    assert "s3cr3t" not in str(refused.value)


async def test_a_broken_stream(server: FakePubSub, subscription: Subscription) -> None:
    """It says so, and goes on after what was kept when it is asked again."""
    server.add(*(update(number) for number in range(10)))
    server.break_after = 4
    with pytest.raises(Unavailable, match="UNAVAILABLE"):
        await pull(subscription, 10)
    assert leads(await pull(subscription, 6)) == list(range(4, 10))


async def test_a_stream_that_ends(server: FakePubSub, subscription: Subscription) -> None:
    """Without an error: that is an outage too."""
    server.add(*(update(number) for number in range(10)))
    server.end_after = 4
    with pytest.raises(Unavailable, match="the subscription was ended"):
        await pull(subscription, 10)


async def test_a_server_that_says_nothing(server: FakePubSub, positions: SqlitePositions, session: FakeSession) -> None:
    """Not even a sign of life: the connection is dead."""
    server.keepalive = 60
    with pytest.raises(Unavailable, match=r"no sign of life for 0\.2 s"):
        await pull(subscribed(server, positions, session, silence=0.2), 1)


async def test_nobody_answers(positions: SqlitePositions, session: FakeSession) -> None:
    """An outage."""
    (port,) = free_ports(1)
    server = FakePubSub(address=f"127.0.0.1:{port}")
    with pytest.raises(Unavailable, match="UNAVAILABLE"):
        await pull(subscribed(server, positions, session), 1)


async def test_a_place_that_salesforce_has_forgotten(
    server: FakePubSub, subscription: Subscription, positions: SqlitePositions
) -> None:
    """All that was modified since is asked for, and all that is kept is read; once that was said, it is not again."""
    server.add(*(update(number) for number in range(30)))
    await pull(subscription, 10)
    server.forget(20)
    async with asyncio.timeout(_SECONDS), aclosing(subscription.pulled()) as pulled:
        lost = await anext(pulled)
        assert (lost.items, lost.lost_since) == ((), (COMMITTED + 9_000) * 1_000 - OVERLAP)
        await subscription.keep(lost)
        assert positions.read(STREAM) == Position(None, (COMMITTED + 9_000) * 1_000)
        rest = await anext(pulled)
    assert leads(rest.items) == list(range(20, 30))
    assert rest.lost_since is None
    assert [stream.requests[0].replay_preset for stream in server.streams] == [EARLIEST, EARLIEST]
    assert leads(await pull(subscription, 10)) == list(range(20, 30))


async def test_a_place_that_was_forgotten_is_told_until_it_is_kept(
    server: FakePubSub, subscription: Subscription
) -> None:
    """Whoever ends before the question is on disk asks it the next time."""
    server.add(*(update(number) for number in range(30)))
    await pull(subscription, 10)
    server.forget(30)
    for _ in range(2):
        async with asyncio.timeout(_SECONDS), aclosing(subscription.pulled()) as pulled:
            assert (await anext(pulled)).lost_since is not None
    assert (await first_without_events(subscription)).lost_since is not None
    assert (await first_without_events(subscription)).lost_since is None


async def test_an_event_that_cannot_be_read(server: FakePubSub, subscription: Subscription) -> None:
    """It is handed on as it is, costs no other, and what it may have told is asked for."""
    server.add(update(1), b"\xff\xff\xff", update(2))
    async with asyncio.timeout(_SECONDS), aclosing(subscription.pulled()) as pulled:
        batch = await anext(pulled)
    before, bad, after = batch.items
    assert leads([before, after]) == [1, 2]
    assert isinstance(bad, dict)
    assert bad["payload_base64"] == "////"
    assert bad["schema_id"] == "lead-1"
    assert batch.lost_since == (COMMITTED + 1_000) * 1_000 - OVERLAP


async def test_an_event_whose_schema_nobody_knows(server: FakePubSub, subscription: Subscription) -> None:
    """The same, also as the first of all: then all that Salesforce keeps is asked for."""
    server.add(update(1), schema_id="gone")
    async with asyncio.timeout(_SECONDS), aclosing(subscription.pulled()) as pulled:
        batch = await anext(pulled)
    (bad,) = batch.items
    assert isinstance(bad, dict)
    assert bad["unreadable"] == "salesforce does not know the event's schema"
    assert batch.lost_since == NOW - KEPT - OVERLAP


async def test_gaps_and_overflows_come_as_they_are(server: FakePubSub, subscription: Subscription) -> None:
    """What they mean is the gateway's to say."""
    gap = header(changeType="GAP_UPDATE", changedFields=[], recordIds=["00Q5f00000AbCdEEAV"])
    overflow = header(changeType="GAP_OVERFLOW", recordIds=["000000000000000AAA"])
    server.add(*(payload(LEAD_WITH_SCORE, each) for each in (gap, overflow)), schema_id="lead-2")
    server.schemas["lead-2"] = json.dumps(LEAD_WITH_SCORE)
    assert await pull(subscription, 2) == [{HEADER: gap}, {HEADER: overflow}]


async def test_a_channel_that_is_not_there(
    server: FakePubSub, positions: SqlitePositions, session: FakeSession
) -> None:
    """The line names the setting and the channel."""
    wrong = subscribed(server, positions, session, channel="/data/NoneChangeEvent")
    with pytest.raises(UsageError, match=r"^BATON_SALESFORCE_CHANNEL: /data/NoneChangeEvent cannot be read: NOT_FOUND"):
        await pull(wrong, 1)


async def test_a_channel_that_is_not_for_us(server: FakePubSub, subscription: Subscription) -> None:
    """Salesforce says so before anything is read."""
    server.may_read = False
    with pytest.raises(UsageError, match="may not read /data/ChangeEvents"):
        await pull(subscription, 1)


async def test_events_without_a_sensible_time(
    server: FakePubSub, subscription: Subscription, positions: SqlitePositions
) -> None:
    """They move the place, and not the time up to which all is known."""
    head = header(commitTimestamp=2**60)
    server.schemas["lead-2"] = json.dumps(LEAD_WITH_SCORE)
    server.add(payload(LEAD_WITH_SCORE, head), schema_id="lead-2")
    await pull(subscription, 1)
    assert positions.read(STREAM) == Position(server.events[0][0], NOW - KEPT)


def test_positions_are_by_stream(positions: SqlitePositions) -> None:
    """And replaced; a place may be unknown."""
    assert positions.read("a") is None
    positions.write("a", Position(b"\0\xff", 5))
    positions.write("b", Position(None, 7))
    positions.write("a", Position(b"\1", 6))
    assert positions.read("a") == Position(b"\1", 6)
    assert positions.read("b") == Position(None, 7)


def test_positions_outlive_the_process(tmp_path: Path) -> None:
    """They are on disk once written."""
    with closing(SqlitePositions(tmp_path / "p.db")) as one:
        one.write("a", Position(b"\0", 5))
    with closing(SqlitePositions(tmp_path / "p.db")) as other:
        assert other.read("a") == Position(b"\0", 5)
