"""What a failed call of the Pub/Sub API means, by its gRPC status and the code in its trailers.

developer.salesforce.com/docs/platform/pub-sub-api/guide/handling-errors.html
"""

import grpc
import grpc.aio

from services.adapters.salesforce.session import SETTINGS
from services.errors import BatonError, Unavailable, UsageError

_CODES = "sfdc.platform.eventbus.grpc."
_REPLAY_ID = f"{_CODES}subscription.fetch.replayid."
"""`corrupted`: older than the 72 hours that events are kept, or of before a migration; `validation.failed`."""
_AUTHENTICATION = f"{_CODES}service.auth."

_MOST_CODE = 120
_WRONG = (
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNIMPLEMENTED,
)
"""What trying again does not mend."""


def is_replay_id_refused(error: grpc.aio.AioRpcError) -> bool:
    """Whether Salesforce knows nothing any more of the place where we were."""
    return code_of(error).startswith(_REPLAY_ID)


def is_token_refused(error: grpc.aio.AioRpcError) -> bool:
    """Whether another token is needed."""
    return error.code() is grpc.StatusCode.UNAUTHENTICATED or code_of(error).startswith(_AUTHENTICATION)


def meaning(error: grpc.aio.AioRpcError, channel: str) -> BatonError:
    """What it is to us. Not its text, which may quote what was sent."""
    said = f"{error.code().name} {code_of(error)}".strip()
    if is_token_refused(error):
        return UsageError(f"{SETTINGS}: the Pub/Sub API refuses the token that salesforce gave: {said}")
    if error.code() in _WRONG:
        return UsageError(f"BATON_SALESFORCE_CHANNEL: {channel} cannot be read: {said}")
    return Unavailable(f"salesforce: the Pub/Sub API answers {said}")


def code_of(error: grpc.aio.AioRpcError) -> str:
    """Salesforce's own code; empty where there is none, as when it was not reached."""
    for name, value in error.trailing_metadata() or ():
        if name == "error-code":
            text = value if isinstance(value, str) else value.decode("ascii", errors="replace")
            return text[:_MOST_CODE] if text.isprintable() else ""
    return ""
