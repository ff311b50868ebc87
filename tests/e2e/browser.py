"""A real Chromium, and visits with it that see whatever goes wrong on a page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.shared_data import DEMAND_ALL

CHROMIUM = shutil.which("chromium")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_THIS_MACHINE = "127.0.0.1"
_PATIENCE = 10_000  # milliseconds; what takes longer than this is not live

needs_browser = pytest.mark.skipif(
    CHROMIUM is None and not DEMAND_ALL, reason="there is no chromium on PATH (Debian's package chromium)"
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser of its own, ended with the block. Tests that use it are plain functions: this is no coroutine."""
    assert CHROMIUM is not None, "there is no chromium on PATH"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """One person's window on a Baton. When the block is left, nothing may have gone wrong in it."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        """`options` are those of a browser context, such as `color_scheme="dark"`."""
        self._context = browser.new_context(base_url=url, locale="en-GB", **options)
        self._context.set_default_timeout(_PATIENCE)
        self._context.on("request", lambda request: self.requests.append(request.url))
        self.requests: list[str] = []
        self.complaints: list[str] = []
        """Errors and warnings in the console, violations of the page's own security policy among them."""

    def __enter__(self) -> Self:
        self.page: Page = self._context.new_page()
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.close()
        if error is None:
            assert self.complaints == []
            assert {urlsplit(url).hostname for url in self.requests} == {_THIS_MACHINE}

    def to(self, path: str) -> Page:
        """Go to a page, which must be there."""
        answer = self.page.goto(path)
        assert answer is not None, path
        assert answer.status == 200, path
        return self.page

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)
