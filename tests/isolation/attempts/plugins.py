"""What the code of a plugin's own may try under the platform's wrapper: each a plugin, as its files.

`main.py` is what stands above the class and what its hook returns; a value says that it worked.
"""

from .attempt import ALL, Attempt

_MAIN = """from services_ai_sdk import ServicesAIPlugin, hookimpl
{above}

class Demo(ServicesAIPlugin):
    @hookimpl
    def lead_created(self, lead):
{hook}
"""


def _plugin(name, area, *layers, above="", hook="return 1", left=None, **files):
    """One attempt; `left` is what the hook does in a call of another tenant before."""
    if left is not None:
        hook = f"if lead['before']:\n    {left}\n    return 'left'\n{hook}"
    indented = "\n".join(f"        {line}" for line in hook.split("\n"))
    main = _MAIN.format(above=above, hook=indented)
    plugin = {"main.py": main, **{path.replace("__slash__", "/") + ".py": text for path, text in files.items()}}
    ALL.append(Attempt(name, area, layers, None, plugin=plugin, before=left))


RULES = "import-rules"
INTAKE = "intake"

_plugin("imports what opens raw connections (socket)", "imports", RULES, INTAKE, above="import socket")
_plugin("imports what starts programs (subprocess)", "imports", RULES, INTAKE, above="import subprocess")
_plugin("imports what reaches into memory (ctypes)", "imports", RULES, INTAKE, above="import ctypes")
_plugin("imports what ends the hook's time (signal)", "imports", RULES, INTAKE, above="import signal")
_plugin("imports one member that is refused (os.system)", "imports", RULES, INTAKE, above="from os import system")
_plugin("imports a network that it did not ask for", "imports", RULES, INTAKE, above="import urllib.request")
_plugin(
    "imports what the runtime has and its manifest does not (boto3)",
    "imports",
    RULES,
    INTAKE,
    above="import boto3",
)
_plugin("imports in a hook", "imports", RULES, INTAKE, hook="import socket\nreturn socket.__name__")
_plugin(
    "imports in a module of its own, which a hook imports",
    "imports", RULES, INTAKE, hook="import late\nreturn late.socket.__name__", late="import socket",
)  # fmt: skip
_plugin("imports by name", "imports", RULES, INTAKE, above="import importlib\nimportlib.import_module('socket')")
_plugin("imports by the function under the statement", "imports", RULES, INTAKE, above="__import__('socket')")
_plugin(
    "imports by a name that it puts together, which no reader can check",
    "imports", RULES, above="import importlib\nimportlib.import_module('sock' + 'et')",
)  # fmt: skip
_plugin(
    "imports by the function under the statement, by a name that it puts together",
    "imports", RULES, above="[__import__(name) for name in ['sock' + 'et']]",
)  # fmt: skip
_plugin(
    "imports by a function that it reaches by its name",
    "imports", RULES, above="import importlib\ngetattr(importlib, 'import' + '_module')('socket')",
)  # fmt: skip
_plugin("imports in a text that it runs", "imports", RULES, INTAKE, above="exec('import socket')")

_FORGED = """class PluginRuntime:
    def __init__(self, **keywords): pass
    def handle(self, event, context): return {"ok": True, "value": "in place of the platform"}
"""
_plugin(
    "takes the place of the platform's wrapper, by a folder services_ai_sdk of its own", "forgery", INTAKE,
    services_ai_sdk__slash____init__="",
    services_ai_sdk__slash__plugin__slash____init__="",
    services_ai_sdk__slash__plugin__slash__handler=_FORGED,
)  # fmt: skip
_plugin(
    "hides a module of Python's from the packages that it uses", "imports", RULES, INTAKE,
    hook="import wave\nreturn wave.MINE", wave="MINE = 'mine'",
)  # fmt: skip

TMP = "clean-tmp"
_AT = "/tmp/of-a-tenant"
_plugin(
    "reads a file that another tenant's call left in /tmp", "state", TMP, above="import os",
    left=f"open('{_AT}', 'w').write('of a')", hook=f"return open('{_AT}').read()",
)  # fmt: skip
_plugin(
    "lists what another tenant's call left in /tmp", "state", TMP, above="import os",
    left=f"os.makedirs('{_AT}-folder/deep')",
    hook="found = os.listdir('/tmp')\nassert found, 'ENOENT'\nreturn found",
)  # fmt: skip
_plugin(
    "follows a link that another tenant's call left in /tmp", "state", TMP, above="import os",
    left=f"os.symlink('/etc/passwd', '{_AT}-link')", hook=f"return os.readlink('{_AT}-link')",
)  # fmt: skip
_plugin(
    "reads what another tenant's call wrote into a file that the import had left", "state", TMP,
    above=f"open('{_AT}-cache', 'w').write('')",
    left=f"open('{_AT}-cache', 'w').write('of a')",
    hook=f"found = open('{_AT}-cache').read()\nassert found, 'empty'\nreturn found",
)  # fmt: skip
_plugin(
    "opens a folder that another tenant's call had closed", "state", TMP, above="import os",
    left=f"os.mkdir('{_AT}-closed'); open('{_AT}-closed/x', 'w').write('of a'); os.chmod('{_AT}-closed', 0)",
    hook=f"os.chmod('{_AT}-closed', 0o700)\nreturn open('{_AT}-closed/x').read()",
)  # fmt: skip
