"""moto's backends as bytes, and back.

One pickle for all services: a stack holds the very queue that SQS lists, and must hold it again afterwards.
Backends themselves are named, not pickled: each start makes its own, with that start's patches, and gets the state
of the one before. Large contents stand beside the pickle under their digest: most are the same in every snapshot.
"""

from __future__ import annotations

import importlib
import io
import pickle
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakValueDictionary

APART_MIN_BYTES = 64 * 1024
_LOCKS = (type(threading.Lock()), type(threading.RLock()), threading.Condition)
Keep = Callable[[bytes], str]
"""Takes a large content, returns the name under which it is found again."""
Find = Callable[[str], bytes]


def dump(keep: Keep) -> tuple[bytes, list[str]]:
    """Everything moto holds, and which services had to be left out.

    That is what cannot be written, or could not be read again: tried here, for it would cost all the others.
    """
    everything = dict(_states())
    try:
        return _pickled(everything, keep), []
    except Exception as error:  # noqa: BLE001 - whatever moto's objects raise: find out whose they are
        sys.stderr.write(f"the state as a whole cannot be written: {error}\n")
        good = {place: state for place, state in everything.items() if _can_be_pickled({place: state}, keep)}
        left_out = [state["service"] for place, state in everything.items() if place not in good]
        return _pickled(good, keep), left_out


def load(body: bytes, find: Find) -> None:
    """Puts what `dump` wrote into this process's backends, all of it or, where it cannot be read, nothing."""
    states: dict[tuple[str, str], dict[str, Any]] = _Unpickler(io.BytesIO(body), find).load()
    for place, state in states.items():
        backends = _backends_at(place)
        vars(backends).update(state["own"])
        for (account_id, region), content in state["regions"].items():
            backend = backends[account_id][region]
            vars(backend).clear()
            vars(backend).update(content)


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


def _backends_at(place: tuple[str, str]) -> Any:
    return getattr(importlib.import_module(place[0]), place[1])


def _pickled(states: dict[tuple[str, str], dict[str, Any]], keep: Keep) -> bytes:
    file = io.BytesIO()
    _Pickler(file, keep).dump(states)
    body = file.getvalue()
    _Unpickler(io.BytesIO(body), _nothing).load()
    return body


def _nothing(name: str) -> bytes:
    """In the place of large contents, where it is tried whether the rest can be read."""
    del name
    return b""


def _can_be_pickled(states: dict[tuple[str, str], dict[str, Any]], keep: Keep) -> bool:
    try:
        _pickled(states, keep)
    except Exception:  # noqa: BLE001 - the answer
        return False
    return True


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, keep: Keep) -> None:
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

        super().__init__(file, protocol=5)
        self._keep = keep
        self._keys = (RSAPrivateKey, EllipticCurvePrivateKey)
        self._names: dict[int, tuple[Any, ...]] = {}
        for backends in _in_use():
            place = _place_of(backends)
            self._names[id(backends)] = ("backends", place)
            for account_id, account in backends.items():
                self._names[id(account)] = ("backends", place, account_id)
                for region, backend in account.items():
                    self._names[id(backend)] = ("backends", place, account_id, region)

    def persistent_id(self, obj: Any) -> tuple[Any, ...] | None:
        kind = type(obj)
        if kind is bytes:
            return ("bytes", self._keep(obj)) if len(obj) >= APART_MIN_BYTES else None
        if kind is str:
            return ("text", self._keep(_encoded(obj))) if len(obj) >= APART_MIN_BYTES else None
        return self._names.get(id(obj))

    def reducer_override(self, obj: Any) -> Any:
        """What pickle itself refuses in moto's objects; a test in test_snapshots.py names where each is."""
        if isinstance(obj, _LOCKS):
            return _MAKERS[type(obj)], ()
        if isinstance(obj, WeakValueDictionary):
            return WeakValueDictionary, (), None, None, iter(list(obj.items()))
        if isinstance(obj, dict) and type(obj).__module__.startswith("moto."):
            # Some show less than they hold: a versioned bucket's keys, their newest version.
            attributes = vars(obj)
            if isinstance(obj, defaultdict):
                attributes = {**attributes, "default_factory": obj.default_factory}
            return _empty, (type(obj),), (dict(dict.items(obj)), attributes), None, None, _fill
        factory = obj.default_factory if type(obj) is defaultdict else None
        if factory is not None and "<locals>" in getattr(factory, "__qualname__", ""):
            # Such as `lambda: {}`, which makes what its type makes.
            made = type(factory())
            if made() == factory():
                return defaultdict, (made,), None, None, iter(list(obj.items()))
        if isinstance(obj, self._keys):
            return _private_key, (_der(obj),)
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, find: Find) -> None:
        super().__init__(file)
        self._find = find

    def persistent_load(self, pid: Any) -> Any:
        if pid[0] == "bytes":
            return self._find(pid[1])
        if pid[0] == "text":
            return self._find(pid[1]).decode("utf-8", "surrogatepass")
        found = _backends_at(pid[1])
        for key in pid[2:]:
            found = found[key]
        return found


def _empty(kind: type[dict[Any, Any]]) -> dict[Any, Any]:
    # None of their own constructors: each wants something else.
    return (defaultdict if issubclass(kind, defaultdict) else dict).__new__(kind)


def _fill(obj: dict[Any, Any], state: tuple[dict[Any, Any], dict[str, Any]]) -> None:
    dict.update(obj, state[0])
    for name, value in state[1].items():
        setattr(obj, name, value)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _der(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    der: bytes = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return der


def _private_key(der: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    return load_der_private_key(der, None)


_MAKERS: dict[type, Any] = {
    type(threading.Lock()): threading.Lock,
    type(threading.RLock()): threading.RLock,
    threading.Condition: threading.Condition,
}
