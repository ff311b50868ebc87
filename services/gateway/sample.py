"""One lead handed off, as each sender would tell it: to try a gateway with, before the CRM itself calls it."""

from importlib.resources import files

from services.domain.instants import SECOND, Instant, to_datetime
from services.errors import UsageError


def sample_of(crm: str, at: Instant) -> bytes:
    """The body of a webhook that hands a lead off at that instant, whole seconds. Raises UsageError.

    In the file, `$time` is that instant (RFC 3339), `$blank` the same without an offset, `$seconds` and
    `$milliseconds` the time since 1970; these two without quotes where they are a value by themselves.
    """
    folder = files("services.gateway.crm")
    found = [file for end in ("json", "xml") if (file := folder / f"{crm}.sample.{end}").is_file()]
    if not found:
        raise UsageError(f"there is no sample of {crm}; give a file")
    text = found[0].read_text(encoding="utf-8")
    for name, number in (("$milliseconds", at // SECOND * 1_000), ("$seconds", at // SECOND)):
        text = text.replace(f'"{name}"', str(number)).replace(name, str(number))
    blank = f"{to_datetime(at // SECOND * SECOND):%Y-%m-%d %H:%M:%S}"
    return text.replace("$time", f"{blank.replace(' ', 'T')}Z").replace("$blank", blank).encode()
