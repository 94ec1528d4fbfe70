"""What a host gets back from a hook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from services_ai_sdk.wire.call import PluginAnswer
    from services_ai_sdk.wire.errors import ServicesAIError


@dataclass(frozen=True, slots=True)
class HookResults(Sequence["PluginAnswer"]):
    """One answer a plugin that listens, by priority, then id.

    Attributes:
        event_id: What to look for in `services-ai-admin logs`; empty when the dispatcher was not reached.
        error: Why there are no answers at all: the platform could not be reached, or refused the call.
            None when the platform answered, whatever the plugins did.
    """

    hook: str
    event_id: str = ""
    answers: tuple[PluginAnswer, ...] = ()
    error: ServicesAIError | None = None

    @property
    def ok(self) -> bool:
        """The platform answered and no plugin failed; a plugin that is switched off is no failure."""
        return self.error is None and all(answer.status != "error" for answer in self.answers)

    @property
    def values(self) -> list[Any]:
        """What plugins returned, without None."""
        return [a.value for a in self.answers if a.status == "ok" and a.value is not None]

    def __len__(self) -> int:
        return len(self.answers)

    def __iter__(self) -> Iterator[PluginAnswer]:
        return iter(self.answers)

    @overload
    def __getitem__(self, index: int) -> PluginAnswer: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[PluginAnswer, ...]: ...
    def __getitem__(self, index: int | slice) -> PluginAnswer | tuple[PluginAnswer, ...]:
        return self.answers[index]
