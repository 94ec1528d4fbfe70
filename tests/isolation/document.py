"""The tables of docs/security.md, made from the attempts by `./dev run python -m tests.isolation --write`."""

from __future__ import annotations

from pathlib import Path

from tests.isolation.registry import ATTEMPTS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "security.md"
BEGIN, END = "<!-- made by tests.isolation: begin -->\n", "<!-- made by tests.isolation: end -->\n"

LAYERS = {
    "own-files": (
        "a mount namespace with the function's own files and the system's libraries",
        "the microVM",
        "what the machine's processor and kernel say of themselves (/proc/cpuinfo, /proc/uptime)",
    ),
    "read-only-files": ("everything but /tmp is mounted read-only", "the same", "/tmp"),
    "own-user": (
        "a user of its own for each function, where the engine runs as root",
        "the microVM",
        "as an ordinary user, functions have the engine's user: then the other layers alone hold",
    ),
    "own-network": (
        "a network namespace with a loopback and two listeners of the engine's",
        "with `PluginNetwork` `isolated`: subnets without the internet; with `open` not there",
        "what its role may call in AWS",
    ),
    "own-processes": ("a process namespace", "the microVM", "processes of its own worker"),
    "own-ipc": ("a namespace for System V objects", "the microVM", "—"),
    "own-host-name": ("a namespace for names", "the microVM", "—"),
    "own-environment": ("exactly the variables that Lambda sets", "Lambda's", "its own credentials are in it"),
    "no-new-namespaces": ("user namespaces cannot be made in a worker", "Lambda's", "—"),
    "seccomp": (
        "a filter on system calls",
        "Lambda's own",
        "a defect of the kernel in the calls that Python needs",
    ),
    "limits": (
        "limits on processes, open files and core dumps",
        "Lambda's own",
        "processor time: a worker may use a whole processor until its time is over",
    ),
    "memory": (
        "a control group, or looks every 0.1 s where there is none",
        "MemorySize",
        "between two looks, more",
    ),
    "tmp-size": ("/tmp has a size", "EphemeralStorage", "the number of files in it, within the memory limit"),
    "own-keys": (
        "a worker's requests to AWS bear its own access key, or are refused",
        "signatures",
        "whoever has a function's keys is that function; local signatures are not checked",
    ),
    "iam": (
        "the role of the plugin's function, under a permissions boundary",
        "the same role",
        "what it may do: write its own log, as much as it likes",
    ),
    "request-id": (
        "a worker answers the call that it was given, and no other",
        "Lambda's Runtime API",
        "what it answers to its own call, which may be a lie",
    ),
    "left-behind": (
        "a worker in which something goes on after a call is replaced",
        "not there: Lambda freezes what is left, and it goes on in the next call",
        "a thread that the import started: it sees all calls of its own worker",
    ),
    "marked-output": (
        "printed lines that look like Lambda's are marked, control characters written out",
        "not there: read AWS's logs with a reader that escapes",
        "a lie in its own words",
    ),
    "isolated-start": (
        "Python starts with -I and -S",
        "Lambda's own start; such files are refused beforehand",
        "—",
    ),
    "import-rules": (
        "import statements of the plugin's own modules are held to reviewed lists",
        "the same",
        "see below: mistakes and lazy malice only",
    ),
    "intake": (
        "everything that `validate` checks, once more when an admin approves",
        "the same",
        "what only shows when it runs; what an admin approves in spite of a warning",
    ),
    "clean-tmp": (
        "/tmp is emptied before a call of another tenant",
        "the same",
        "what lies in the plugin's memory: globals and caches are all tenants'",
    ),
}
"""By name: what it is on this machine, what it is in AWS, what it does not stop."""

_AREAS = {
    "files": "Files and data",
    "network": "Network",
    "processes": "Processes and other functions",
    "resources": "More than it was given",
    "kernel": "The kernel",
    "credentials": "Credentials",
    "state": "Other tenants, other calls",
    "forgery": "Forgery",
    "imports": "Imports and start",
}


def tables() -> str:
    """All of it."""
    lines = [
        f"### The {len(LAYERS)} layers",
        "",
        "| layer | on this machine | in AWS | what it does not stop | attempts |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, (here, in_aws, left) in LAYERS.items():
        count = sum(name in attempt.layers for attempt in ATTEMPTS)
        lines.append(f"| `{name}` | {here} | {in_aws} | {left} | {count} |")
    lines += ["", f"### The {len(ATTEMPTS)} attempts", ""]
    for area, title in _AREAS.items():
        lines += [f"**{title}**", "", "| a plugin … | stopped by |", "| --- | --- |"]
        for attempt in sorted(ATTEMPTS, key=lambda each: (each.layers, each.name)):
            if attempt.area == area:
                names = ", and by ".join(f"`{layer}`" for layer in attempt.layers)
                lines.append(f"| {attempt.name.replace('|', chr(92) + '|')} | {names} |")
        lines.append("")
    return "\n".join(lines)


def written(text: str) -> str:
    """The document with the tables made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"
