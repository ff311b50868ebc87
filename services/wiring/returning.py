"""The return of dead letters, in either mode."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from services.errors import BatonError
from services.gateway.api_letters import read_letter
from services.ports import Found, Reference
from services.settings import Settings
from services.storage import DeadLetterRow
from services.wiring.at_hand import AtHand, at_hand


class Returning:
    """What takes dead letters in anew, with the mapping and the code of today."""

    def __init__(self, tools: AtHand) -> None:
        self.views = tools.views
        self._tools = tools

    async def take_in(self, letter: DeadLetterRow) -> bool:
        """Take one in; whether all of it could be used."""
        try:
            is_whole = await self._is_taken_whole(letter)
        except BatonError:
            return False
        if is_whole:
            self._tools.store.replayed(letter.id, self._tools.clock.now())
        return is_whole

    async def _is_taken_whole(self, letter: DeadLetterRow) -> bool:
        of_api = read_letter(letter.body)
        if of_api is None:
            return not (await self._tools.door.take_again(letter.crm, letter.body)).dead_letters
        wanted: Sequence[Reference] = ()
        if isinstance(of_api, Found):
            said = await self._tools.api_door.take(letter.crm, [of_api])
            if said.bad or not said.lacking:
                return not said.bad
            wanted = said.lacking
        else:
            wanted = [of_api]
        repair = self._tools.repairs.get(letter.crm)
        return repair is not None and not (await repair.fetch(wanted)).bad


@asynccontextmanager
async def returning(settings: Settings) -> AsyncIterator[Returning]:
    """For the data folder, which no Baton may use meanwhile, or for the deployment whose Kafka is named."""
    async with at_hand(settings) as tools:
        yield Returning(tools)
