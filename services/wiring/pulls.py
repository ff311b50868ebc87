"""The streams of changes that the settings set up, and pulling them in a process that does other things too."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from services.adapters.sqlite.positions import SqlitePositions
from services.domain.instants import SECOND
from services.errors import UsageError
from services.gateway.change_door import ChangeDoor
from services.gateway.pulling import Puller
from services.gateway.sender import Senders
from services.ports import ChangeStream, EventLog, FetchQueue, Positions, Tally, WallClock
from services.settings import Settings, secret

SALESFORCE = "salesforce"
EVERYTHING = "/data/ChangeEvents"
"""The channel of all objects that are selected for Change Data Capture."""


def change_door_of(
    settings: Settings,
    *,
    log: EventLog,
    tally: Tally,
    clock: WallClock,
    senders: Senders,
    fetches: Mapping[str, FetchQueue],
) -> ChangeDoor:
    """The way in for all streams, to one log."""
    return ChangeDoor(
        log=log,
        tally=tally,
        clock=clock,
        senders=senders,
        fetches=fetches,
        most_ahead=settings.clocks_may_differ * SECOND,
    )


def channels_of(settings: Settings) -> Sequence[str]:
    """The channels that are to be pulled."""
    return (settings.salesforce_channel or "").split()


@asynccontextmanager
async def subscriptions(
    settings: Settings, channels: Sequence[str], *, positions: Positions, clock: WallClock
) -> AsyncIterator[Mapping[str, ChangeStream]]:
    """Salesforce's Pub/Sub API, a stream for each channel. Raises UsageError."""
    _check(settings)
    from services.adapters.salesforce.session import SalesforceSession
    from services.adapters.salesforce.subscription import Subscription

    async with AsyncExitStack() as resources:
        session = SalesforceSession(
            api_url=settings.salesforce_api_url or "",
            client_id=settings.salesforce_client_id or "",
            client_secret=secret(settings.salesforce_client_secret) or "",
        )
        resources.push_async_callback(session.close)
        yield {
            channel: Subscription(
                target=settings.salesforce_pubsub,
                channel=channel,
                session=session,
                positions=positions,
                now=clock.now,
            )
            for channel in channels
        }


class Pulls:
    """What `baton up` pulls beside all else: Salesforce's channels, where its API and they are set."""

    def __init__(
        self,
        settings: Settings,
        *,
        door: ChangeDoor,
        fetches: Mapping[str, FetchQueue],
        positions: Path,
        clock: WallClock,
        is_wanted: bool = True,
    ) -> None:
        """`positions` is the file of where streams go on. Raises UsageError where something is missing."""
        self._settings = settings
        self._channels = channels_of(settings) if is_wanted and settings.salesforce_api_url else ()
        self._door = door
        self._fetches = fetches
        self._clock = clock
        self._positions: SqlitePositions | None = None
        if self._channels:
            _check(settings)
            self._positions = SqlitePositions(positions)

    async def run(self, stop: asyncio.Event) -> None:
        """Pull until `stop` is set. Credentials that are refused are waited for: the rest goes on."""
        if self._positions is None:
            return
        async with (
            subscriptions(self._settings, self._channels, positions=self._positions, clock=self._clock) as streams,
            asyncio.TaskGroup() as tasks,
        ):
            for name, stream in streams.items():
                puller = Puller(
                    crm=SALESFORCE,
                    name=name,
                    stream=stream,
                    door=self._door,
                    fetches=self._fetches.get(SALESFORCE),
                    is_patient=True,
                )
                tasks.create_task(puller.run(stop))

    def close(self) -> None:
        """Let go of the file."""
        if self._positions is not None:
            self._positions.close()


def _check(settings: Settings) -> None:
    """Raise UsageError unless there is all that the Pub/Sub API needs."""
    given = {
        "BATON_SALESFORCE_API_URL": settings.salesforce_api_url,
        "BATON_SALESFORCE_CLIENT_ID": settings.salesforce_client_id,
        "BATON_SALESFORCE_CLIENT_SECRET": secret(settings.salesforce_client_secret),
    }
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise UsageError(f"{', '.join(missing)}: not given; Salesforce's Pub/Sub API is signed in to with them")
    try:
        import services.adapters.salesforce.subscription  # noqa: F401 - whether its libraries are there
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Salesforce's Pub/Sub API needs libraries that are not installed ({error.name}): "
            'pip install "baton[salesforce]"'
        ) from None
