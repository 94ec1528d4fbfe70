"""What a plugin's own modules may import: reviewed lists, and the decision.

They catch mistakes and lazy malice. They are not the boundary: that is the function's role and its process. A
dependency is not held to them, nor what it imports. Standard library only.
"""

from __future__ import annotations

_SAFE = {
    "the language": "__future__ abc annotationlib collections contextlib copy copyreg dataclasses enum functools "
    "graphlib inspect numbers operator reprlib sched types typing weakref",
    "read code, run none": "ast dis keyword opcode pyclbr symtable token tokenize",
    "data structures": "array bisect heapq itertools queue struct",
    "numbers": "cmath decimal fractions math random statistics",
    "time": "calendar datetime time timeit zoneinfo",
    "text": "codecs difflib encodings gettext locale pprint re string stringprep textwrap unicodedata",
    "encodings and digests": "base64 binascii hashlib hmac quopri secrets uuid",
    "compression": "bz2 compression gzip lzma tarfile zipfile zlib",
    "formats": "colorsys configparser csv html ipaddress json mimetypes plistlib pyexpat tomllib wave xml",
    "messages and addresses; what opens connections is below": "email http mailbox urllib xmlrpc",
    "files: the code is read-only, and /tmp the function's own": "filecmp fileinput fnmatch genericpath glob io "
    "linecache mmap ntpath pathlib posixpath shutil stat tempfile",
    "environment and paths, which everybody needs; what starts or ends processes is below": "os posix",
    "facts about the process; what changes it is below": "errno gc grp platform pwd sys sysconfig",
    "concurrency inside the process": "asyncio concurrent contextvars select selectors threading",
    "diagnosis": "cProfile logging profile pstats traceback tracemalloc unittest warnings",
    "arguments": "argparse cmd getopt optparse rlcompleter shlex",
    "facts about packages, and imports by name; what runs code is below": "importlib pkgutil",
    "data; that loading a pickle runs code is a finding of its own": "pickle pickletools sqlite3",
}
"""Standard modules with everything in them but what is named below, by the reason why."""

_NETWORK = {
    "opens connections": "http.client urllib.request urllib.robotparser xmlrpc.client ssl ftplib imaplib nntplib "
    "poplib smtplib telnetlib asyncio.open_connection asyncio.open_unix_connection asyncio.streams",
}
"""Allowed where the manifest asks for a network."""

_GONE = "is not in Python any more (3.12 and 3.13 removed it): take the package from PyPI that replaced it"

