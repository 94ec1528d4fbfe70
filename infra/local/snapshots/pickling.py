"""moto's backends as bytes, and back.

One pickle for all services: a stack holds the very queue that SQS lists, and must hold it again afterwards.
Backends themselves are named, not pickled: each start makes its own, with that start's patches, and gets the state
of the one before.
"""

from __future__ import annotations

import importlib
import io
import pickle
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from infra.local.snapshots.reducers import Keep, content, reducers

Find = Callable[[str], bytes]
"""Gives the large content that has a name."""
_CLASS = re.compile(rb"\x8c.([A-Za-z_]\w*)\x94\x93|\x8c.(moto\.[\w.]+)\x94", re.DOTALL)
"""How a pickle names a class for the first time: its name before STACK_GLOBAL, and its module."""


@dataclass(slots=True)
class Dumped:
    """What `dump` made.

    Attributes:
        body: The pickle.
        kinds: Classes whose objects have been read again; what is passed to the next `dump`.
        left_out: Services that could not be written, or not be read again.
    """

    body: bytes
    kinds: set[str]
    left_out: list[str] = field(default_factory=list)


def dump(keep: Keep, kinds: set[str]) -> Dumped:
    """Everything moto holds, but for what would make the whole unreadable.

    Args:
        keep: Takes large contents.
        kinds: Classes known to be readable: with others in it, a pickle is read once for a trial.
    """
    everything = dict(_states())
    try:
        return _pickled(everything, keep, kinds)
    except Exception as error:  # noqa: BLE001 - whatever moto's objects raise: find out whose they are
        sys.stderr.write(f"the state as a whole cannot be written: {type(error).__name__}: {error}\n")
        good = {place: state for place, state in everything.items() if _can_be_pickled({place: state}, keep)}
        dumped = _pickled(good, keep, kinds)
        dumped.left_out = [state["service"] for place, state in everything.items() if place not in good]
        return dumped


def load(body: bytes, find: Find) -> None:
    """Puts what `dump` wrote into this process's backends, all of it or, where it cannot be read, nothing."""
    states: dict[tuple[str, str], dict[str, Any]] = _Unpickler(io.BytesIO(body), find).load()
    for place, state in states.items():
        backends = backends_at(place)
        vars(backends).update(state["own"])
        for (account_id, region), held in state["regions"].items():
            backend = backends[account_id][region]
            vars(backend).clear()
            vars(backend).update(held)


def backends_at(place: tuple[str, str], *keys: str) -> Any:
    """A service's backends, those of an account, or one."""
    found = getattr(importlib.import_module(place[0]), place[1])
    for key in keys:
        found = found[key]
    return found


def _states() -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    from moto.core.base_backend import BackendDict, BaseBackend

    common = vars(BackendDict(BaseBackend, "none"))
    for backends in _in_use():
        regions = {(account, region): vars(backend) for account, region, backend in backends.iter_backends()}
        # What a service keeps beside its backends: S3 knows there whose a bucket's name is.
        own = {name: value for name, value in vars(backends).items() if name not in common}
        yield _place_of(backends), {"service": backends.service_name, "own": own, "regions": regions}


def _in_use() -> list[Any]:
    from moto.core import base_backend

    backend_dict: Any = base_backend.BackendDict
    return list(backend_dict._instances)  # noqa: SLF001 - moto's own list of the services in use


def _place_of(backends: Any) -> tuple[str, str]:
    module = backends.backend.__module__
    return module, next(name for name, value in vars(sys.modules[module]).items() if value is backends)


def _references() -> Iterator[tuple[Any, tuple[Any, ...]]]:
    for backends in _in_use():
        place = _place_of(backends)
        yield backends, (place,)
        for account_id, account in backends.items():
            yield account, (place, account_id)
            for region, backend in account.items():
                yield backend, (place, account_id, region)


def _pickled(states: dict[tuple[str, str], dict[str, Any]], keep: Keep, kinds: set[str]) -> Dumped:
    file = io.BytesIO()
    pickler = pickle.Pickler(file, protocol=5)
    pickler.dispatch_table = reducers(keep, backends_at, dict(_by_id()))
    pickler.dump(states)
    body = file.getvalue()
    found = {(name or module).decode() for name, module in _CLASS.findall(body)}
    if not found <= kinds:
        _Unpickler(io.BytesIO(body), _nothing).load()
    return Dumped(body, kinds | found)


def _by_id() -> Iterator[tuple[int, tuple[Any, tuple[Any, ...]]]]:
    for obj, path in _references():
        yield id(obj), (obj, path)


def _can_be_pickled(states: dict[tuple[str, str], dict[str, Any]], keep: Keep) -> bool:
    try:
        _pickled(states, keep, set())
    except Exception:  # noqa: BLE001 - the answer
        return False
    return True


def _nothing(name: str) -> bytes:
    """In the place of large contents, where it is tried whether the rest can be read."""
    del name
    return b""


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, find: Find) -> None:
        super().__init__(file)
        self._find = find

    def find_class(self, module_name: str, global_name: str) -> Any:
        if (module_name, global_name) == (content.__module__, content.__name__):
            return self._content
        return super().find_class(module_name, global_name)

    def _content(self, name: str, kind: str) -> bytes | str:
        found = self._find(name)
        return found.decode("utf-8", "surrogatepass") if kind == "text" else found
