"""Which of bandit's tests are asked about a plugin, and what is said of what they find.

Only those that mean something in a function that runs one plugin; what the import rules refuse already is asked
where it makes a difference once it is allowed.
"""

from __future__ import annotations

from typing import NamedTuple

from services_ai_sdk.manifest.findings import Severity


class Rule(NamedTuple):
    """What is said about one of bandit's tests.

    Attributes:
        name: What a waiver allows.
        trigger: Words without which the test finds nothing: bandit is loaded only where one of them stands.
        finder: Module and function of the test; None for the list of calls in `bandit.blacklists.calls`.
    """

    name: str
    severity: Severity
    text: str
    fix: str
    trigger: str
    finder: tuple[str, str] | None = None


_E, _W = Severity.ERROR, Severity.WARNING

RULES = {
    "B102": Rule(
        "exec",
        _E,
        "exec runs text as code",
        "write the code itself, or a table of functions",
        r"\bexec\b",
        ("exec", "exec_used"),
    ),
    "B307": Rule("eval", _E, "eval runs text as code", "ast.literal_eval or json.loads reads values", r"\beval\b"),
    "B301": Rule(
        "pickle",
        _W,
        "loading a pickle runs whatever it says",
        "json, or check that the file is the plugin's own",
        r"pickle|dill|shelve",
    ),
    "B302": Rule("marshal", _E, "loading marshalled data can crash or run code", "json.loads", r"marshal"),
    "B306": Rule(
        "mktemp",
        _E,
        "a name from mktemp can be taken before it is used",
        "tempfile.NamedTemporaryFile or mkstemp",
        r"mktemp",
    ),
    "B506": Rule(
        "yaml.load",
        _E,
        "yaml.load makes any object that the text names",
        "yaml.safe_load",
        r"yaml",
        ("yaml_load", "yaml_load"),
    ),
    "B614": Rule(
        "torch.load", _W, "torch.load unpickles", "weights_only=True", r"torch", ("pytorch_load", "pytorch_load")
    ),
    "B602": Rule(
        "shell",
        _E,
        "a shell reads the whole text of a command",
        "a list of arguments, without shell=True",
        r"subprocess",
        ("injection_shell", "subprocess_popen_with_shell_equals_true"),
    ),
    "B202": Rule(
        "extractall",
        _W,
        "extractall can write outside its folder",
        'extractall(…, filter="data")',
        r"extractall",
        ("tarfile_unsafe_members", "tarfile_unsafe_members"),
    ),
    "B501": Rule(
        "verify",
        _E,
        "nobody checks who answers",
        "leave verify=False out",
        r"verify",
        ("crypto_request_no_cert_validation", "request_with_no_cert_validation"),
    ),
    "B323": Rule(
        "unverified",
        _E,
        "nobody checks who answers",
        "ssl.create_default_context()",
        r"_create_unverified_context",
    ),
    "B507": Rule(
        "host_keys",
        _W,
        "nobody checks who answers",
        "load the host's key",
        r"AutoAddPolicy|WarningPolicy",
        ("ssh_no_host_key_verification", "ssh_no_host_key_verification"),
    ),
    "B113": Rule(
        "timeout",
        _W,
        "without a timeout it waits until the hook's time is over",
        "timeout=3",
        r"import +(?:requests|httpx)\b|from +(?:requests|httpx) +import",
        ("request_without_timeout", "request_without_timeout"),
    ),
    "B324": Rule(
        "weak_hash",
        _W,
        "a weak hash",
        "hashlib.sha256, or usedforsecurity=False where nothing hangs on it",
        r"md4|md5|\bsha1?\b|hashlib",
        ("hashlib_insecure_functions", "hashlib"),
    ),
    "B701": Rule(
        "autoescape",
        _W,
        "a template that does not escape puts what people typed into a page as HTML",
        "Environment(…, autoescape=True)",
        r"jinja2",
        ("jinja2_templates", "jinja2_autoescape_false"),
    ),
}
"""By bandit's id. Not asked: random numbers, asserts, /tmp, SQL in text, XML, addresses."""
