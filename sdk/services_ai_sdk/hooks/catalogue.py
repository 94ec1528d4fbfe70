"""The hooks of the Services AI CRM."""

from __future__ import annotations

from services_ai_sdk.hooks import samples
from services_ai_sdk.hooks.nearest import nearest
from services_ai_sdk.hooks.spec import HookSpec, Kind, Parameter
from services_ai_sdk.wire.errors import InvalidInputError

INJECTED = ("api", "plugin_id")
"""Parameters that any hook method may take besides its own; the runtime fills them, not the host."""

_LEAD = Parameter(
    "lead", "Lead", "the lead: id, name, email, phone, company, source, status, country, budget …", ("id",)
)
_CONTEXT = Parameter("context", "Context", "who and where: tenant, user, locale, timezone, request_id")

_HOOKS = (
    HookSpec(
        name="lead_created",
        kind=Kind.EVENT,
        summary="A lead was created, by a form, an import or a person.",
        parameters=(_LEAD, _CONTEXT),
        returns="anything JSON that the host should show or keep with the lead; None for nothing",
        sample_json=samples.LEAD_CREATED,
    ),
    HookSpec(
        name="lead_updated",
        kind=Kind.EVENT,
        summary="Fields of a lead changed.",
        parameters=(
            _LEAD,
            Parameter("previous_state", "Lead", "the lead as it was before", ("id",)),
            Parameter("changes", "Changes", 'what changed: {"status": {"from": "new", "to": "qualified"}}'),
            _CONTEXT,
        ),
        returns="anything JSON that the host should show or keep with the lead; None for nothing",
        sample_json=samples.LEAD_UPDATED,
    ),
    HookSpec(
        name="dashboard_widget",
        kind=Kind.COLLECT,
        summary="The dashboard is being drawn: contribute a widget.",
        parameters=(_CONTEXT,),
        returns='a widget: {"title": …, "value": …} or {"title": …, "rows": [[…], …]}; None for none',
        sample_json=samples.DASHBOARD_WIDGET,
    ),
)

_BY_NAME = {hook.name: hook for hook in _HOOKS}

NOT_FIRED_YET = frozenset(
    {
        "lead_deleted",
        "booking_created",
        "booking_updated",
        "booking_deleted",
        "booking_confirmed",
        "booking_cancelled",
        "invoice_created",
        "invoice_updated",
        "invoice_paid",
        "user_registered",
        "user_login",
        "user_logout",
        "business_created",
        "business_updated",
        "email_sent",
        "sms_sent",
        "report_generated",
        "inject_head",
        "inject_footer",
        "settings_page",
        "data_export",
        "modify_booking_form",
        "api_request",
        "api_response",
        "plugin_installed",
        "plugin_uninstalled",
    }
)
"""Names that in-process hosts know and this platform does not fire yet: never taken for misspelt ones."""


def names() -> tuple[str, ...]:
    """Every hook, in catalogue order."""
    return tuple(_BY_NAME)


def get(name: str) -> HookSpec:
    """The hook of this name.

    Raises:
        InvalidInputError: There is none (code `hook-unknown`); the hint names the closest one.
    """
    found = _BY_NAME.get(name)
    if found is not None:
        return found
    meant = suggest(name)
    raise InvalidInputError(
        f"there is no hook {name[:100]!r}",
        code="hook-unknown",
        hint=f"did you mean {meant}?" if meant else f"the hooks are {', '.join(_BY_NAME)}",
        details={"known": list(_BY_NAME)},
    )


def suggest(name: str) -> str | None:
    """The hook that a misspelt name most likely means; None when it means none, or one that is not fired yet."""
    meant = nearest(name, [*_BY_NAME, *NOT_FIRED_YET])
    return meant if meant in _BY_NAME else None
