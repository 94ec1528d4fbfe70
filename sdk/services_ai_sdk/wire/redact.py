"""Takes secrets out of text before it leaves the process: messages and source lines end up in logs and reports.

It knows shapes, not meanings: a safety net under "do not put secrets into exceptions", not a promise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "***"

_WORDS = (
    r"passw(?:or)?d|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|private[_-]?key|signing[_-]?key"
    r"|authorization|credential|cookie"
)
# What stands before the word stays, so the pattern begins at the word: a prefix would cost 40 tries a character.
_NAME = rf"(?i:(?:{_WORDS})[\w.-]{{0,40}})"
_ASSIGN = r"""["']?\s{0,4}(?:=>|[:=])\s{0,4}"""

# Text, not patterns: `re` compiles and keeps them when they are first used, which most processes never do.
_SHAPES = (
    r"(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]{0,20}://)[^\s/@:]{0,100}:[^\s/@]{1,200}@"  # user:password in a URL
    r"|(?P<bearer>\b(?i:bearer|basic)\s{1,4})[A-Za-z0-9._~+/=-]{8,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"  # JSON web token
    r"|\b(?:sk|pk|rk)[-_](?:live[-_]|test[-_]|proj[-_])?[A-Za-z0-9_-]{16,}"
    r"|\bgh[oprsu]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bxox[abeoprs]-[A-Za-z0-9-]{10,}"
    r"|\bAIza[A-Za-z0-9_-]{30,}|\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[\s\S]{0,8000}?-----END [A-Z ]{0,30}PRIVATE KEY-----|[\s\S]*)"
)
_QUOTED = rf"""({_NAME}{_ASSIGN}[a-zA-Z]{{0,2}})(["'])(?:(?!\2)[^\\\n]|\\.){{1,2000}}(\2?)"""
_BARE = rf"""({_NAME}{_ASSIGN}(?:(?i:bearer|basic)\s{{1,4}})?)(?!["'*\s])[^\s,;&"'<>()\[\]{{}}]{{1,2000}}"""

_BARE_IN_SOURCE = rf"({_NAME}{_ASSIGN})(?=[^\s\d]{{0,200}}\d)[\w+/=-]{{8,2000}}"


def redact(text: str, known: Iterable[str] = (), *, source: bool = False) -> str:
    """`text` with what looks like a secret replaced by `***`.

    Args:
        text: At most some KB: the caller cuts it.
        known: Values that are secret whatever they look like; short ones are ignored.
        source: Whether it is Python code: there a value is a literal or has digits; `token = make()` says nothing.
    """
    for value in known:
        if len(value) >= 8:
            text = text.replace(value, MASK)
    text = re.sub(_SHAPES, _mask_shape, text)
    text = re.sub(_QUOTED, rf"\1\2{MASK}\3", text)
    return re.sub(_BARE_IN_SOURCE if source else _BARE, rf"\1{MASK}", text)


def _mask_shape(found: re.Match[str]) -> str:
    if found["scheme"]:
        return f"{found['scheme']}{MASK}@"
    return f"{found['bearer'] or ''}{MASK}"
