"""Examples of what may be said, for the API's reference. A test holds each to its shape."""

from fastapi.openapi.models import Example

_LEAD = "hubspot:contact:151"

HANDOFFS: dict[str, Example] = {
    "accept": Example(summary="Accept a lead", value={"lead": _LEAD, "decision": "accept"}),
    "reject": Example(
        summary="Reject it with a reason",
        value={
            "lead": _LEAD,
            "decision": "reject",
            "reason": "no_budget",
            "comment": "The budget for this year is spent; ask again in January.",
        },
    ),
}
FEEDBACK: dict[str, Example] = {
    "good": Example(summary="A good lead", value={"lead": _LEAD, "kind": "given", "verdict": "good"}),
    "poor": Example(
        summary="A poor lead, and why",
        value={"lead": _LEAD, "kind": "given", "verdict": "poor", "reason": "wrong_fit", "comment": "A student."},
    ),
    "agreed": Example(
        summary="Marketing agrees, and promises an action",
        value={"lead": _LEAD, "kind": "answered", "answer": "agreed", "action": "Ask for the budget in the form"},
    ),
    "disputed": Example(
        summary="Marketing disputes it",
        value={
            "lead": _LEAD,
            "kind": "answered",
            "answer": "disputed",
            "comment": "The account is on the list that both teams agreed on.",
        },
    ),
    "settled": Example(summary="The dispute is settled", value={"lead": _LEAD, "kind": "settled", "outcome": "upheld"}),
}
CEREMONIES: dict[str, Example] = {
    "held": Example(
        summary="A quarterly review was held",
        value={
            "ceremony": "quarterly-review",
            "attendees": {"marketing": 4, "sales": 5},
            "notes": "Webinar leads are scored anew.",
        },
    )
}
