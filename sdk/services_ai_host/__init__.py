"""Fire plugin hooks from a host application; whatever happens to a plugin, the host goes on.

from services_ai_host import PluginHost

host = PluginHost.from_env()
results = host.call_hook("lead_created", lead={"id": "l-1", "phone": "030 901820"}, context={"tenant": "acme"})
for answer in results:
    print(answer.plugin_id, answer.status, answer.value)
"""

from __future__ import annotations

from services_ai_host.client import PluginHost
from services_ai_host.results import HookResults
from services_ai_host.transport import LambdaTransport, Transport

__all__ = ["HookResults", "LambdaTransport", "PluginHost", "Transport"]
