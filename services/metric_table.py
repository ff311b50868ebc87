"""Every metric of Baton: name, kind, help, labels, buckets. The one place that names them.

Counters and histograms of what was judged are rows in the store, moved in the transaction that judges
(`services.samples`). Gauges are computed when they are read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.domain.clocks import Kind, Status

OPEN_STATUSES = (Status.RUNNING, Status.AT_RISK, Status.OVERDUE, Status.PAUSED)
OUTCOMES = ("rejected", "recycled", "withdrawn", "merged", "won", "lost")
"""How a handoff is closed."""
HANDOFF_KINDS = (Kind.STALLED, Kind.CORRECTED)
"""What is told of a handoff."""
FEEDBACK_KINDS = ("good", "poor", "rejected", "agreed", "disputed", "upheld", "withdrawn")
PERIODS = ("month", "quarter")
STORED_OUTCOMES = ("used", "duplicate")
"""What becomes of an event that the log has; what is ignored never gets there."""
API_OUTCOMES = ("new", "known", "bad")
API_FAILURES = ("away", "refused", "wrong")
HTTP_CLASSES = ("2xx", "4xx", "5xx")
"""Of the answers; redirections count too, but nothing answers with one as a rule."""
DATABASE_ACCESSES = ("read", "write")
DATABASE_OUTCOMES = ("done", "conflict", "away", "failed")
BATCH_KINDS = ("records", "due")


class Shape(StrEnum):
    """How a metric behaves."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric. A counter's name ends in `_total`; units are base units."""

    name: str
    shape: Shape
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds in seconds, rising; without the last, infinite one. Of a histogram, empty where the charter gives
    them."""


EVENTS_TOTAL = Metric(
    "baton_events_total",
    Shape.COUNTER,
    "Events by the door they came through, their type, and what became of them: used, duplicate, or ignored "
    "because they map to nothing.",
    ("crm", "type", "outcome"),
)
EVENT_DELAY_SECONDS = Metric(
    "baton_event_delay_seconds",
    Shape.HISTOGRAM,
    "From the time that the CRM gives an event to its use (ahead of it: baton_event_ahead_seconds).",
    ("crm",),
    # From a CRM that posts at once to one that retries for a day (HubSpot) and longer.
    (1, 5, 15, 60, 300, 900, 3600, 21_600, 86_400),
)
EVENT_AHEAD_SECONDS = Metric(
    "baton_event_ahead_seconds",
    Shape.HISTOGRAM,
    "How far ahead of ours the CRM's clock was, for events that came before the time that they give.",
    ("crm",),
    # Up to the five minutes that clocks may differ by default.
    (1, 5, 15, 60, 300),
)
CRM_LAST_EVENT = Metric(
    "baton_crm_last_event_timestamp_seconds",
    Shape.GAUGE,
    "When the last event of a CRM came in, by the log's clock, in seconds since 1970; 0 where none ever did.",
    ("crm",),
)
OPEN_HANDOFFS = Metric(
    "baton_open_handoffs", Shape.GAUGE, "Leads handed to sales and not yet closed.", ("team", "priority")
)
STALLED_LEADS = Metric(
    "baton_stalled_leads",
    Shape.GAUGE,
    "Leads with an open handoff that have an overdue promise of sales, or no event for too long.",
    ("team", "priority"),
)
OPEN_CLOCKS = Metric(
    "baton_open_clocks",
    Shape.GAUGE,
    "Promises that are being timed now, by status: running, at_risk, overdue, paused.",
    ("clock", "promised_by", "team", "priority", "status"),
)
CLOCK_TRANSITIONS_TOTAL = Metric(
    "baton_clock_transitions_total",
    Shape.COUNTER,
    "Transitions told; a correction is counted as corrected and as its new verdict.",
    ("clock", "promised_by", "team", "priority", "transition"),
)
CLOCK_COUNTED_SECONDS = Metric(
    "baton_clock_counted_seconds",
    Shape.HISTOGRAM,
    "Counted time from the start of a promise to the event that kept it, early or late.",
    ("clock", "promised_by", "team"),
)
HANDOFF_TRANSITIONS_TOTAL = Metric(
    "baton_handoff_transitions_total",
    Shape.COUNTER,
    "Silences told that lasted for `stalled_after` (stalled), and what of them was taken back (corrected).",
    ("team", "priority", "transition"),
)
ATTAINMENT_RATIO = Metric(
    "baton_attainment_ratio",
    Shape.GAUGE,
    "met / (met + missed + overdue) of the promises that fell due this month or quarter, corrections included.",
    ("clock", "promised_by", "per"),
)
GOAL_PROGRESS_RATIO = Metric(
    "baton_goal_progress_ratio",
    Shape.GAUGE,
    "What a goal has reached in its present period, over its target.",
    ("goal", "per"),
)
GOAL_PACE_RATIO = Metric(
    "baton_goal_pace_ratio",
    Shape.GAUGE,
    "What a goal has reached over what was to be reached by now: ahead from 1.05 on, behind below 0.95.",
    ("goal", "per"),
)
GOAL_DUE_RATIO = Metric(
    "baton_goal_due_ratio",
    Shape.GAUGE,
    "The share of a goal's target that was to be reached by now; 1 where the goal is a share.",
    ("goal", "per"),
)
GOAL_COUNTED = Metric(
    "baton_goal_counted",
    Shape.GAUGE,
    "How many handoffs, deals or promises a goal's figure is made of; of shares, those that it is a share of.",
    ("goal", "per"),
)
COMMITMENT_RATIO = Metric(
    "baton_commitment_ratio",
    Shape.GAUGE,
    "What a commitment has reached in its present period, over what was promised.",
    ("commitment", "promised_by"),
)
COMMITMENT_PACE_RATIO = Metric(
    "baton_commitment_pace_ratio",
    Shape.GAUGE,
    "What a commitment has reached over what was to be reached by now: ahead from 1.05 on, behind below 0.95.",
    ("commitment", "promised_by", "per"),
)
COMMITMENT_DUE_RATIO = Metric(
    "baton_commitment_due_ratio",
    Shape.GAUGE,
    "The share of what a commitment promises that was to be reached by now; 1 where a share is promised.",
    ("commitment", "promised_by", "per"),
)
COMMITMENT_COUNTED = Metric(
    "baton_commitment_counted",
    Shape.GAUGE,
    "How many handoffs, deals or promises a commitment's figure is made of; of shares, those that it is a share of.",
    ("commitment", "promised_by", "per"),
)
COLLABORATION_INDEX = Metric(
    "baton_collaboration_index",
    Shape.GAUGE,
    "How both teams work together this quarter, from 0 to 100: the mean of five parts (docs/goals.md).",
)
HANDOFF_OUTCOMES_TOTAL = Metric(
    "baton_handoff_outcomes_total", Shape.COUNTER, "Handoffs closed, by how.", ("outcome", "source")
)
FEEDBACK_TOTAL = Metric(
    "baton_feedback_total",
    Shape.COUNTER,
    "Feedback between the teams: good, poor, rejected, agreed, disputed, upheld, withdrawn.",
    ("kind", "reason", "source"),
)
DEAD_LETTERS_TOTAL = Metric(
    "baton_dead_letters_total", Shape.COUNTER, "What could not be used and waits for somebody.", ("reason",)
)
CHARTER_INFO = Metric("baton_charter_info", Shape.GAUGE, "1 for the version of the charter in force.", ("version",))
CHARTER_REFUSED = Metric(
    "baton_charter_refused",
    Shape.GAUGE,
    "1 while the charter's file has mistakes, so that the version before it stays in force.",
)
REQUESTS_TOTAL = Metric(
    "baton_webhook_requests_total", Shape.COUNTER, "Webhook requests by sender and HTTP status.", ("crm", "status")
)
API_EVENTS_TOTAL = Metric(
    "baton_api_events_total",
    Shape.COUNTER,
    "What the CRM's API told: events that were new, or known already, and records that could not be used.",
    ("crm", "outcome"),
)
API_FAILURES_TOTAL = Metric(
    "baton_api_failures_total",
    Shape.COUNTER,
    "Times that an API's answer could not be had or kept: away (the API, the log or the store), refused (credentials "
    "or a right), wrong (the API and Baton do not understand each other).",
    ("crm", "failure"),
)
API_WAITING = Metric(
    "baton_api_waiting", Shape.GAUGE, "Objects that the CRM's API still has to be asked for.", ("crm",)
)
RECONCILED = Metric(
    "baton_reconciled_timestamp_seconds",
    Shape.GAUGE,
    "Up to when this process has read the CRM's API for what was missed, in seconds since 1970.",
    ("crm",),
)
ALERTS_UNSETTLED = Metric("baton_alerts_unsettled", Shape.GAUGE, "Alerts that wait to be delivered.")
WEBHOOKS_OUT_TOTAL = Metric(
    "baton_webhooks_out_total",
    Shape.COUNTER,
    "Webhooks of ours by what became of them: sent, moot (over before its turn), given_up after the last try, or "
    "disabled because the receiver wants nothing more.",
    ("receiver", "outcome"),
)
WEBHOOKS_OUT_WAITING = Metric(
    "baton_webhooks_out_waiting", Shape.GAUGE, "Webhooks of ours that a receiver has yet to get.", ("receiver",)
)
ALERTMANAGER_UP = Metric(
    "baton_alertmanager_up",
    Shape.GAUGE,
    "1 for an Alertmanager that took what was posted last (each minute at least, by the notifier that works), else 0.",
    ("alertmanager",),
)
LOG_LAG_RECORDS = Metric(
    "baton_log_lag_records",
    Shape.GAUGE,
    "Records in the event log that are not yet judged, of the partitions that this process reads.",
    ("topic", "partition"),
)
DRIVER_STALLED = Metric(
    "baton_driver_stalled",
    Shape.GAUGE,
    "1 while the tracker cannot judge: the database or Kafka is away, or it is not in the group yet.",
)
SPOOL_BYTES = Metric("baton_spool_bytes", Shape.GAUGE, "What a gateway keeps on its disk because Kafka is away.")
SPOOL_RATIO = Metric(
    "baton_spool_ratio", Shape.GAUGE, "The same as a share of what it may keep; near 1 senders are turned away."
)
RELAY_UNSENT = Metric(
    "baton_relay_unsent", Shape.GAUGE, "Changes that the topics of leads and transitions still have to get."
)
NOTIFIER_ACTIVE = Metric(
    "baton_notifier_active", Shape.GAUGE, "1 for the notifier that works; others stand by until it ends."
)

SUBSCRIPTION_EXPIRY = Metric(
    "baton_crm_subscription_expiry_timestamp_seconds",
    Shape.GAUGE,
    "When a CRM stops to send webhooks unless that is renewed or one arrives, in seconds since 1970; 0: it sends none.",
    ("crm",),
)

HTTP_SECONDS = Metric(
    "baton_http_request_duration_seconds",
    Shape.HISTOGRAM,
    "From a request to the start of its answer, by the route's template (other: there is none), the method (HEAD is "
    "GET) and the class of the status. Of the door, baton_webhook_requests_total has the status itself.",
    ("route", "method", "status"),
    # 5 ms: a webhook as it should be. 1, 5 and 10 s: how long Odoo, HubSpot and Pipedrive wait for an answer.
    (0.005, 0.025, 0.1, 0.5, 1, 5, 10),
)
HTTP_IN_FLIGHT = Metric(
    "baton_http_requests_in_flight",
    Shape.GAUGE,
    "Requests that are being answered, live streams and the one that reads this among them.",
)
BATCH_SECONDS = Metric(
    "baton_batch_duration_seconds",
    Shape.HISTOGRAM,
    "Time to load, judge and commit a batch: of records of the event log, or of leads whose time has come (due).",
    ("batch",),
    # A batch of one event takes some milliseconds, one of a thousand some tenths of a second.
    (0.005, 0.025, 0.1, 0.5, 2, 10),
)
RECORDS_JUDGED_TOTAL = Metric(
    "baton_records_judged_total",
    Shape.COUNTER,
    "Records of the event log that this process has judged; by batch, divide by baton_batch_duration_seconds_count.",
    ("topic",),
)
REFOLDS_TOTAL = Metric(
    "baton_refolds_total",
    Shape.COUNTER,
    "Leads judged anew from all their events: something came out of order, or was merged, or the charter changed.",
)
DATABASE_SECONDS = Metric(
    "baton_database_transaction_duration_seconds",
    Shape.HISTOGRAM,
    "A transaction from asking for a connection to its end: done, refused for another's writing (conflict), not to be "
    "had for now (away), or failed.",
    ("access", "outcome"),
    # From one row in SQLite to the ten seconds that are waited for a connection or a lock.
    (0.001, 0.005, 0.025, 0.1, 0.5, 2, 10),
)
DATABASE_POOL = Metric(
    "baton_database_pool_ratio",
    Shape.GAUGE,
    "Connections in use as a share of those that the process may have; at 1 the next one waits.",
    ("access",),
)

METRICS: tuple[Metric, ...] = (
    EVENTS_TOTAL,
    EVENT_DELAY_SECONDS,
    EVENT_AHEAD_SECONDS,
    CRM_LAST_EVENT,
    OPEN_HANDOFFS,
    STALLED_LEADS,
    OPEN_CLOCKS,
    CLOCK_TRANSITIONS_TOTAL,
    HANDOFF_TRANSITIONS_TOTAL,
    CLOCK_COUNTED_SECONDS,
    ATTAINMENT_RATIO,
    GOAL_PROGRESS_RATIO,
    GOAL_PACE_RATIO,
    GOAL_DUE_RATIO,
    GOAL_COUNTED,
    COMMITMENT_RATIO,
    COMMITMENT_PACE_RATIO,
    COMMITMENT_DUE_RATIO,
    COMMITMENT_COUNTED,
    COLLABORATION_INDEX,
    HANDOFF_OUTCOMES_TOTAL,
    FEEDBACK_TOTAL,
    DEAD_LETTERS_TOTAL,
    CHARTER_INFO,
    CHARTER_REFUSED,
    REQUESTS_TOTAL,
    API_EVENTS_TOTAL,
    API_FAILURES_TOTAL,
    API_WAITING,
    RECONCILED,
    ALERTS_UNSETTLED,
    WEBHOOKS_OUT_TOTAL,
    WEBHOOKS_OUT_WAITING,
    ALERTMANAGER_UP,
    LOG_LAG_RECORDS,
    DRIVER_STALLED,
    SPOOL_BYTES,
    SPOOL_RATIO,
    RELAY_UNSENT,
    NOTIFIER_ACTIVE,
    SUBSCRIPTION_EXPIRY,
    HTTP_SECONDS,
    HTTP_IN_FLIGHT,
    BATCH_SECONDS,
    RECORDS_JUDGED_TOTAL,
    REFOLDS_TOTAL,
    DATABASE_SECONDS,
    DATABASE_POOL,
)
APART = (DRIVER_STALLED, SPOOL_BYTES, SPOOL_RATIO, RELAY_UNSENT, NOTIFIER_ACTIVE)
"""Those that only services have which run apart from each other."""
BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}
