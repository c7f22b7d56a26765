"""Door to whoever wants to hear of a night: one POST of counts and case numbers, never of ids."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import tenacity

from detector import config

_RETRIED = (408, 425, 429)  # of the client's errors, those that another try may mend


class _RefusedError(Exception):
    """The other side will not take it."""


class _UnansweredError(_RefusedError):
    """The other side did not take it this time, but may the next."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Where else to go is for the settings to say."""


def post(message: Mapping[str, Any], settings: config.Webhook, *, key: str, wait_s: float = 1.0) -> dict[str, Any]:
    """Send the message as JSON, trying again for a while; how it went, which never is an exception: `sent`, `attempts`,
    and the HTTP `status` or an `error`. `key` names the message, so that one that comes twice can be told.

    Between attempts are `wait_s` seconds, then twice as many, and so on.
    """
    request = urllib.request.Request(
        settings.url,
        data=json.dumps(message, sort_keys=True).encode(),
        headers={"Content-Type": "application/json", "Idempotency-Key": key},
        method="POST",
    )
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(_UnansweredError),
        stop=tenacity.stop_after_attempt(settings.attempts),
        wait=tenacity.wait_exponential(multiplier=wait_s, max=60),
        reraise=True,
    )
    outcome: dict[str, Any]
    try:
        outcome = {"sent": True, "status": retrying(_send, request, settings.timeout_s)}
    except _RefusedError as error:
        outcome = {"sent": False, "error": str(error)}
    return outcome | {"attempts": retrying.statistics["attempt_number"]}


def _send(request: urllib.request.Request, timeout_s: int) -> int:
    """The status of a good answer."""
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout_s) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        error.close()
        if error.code < 500 and error.code not in _RETRIED:
            raise _RefusedError(f"HTTP {error.code}") from None
        raise _UnansweredError(f"HTTP {error.code}") from None
    except (OSError, http.client.HTTPException) as error:
        # Of what is said, only the kind: the rest may quote the address, and there may be a secret in it.
        reason = getattr(error, "reason", error)
        raise _UnansweredError(type(reason).__name__) from None