_REFUSED = {
    "starts processes, and what a hook leaves running is frozen with it": "subprocess pty _posixsubprocess "
    "asyncio.create_subprocess_exec asyncio.create_subprocess_shell asyncio.subprocess os.system os.popen os.fork "
    "os.forkpty os.posix_spawn os.posix_spawnp os.spawnl os.spawnle os.spawnlp os.spawnlpe os.spawnv os.spawnve "
    "os.spawnvp os.spawnvpe os.startfile posix.system posix.fork posix.forkpty posix.posix_spawn",
    "needs /dev/shm, which Lambda does not have: use concurrent.futures.ThreadPoolExecutor": "multiprocessing "
    "concurrent.futures.ProcessPoolExecutor concurrent.futures.process",
    "runs code where no rule reaches: use concurrent.futures.ThreadPoolExecutor": "concurrent.interpreters "
    "concurrent.futures.InterpreterPoolExecutor",
    "replaces the function's process": "os.execl os.execle os.execlp os.execlpe os.execv os.execve os.execvp "
    "os.execvpe posix.execv posix.execve",
    "reaches past Python into the process's memory": "ctypes _ctypes",
    "opens raw connections: use an HTTP library from PyPI, and declare the network": "socket",
    "listens, and nobody can connect to a function": "socketserver http.server xmlrpc.server wsgiref smtpd "
    "asyncio.start_server asyncio.start_unix_server logging.config.listen",
    "is the runtime's, which ends a hook's time with it: raise an exception instead": "signal faulthandler "
    "os.kill os.killpg os._exit os.abort os.register_at_fork posix.kill posix._exit posix.abort",
    "changes what the process may do": "os.setuid os.setgid os.seteuid os.setegid os.setreuid os.setregid "
    "os.setresuid os.setresgid os.setgroups os.chroot os.unshare os.setns os.sched_setaffinity",
    'sets limits, which belong to the manifest: "limits": {"memory_mb": 256, "timeout_s": 10}': "resource",
    "is never run, because a function's process ends without it: use try and finally": "atexit",
    "controls devices and locks; one call at a time runs in a process, so no file needs a lock": "fcntl",
    "needs a screen or a terminal, and a function has neither": "termios tty curses readline getpass tkinter "
    "turtle turtledemo idlelib webbrowser pdb pydoc antigravity this msvcrt winreg winsound nt",
    "runs code that nobody can read beforehand: import the module by its name": "code codeop runpy zipimport "
    "doctest marshal importlib.machinery importlib.reload importlib.util.module_from_spec importlib._bootstrap "
    "importlib._bootstrap_external importlib.util.spec_from_file_location importlib.util.spec_from_loader "
    "modulefinder py_compile compileall zipapp",
    "reaches everything that has a name of its own: write the name itself": "builtins",
    "writes a file that the next process does not have": "shelve dbm",
    "changes how the interpreter runs, for the runtime too": "bdb trace site sys.settrace sys.setprofile "
    "sys.monitoring sys.addaudithook sys.meta_path sys.path_hooks sys._current_frames threading.settrace "
    "threading.setprofile",
    "reads a person's credentials: use a setting with secret set to true": "netrc",
    "writes logs elsewhere: self.log and print reach the plugin's own log": "logging.handlers syslog",
    "installs software: declare dependencies in manifest.json": "ensurepip venv",
    "is Python's own test suite": "test",
    _GONE: "crypt spwd nis imp distutils asynchat asyncore aifc audioop cgi cgitb chunk imghdr lib2to3 mailcap "
    "msilib ossaudiodev pipes sndhdr sunau uu xdrlib",
}
"""Modules, and members of safe ones, that are refused, by the reason why; after a colon, what to do instead."""

_SAFE_TOPS = frozenset(name for names in _SAFE.values() for name in names.split())
_WHY_REFUSED = {name: why for why, names in _REFUSED.items() for name in names.split()}
_WHY_NETWORK = {name: why for why, names in _NETWORK.items() for name in names.split()}
_KNOWN_TOPS = frozenset(name.partition(".")[0] for name in (*_WHY_REFUSED, *_WHY_NETWORK)) | _SAFE_TOPS
_OURS = "services_ai_sdk"

NETWORK = frozenset(_WHY_NETWORK)
"""To be added to what is declared, where the manifest asks for a network."""


class PluginImportRestriction:
    """Decides about one plugin's imports.

    Args:
        own: Top-level names of the plugin's own modules.
    """

    def __init__(self, own: frozenset[str] = frozenset()) -> None:
        self._own = own

    def allows(self, module_name: str, *, declared: frozenset[str]) -> str | None:
        """Why a module, or a member of one like `os.system`, is refused; None when it is allowed.

        Args:
            module_name: Dotted and absolute.
            declared: Import names of the declared dependencies, `google.cloud` as well as `requests`; with
                `NETWORK` where the manifest asks for one.
        """
        parts = module_name.split(".")
        for end in range(len(parts), 0, -1):
            name = ".".join(parts[:end])
            reason = _WHY_REFUSED.get(name)
            # A dependency or a module of the plugin's that is called like Python's own is never the one meant.
            if reason and not (reason is _GONE and (name in declared or name in self._own)):
                return reason
            if name in declared:
                return None
            if opens := _WHY_NETWORK.get(name):
                return f'{opens}: add "network": ["api.example.com"] to manifest.json'
        top = parts[0]
        if top in _SAFE_TOPS or top in self._own or top == _OURS:
            return None
        if is_standard(top):
            return "is not among the standard modules that were reviewed for plugins"
        return "is neither the plugin's own nor a declared dependency"


def hides_python(top: str) -> bool:
    """Whether a module of this name would take the place of one that Python has still."""
    return is_standard(top) and _WHY_REFUSED.get(top) != _GONE


def is_standard(top: str) -> bool:
    """Whether a top-level name is Python's own, of this version or of another that plugins run on."""
    import sys

    return top in _KNOWN_TOPS or top in sys.stdlib_module_names
