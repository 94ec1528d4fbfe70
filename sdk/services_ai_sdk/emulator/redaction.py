"""Takes a worker's own secrets out of what it prints, before anything of it is kept.

For accidents: a client's debug log, `print(os.environ)`. Whoever means to print a secret writes it another way.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

LENGTH_MIN = 8
"""What is shorter is in every other text."""
REDACTED = b"***"


class Redaction:
    """Of one worker.

    Args:
        secrets: Their values.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for form in (secret, quote(secret, safe=""))}
        # The longer first: one may be the beginning of another.
        self._needles = sorted(
            (form.encode() for form in forms if len(form) >= LENGTH_MIN), key=lambda each: (-len(each), each)
        )

    def whole(self, text: bytes) -> bytes:
        """A line without them."""
        for needle in self._needles:
            if needle in text:
                text = text.replace(needle, REDACTED)
        return text

    def cut_off(self, text: bytes) -> bytes:
        """A line that is not kept to its end: without the beginning of one, too."""
        text = self.whole(text)
        for needle in self._needles:
            for length in range(min(len(needle), len(text)), LENGTH_MIN - 1, -1):
                if text.endswith(needle[:length]):
                    return text[:-length] + REDACTED
        return text
