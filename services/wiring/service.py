"""What every service is to whoever runs it."""

import asyncio
from typing import Protocol

from fastapi import FastAPI


class Service(Protocol):
    """A part of Baton that serves HTTP and works beside it."""

    app: FastAPI

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. What it cannot go on from is raised."""

    def reload_charter(self) -> None:
        """Look at the charter's file again, where this service has one."""

    def end_streams(self) -> None:
        """End answers that would go on for good, because the server is about to stop."""

    def close(self) -> None:
        """Let go of everything."""
