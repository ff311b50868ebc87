"""The watchdog: what lasts too long is a hang, what moves or is nobody's fault is not."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.adapters.drivers.watchdog import EXIT_CODE, Kind, Limits, Symptom, Watchdog

ROOT = Path(__file__).resolve().parents[2]

_LOOK = 0.01
_SOON, _LATE = 0.3, 3600.0
_LONG_ENOUGH = 30.0


def limits(**given: float) -> Limits:
    """Limits that are never reached, but those that are given."""
    return Limits(**{kind.name.lower(): _LATE for kind in Kind} | {"look": _LOOK} | given)


def barks(given: Limits, beat: Callable[[Watchdog], None], seconds: float) -> list[str]:
    """What the watchdog says while it is beaten so, for some time or until it barks."""
    barked: list[str] = []
    with Watchdog(limits=given, end=barked.append) as watchdog:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not barked:
            beat(watchdog)
            time.sleep(_LOOK)
    return barked


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.SILENT])
def test_a_symptom_that_lasts(kind: Kind) -> None:
    """Whatever is the matter for longer than it may be ends the process, once, with the reason."""
    given = limits(**{kind.name.lower(): _SOON})
    symptom = Symptom(kind, "events/3")
    assert barks(given, lambda watchdog: watchdog.beat([symptom]), _LONG_ENOUGH) == [f"{kind}: events/3 for 0.3 s"]


def test_a_loop_that_is_silent() -> None:
    """A beat that does not come means that the event loop hangs."""
    assert barks(limits(silent=_SOON), lambda _watchdog: None, _LONG_ENOUGH) == [f"{Kind.SILENT} for 0.3 s"]


def test_what_is_well_or_moves() -> None:
    """No symptom, one that changes, or one that goes away in time is no hang."""
    given = limits(stuck=_SOON, unjoined=_SOON)
    steps = iter(range(1_000_000))

    def beat(watchdog: Watchdog) -> None:
        step = next(steps)
        symptoms = [Symptom(Kind.STUCK, f"events/3 stands at {step}")]
        if step % 5:
            symptoms.append(Symptom(Kind.UNJOINED))
        watchdog.beat(symptoms)

    assert barks(given, beat, 5 * _SOON) == []


def test_a_process_that_stood_still() -> None:
    """Time in which the whole process was stopped, the watchdog among it, does not count."""
    times = iter((0.0, 0.0, 1.0, 1.0, 4.0, 4.0, 1000.0, 1000.0, 1004.0, 1004.0, 1008.0, 1008.0, 1010.0, 1010.0, 1010.5))
    watchdog = Watchdog(limits=limits(silent=10.0, stuck=10.0, look=1.0), end=lambda _why: None, now=times.__next__)
    looks = []
    for _ in range(7):
        watchdog.beat([Symptom(Kind.STUCK)])
        looks.append(watchdog.look())
    assert looks == [None] * 6 + [f"{Kind.STUCK} for 10 s"]


def test_the_end_of_a_process() -> None:
    """It says why, shows what each thread was at, and is gone at once, whatever still runs."""
    program = """
import threading, time
from services.adapters.drivers.watchdog import Limits, Watchdog
threading.Thread(target=time.sleep, args=(3600,), name="the one that hangs").start()
with Watchdog(limits=Limits(silent=0.1, look=0.05)):
    time.sleep(3600)
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == EXIT_CODE
    printed = run.stdout + run.stderr
    assert "the event loop does not answer for 0.1 s" in printed
    assert "the one that hangs" in printed


def test_the_end_of_a_process_whose_log_hangs() -> None:
    """The last words do not keep it from ending, when nobody takes them."""
    program = """
import time
from services.adapters.drivers import watchdog
watchdog._tell = lambda why: time.sleep(3600)
watchdog.end_process("why")
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == EXIT_CODE
