"""A charter without mistakes that tests break in one place at a time."""

GOOD = """\
charter: 1
version: 2026-Q4
effective_from: 2026-10-01T00:00:00+02:00
agreed:
  - {side: marketing, by: Head of Marketing, on: 2026-09-21}
  - {side: sales, by: Head of Sales, on: 2026-09-22}
calendars:
  office:
    timezone: Europe/Warsaw
    hours: {mon-thu: "09:00-17:00", fri: ["09:00-12:00", "13:00-16:00"]}
    holidays: {country: PL, closed: [2026-12-31], open: {2026-12-27: "10:00-14:00"}}
    day: 8h
  dayless: {timezone: UTC, hours: {mon-sun: "00:00-24:00"}}
stalled_after: {time: 3d, calendar: office}
labels:
  team: [inbound, enterprise]
clocks:
  accept:
    says: Sales accepts or rejects every lead
    promised_by: sales
    starts_on: [lead.handed_off]
    stops_on: [lead.accepted, lead.rejected]
    pausable: true
    calendar: office
    targets:
      - {when: {priority: hot}, within: 15m, calendar: dayless}
      - {when: {score: {gte: 80}}, within: 1h}
      - {within: 4h}
    at_risk: 75%
    escalate: [{at: 100%, to: sales}, {at: 150%, to: sales-leads}]
    objective: 95%
    settle: 1m
  talk:
    promised_by: sales
    starts_on: [lead.accepted]
    stops_on: [{type: lead.touched, when: {kind: [call, meeting], connected: true}}]
    cancelled_by: [{type: lead.rejected, when: {reason: wrong_fit}}]
    calendar: office
    targets: [{within: 1d4h}]
commitments:
  volume: {promised_by: marketing, measure: handoffs, per: month, at_least: 400}
  quality: {promised_by: marketing, measure: accept_rate, per: month, at_least: 70%}
  complete: {promised_by: marketing, measure: completeness, per: month, at_least: 95%, fields: [source]}
  punctual: {promised_by: sales, attainment: accept, per: month, at_least: 0.9}
reasons:
  wrong_fit: {means: Not our kind of customer, action: Tighten the audience}
goals:
  - {name: revenue, measure: won_amount, where: {new_customer: true}, currency: PLN, per: year, target: 1200000}
  - {name: wins, measure: won, per: month, target: 30, parent: revenue}
ceremonies:
  review: {every: quarter}
client_teams:
  key-accounts: {accounts: [ACME], members: {sales: [key-account-manager]}, alerts: key-accounts}
strategy: One sentence.
principles: {feedback: {evidence: feedback_rate}}
glossary: {MQL: A lead that marketing hands over}
"""


def broken(old: str, new: str) -> tuple[str, int]:
    """GOOD with one passage replaced, and the line on which `#!` marks the mistake (or of the passage)."""
    if GOOD.count(old) != 1:
        raise ValueError(f"{old!r} must stand in the good charter once")
    text = GOOD.replace(old, new)
    mark = text.find("#!")
    place = mark if mark >= 0 else GOOD.index(old)
    return text, text.count("\n", 0, place) + 1
