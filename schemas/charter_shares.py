"""How shares and amounts are written in a charter: `75%`, 0.75, 400; exact, as decimals."""

import re
from decimal import Decimal, InvalidOperation

from schemas.charter_values import said, written

# Nobody escalates at ten times the target; a bare number above that is a percentage without its sign.
_MOST_BARE_ESCALATION = 10
_NUMBER = re.compile(r"[-+]?\d{1,18}(?:\.\d{1,12})?", re.ASCII)


def read_share(value: object) -> Decimal:
    """A share of a whole: `75%` or 0.75."""
    amount, percent = _amount(value, 'a share such as "75%" or 0.75')
    if not percent and amount > 1:
        raise ValueError(f"{_plain(amount)} is more than the whole; write {_plain(amount)}%")
    if not 0 <= amount <= 1:
        raise ValueError(f"{said(value)} is no share of a whole; write between 0% and 100%")
    return amount


def read_at_risk(value: object) -> Decimal:
    """The share of the target from which a clock is at risk: above 0, at most 1."""
    share = read_share(value)
    if not share:
        raise ValueError("0% would put every clock at risk at once; write between 1% and 100%, such as 75%")
    return share


def read_objective(value: object) -> Decimal:
    """How often a promise is to be kept: between 0 and 1, neither included."""
    share = read_share(value)
    if not 0 < share < 1:
        raise ValueError(
            f"{said(value)} cannot be an objective, which lies between 0% and 100%; "
            + ("100% leaves no room for a single miss, write 99%" if share else "write one such as 95%")
        )
    return share


def read_escalation(value: object) -> Decimal:
    """The share of the target at which somebody else is told: above 0, and it may pass 100 %."""
    amount, percent = _amount(value, 'a share of the target such as "150%"')
    if amount <= 0:
        raise ValueError(f"{said(value)} is before the clock starts; write a share above 0%, such as 100%")
    if not percent and amount > _MOST_BARE_ESCALATION:
        raise ValueError(f"{_plain(amount)} times the target is surely not meant; write {_plain(amount)}%")
    return amount


def read_quantity(value: object) -> Decimal:
    """A number above 0, or a share of a whole: what of the two fits, the measure says."""
    amount, _ = _amount(value, "a number such as 400, or a share such as 70%")
    if amount <= 0:
        raise ValueError(f"{said(value)} is always reached; write a number above 0")
    return amount


def read_part(value: object) -> Decimal:
    """What a month has of a target: a number, 0 too."""
    amount, percent = _amount(value, "a number such as 300000")
    if percent:
        raise ValueError(f"{said(value)} is a share; write the month's own number, such as 300000")
    if amount < 0:
        raise ValueError(f"{said(value)} is less than nothing; write a number, or 0")
    return amount


def is_percentage(value: object) -> bool:
    """Whether the author wrote a percent sign."""
    return isinstance(value, str) and value.rstrip().endswith("%")


def _amount(value: object, wanted: str) -> tuple[Decimal, bool]:
    """A number, exactly as written, and whether it had a percent sign (then it is divided by 100)."""
    if isinstance(value, Decimal):
        return value, False
    text = "" if isinstance(value, bool) or value is None else written(value).strip()
    percent = text.endswith("%")
    digits = text.removesuffix("%").rstrip()
    if not _NUMBER.fullmatch(digits):
        tidy = re.sub(r"(?<=\d)[ _,'](?=\d{3})", "", digits)
        instead = tidy + "%" * percent if _NUMBER.fullmatch(tidy) else ""
        raise ValueError(f"{said(value)} is not a number; write {instead or wanted}")
    try:
        return Decimal(digits).scaleb(-2 if percent else 0), percent
    except InvalidOperation:
        raise ValueError(f"{said(value)} is not a number; write {wanted}") from None


def _plain(amount: Decimal) -> str:
    return f"{amount:f}"
