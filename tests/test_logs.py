"""The log: one line of JSON per event where no person watches, nothing personal in it, and no line but its own."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
import structlog

from services import logs

HOSTILE = 'x\n{"event": "forged"}\r\x1b[2J\u202e'


class Stderr(StringIO):
    """An stderr that is a terminal, or none."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        """As it was made."""
        return self._is_terminal


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stderr]]:
    """Sets up logging to an stderr of its own, and puts everything back."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    names = ("uvicorn.access", "apprise", "urllib3", "httpx2")
    levels = {name: logging.getLogger(name).level for name in names}

    def set_up(level: str = "info", *, is_terminal: bool = False) -> Stderr:
        stderr = Stderr(is_terminal=is_terminal)
        monkeypatch.setattr(sys, "stderr", stderr)
        logs.set_up(level)
        return stderr

    yield set_up
    root.handlers = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


def events(stderr: Stderr) -> list[dict[str, Any]]:
    """Every line as JSON."""
    return [json.loads(line) for line in stderr.getvalue().splitlines()]


def test_an_event_is_a_line_of_json(logged: Callable[..., Stderr]) -> None:
    """With its level, the time in UTC, and its fields."""
    stderr = logged()
    structlog.get_logger().info("webhook", crm="hubspot", count=3)
    (event,) = events(stderr)
    assert event.pop("timestamp").endswith("Z")
    assert event == {"event": "webhook", "level": "info", "crm": "hubspot", "count": 3}


def test_other_libraries_log_in_the_same_way(logged: Callable[..., Stderr]) -> None:
    """What uvicorn says is a line of JSON too."""
    stderr = logged()
    logging.getLogger("uvicorn.error").warning("Started on %s", "port 1")
    (event,) = events(stderr)
    assert (event["event"], event["level"]) == ("Started on port 1", "warning")


@pytest.mark.parametrize("field", ["email", "phone", "name", "comment", "body", "attributes", "data", "headers"])
def test_what_is_personal_is_masked(logged: Callable[..., Stderr], field: str) -> None:
    """Whatever is logged under such a name is not shown, on a terminal neither."""
    for is_terminal in (False, True):
        stderr = logged(is_terminal=is_terminal)
        structlog.get_logger().warning("refused", **{field: {"who": "Jan Kowalski"}})
        assert "Kowalski" not in stderr.getvalue()
        assert "(masked)" in stderr.getvalue()


def test_no_line_can_be_forged(logged: Callable[..., Stderr]) -> None:
    """A line break in an event's name or in a field stays within its line."""
    stderr = logged()
    structlog.get_logger().info(HOSTILE, lead=HOSTILE)
    logging.getLogger("other").warning(HOSTILE)
    first, second = events(stderr)
    assert first["event"] == first["lead"] == second["event"] == HOSTILE


def test_a_terminal_is_given_no_orders(logged: Callable[..., Stderr]) -> None:
    """On a terminal too an event is one line, and what would move its cursor is shown instead."""
    stderr = logged(is_terminal=True)
    structlog.get_logger().info(HOSTILE, lead=HOSTILE, odd="a\x1b[2Jb", many=[HOSTILE])
    logging.getLogger("other").warning(HOSTILE)
    shown = stderr.getvalue()
    assert len(shown.splitlines()) == 2
    assert "\x1b[2J" not in shown
    assert "\u202e" not in shown
    assert r"odd=a\x1b[2Jb" in shown.replace("\x1b[0m", "").replace("\x1b[36m", "").replace("\x1b[35m", "")


@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_traceback_shows_no_variables(logged: Callable[..., Stderr], is_terminal: bool) -> None:
    """A fault is logged with its lines of code, without the values that it worked on."""
    stderr = logged(is_terminal=is_terminal)
    secret = "".join(["s3c", "r3t"])
    try:
        raise ValueError(len(secret))
    except ValueError as error:
        structlog.get_logger().exception("fault", exc_info=error)
    assert "ValueError: 6" in stderr.getvalue()
    assert "s3cr3t" not in stderr.getvalue()
    if not is_terminal:
        assert len(events(stderr)) == 1


def test_what_is_below_the_level_is_not_logged(logged: Callable[..., Stderr]) -> None:
    """The level of the settings holds for all."""
    stderr = logged("warning")
    structlog.get_logger().info("quiet")
    logging.getLogger("uvicorn.error").info("quiet")
    structlog.get_logger().warning("loud")
    assert [event["event"] for event in events(stderr)] == ["loud"]


@pytest.mark.parametrize("name", ["uvicorn.access", "apprise", "urllib3", "httpx2"])
def test_some_libraries_show_warnings_at_most(logged: Callable[..., Stderr], name: str) -> None:
    """Their debug lines would drown the rest or show URLs with secrets; a higher level holds for them as well."""
    stderr = logged("debug")
    logging.getLogger(name).info("POST https://user:s3cr3t@host/")
    logging.getLogger(name).warning("no answer")
    assert [event["event"] for event in events(stderr)] == ["no answer"]
    stderr = logged("error")
    logging.getLogger(name).warning("no answer")
    assert stderr.getvalue() == ""
