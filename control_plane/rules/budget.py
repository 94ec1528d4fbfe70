"""How long one plugin's hook may take, and whether running out of it says anything about the plugin.

The time ladder: the runtime's budget ends before the function's timeout, and before its caller stops waiting, so
that a hook that hangs is seen as a failure and not as silence.
"""

from __future__ import annotations

from dataclasses import replace

from control_plane.rules.classify import Classified, uncounted
from services_ai_sdk.wire.failure import Category, Failure
from services_ai_sdk.wire.limits import PLUGIN_TIMEOUT_DEFAULT_S

_TIMEOUT_MARGIN_S = 0.1
_ANSWER_MARGIN = 0.1
"""Of what the caller still waits, at most a second: for a cold start and the way back."""
_FAIR = 0.85
"""Of the plugin's own limit: a host that waits exactly as long as a plugin may take keeps a tenth."""


def given_s(caller_left_s: float, timeout_s: float) -> float:
    """The hook's budget, more than nothing.

    Args:
        caller_left_s: Until the caller stops waiting.
        timeout_s: The function's.
    """
    margin_s = min(max(_ANSWER_MARGIN * caller_left_s, 0.1), 1.0)
    return max(0.001, min(caller_left_s - margin_s, timeout_s - _TIMEOUT_MARGIN_S))


def judged(what: Classified, given_s: float, timeout_s: float, took_s: float) -> Classified:
    """What a call meant, its budget considered.

    A hook that ran out of time counts when it had 85 % of its own limit or of the default one, whichever is less.
    A caller in more of a hurry than that learns of it, and the plugin is not charged.

    Args:
        what: The call as such.
        given_s: The budget it had.
        timeout_s: The function's.
        took_s: What its caller waited.
    """
    failure = what.failure
    if failure is None:
        return what
    if failure.type == "Runtime.ExitError" and took_s >= given_s:
        # The runtime's last resort against code that swallows everything, or that never comes back from C.
        failure = Failure(
            "HookTimedOut", f"still running after {given_s:.1f} s; its process was ended", Category.TIMEOUT_ERROR
        )
        what = replace(what, failure=failure)
    if failure.category is not Category.TIMEOUT_ERROR or given_s >= _FAIR * min(
        timeout_s, PLUGIN_TIMEOUT_DEFAULT_S
    ):
        return what
    top = failure.top_frame()
    where = f"; it was at {top.file}:{top.line} in {top.function}" if top else ""
    return uncounted(
        f"stopped after {given_s:.2g} s, all that this call had left; "
        f"the plugin's own limit is {timeout_s:.0f} s{where}"
    )
