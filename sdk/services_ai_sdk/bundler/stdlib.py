"""What Python itself has, and from which version on it has it no longer."""

from __future__ import annotations

import sys

from packaging.version import Version

REMOVED = {
    **dict.fromkeys(("asynchat", "asyncore", "distutils", "imp", "smtpd"), "3.12"),
    **dict.fromkeys(
        (
            *(
                "aifc",
                "audioop",
                "cgi",
                "cgitb",
                "chunk",
                "crypt",
                "imghdr",
                "lib2to3",
                "mailcap",
                "msilib",
                "nis",
            ),
            *("nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"),
        ),
        "3.13",
    ),
}
"""Standard modules and the Python that no longer has them (What's New in Python 3.12 and 3.13)."""


def part_of_python(module: str, python: str) -> bool:
    """Whether a top-level module comes with Python, so that a package of that name would hide it.

    Args:
        module: `enum`.
        python: `3.12`.
    """
    since = REMOVED.get(module)
    if since is not None:
        return Version(python) < Version(since)
    return module in sys.stdlib_module_names
