"""How objects of moto are pickled that pickle itself refuses, loses a part of, or would write anew each time.

Reducers by type: whatever has none goes through pickle's own code, at its own speed. What pickle refuses is named
in a test (test_snapshots.py) that fails when moto no longer needs this.
"""

from __future__ import annotations

import copyreg
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from weakref import WeakValueDictionary

APART_MIN_BYTES = 64 * 1024
"""Larger contents stand beside the pickle, under their digest: most are the same in every snapshot."""

Keep = Callable[[bytes], str]
"""Takes a large content, returns the name under which it is found again."""
Reducer = Callable[[Any], Any]


def reducers(
    keep: Keep, refer: Callable[..., Any], references: Mapping[int, tuple[Any, tuple[Any, ...]]]
) -> dict[type, Reducer]:
    """The reducers for the objects that exist now.

    Args:
        keep: Takes large contents.
        refer: Finds a backend by its path when the pickle is read.
        references: The backends and their paths, by identity.
    """
    from cryptography.hazmat.bindings._rust import openssl
    from moto.awslambda.models import LambdaFunction, LayerVersion
    from moto.s3.models import FakeKey

    def reference(obj: Any) -> Any:
        found = references.get(id(obj))
        return obj.__reduce_ex__(5) if found is None else (refer, found[1])

    def bulky(obj: Any) -> Any:
        make, arguments, state, *more = obj.__reduce_ex__(5)
        return make, arguments, {name: _apart(value, keep) for name, value in state.items()}, *more

    table: dict[type, Reducer] = {
        **copyreg.dispatch_table,
        type(threading.Lock()): lambda _: (threading.Lock, ()),
        type(threading.RLock()): lambda _: (threading.RLock, ()),
        threading.Condition: lambda _: (threading.Condition, ()),
        WeakValueDictionary: lambda obj: (WeakValueDictionary, (), None, None, iter(list(obj.items()))),
        defaultdict: _defaultdict,
        openssl.rsa.RSAPrivateKey: lambda obj: (_private_key, (_der(obj),)),
        openssl.ec.ECPrivateKey: lambda obj: (_private_key, (_der(obj),)),
        **dict.fromkeys(_moto_s_kinds_of_dict(dict), _special_dict),
        **dict.fromkeys((FakeKey, LambdaFunction, LayerVersion), bulky),
    }
    # Last: some of these are special dicts too.
    return table | {type(obj): reference for obj, _ in references.values()}


class _Apart:
    """Stands in the pickle for a large content."""

    def __init__(self, name: str, kind: str) -> None:
        self._arguments = (name, kind)

    def __reduce__(self) -> Any:
        return content, self._arguments


def content(name: str, kind: str) -> bytes | str:
    """What a pickle calls for a large content: the unpickler puts its own in this place."""
    raise NotImplementedError(name, kind)


def _apart(value: Any, keep: Keep) -> Any:
    if type(value) is bytes and len(value) >= APART_MIN_BYTES:
        return _Apart(keep(value), "bytes")
    if type(value) is str and len(value) >= APART_MIN_BYTES:
        return _Apart(keep(value.encode("utf-8", "surrogatepass")), "text")
    if type(value) is dict:
        # A function's code is there a second time, in what its creation was asked for.
        return {name: _apart(one, keep) for name, one in value.items()}
    return value


def _moto_s_kinds_of_dict(kind: Any) -> Iterator[type]:
    for one in kind.__subclasses__():
        if one.__module__.startswith("moto."):
            yield one
        yield from _moto_s_kinds_of_dict(one)


def _special_dict(obj: Any) -> Any:
    # What they show is not what they hold: a versioned bucket's keys show their newest version only.
    attributes = vars(obj)
    if isinstance(obj, defaultdict):
        attributes = {**attributes, "default_factory": obj.default_factory}
    return _empty, (type(obj),), (dict(dict.items(obj)), attributes), None, None, _fill


def _empty(kind: type[dict[Any, Any]]) -> dict[Any, Any]:
    # None of their own constructors: each wants something else.
    return (defaultdict if issubclass(kind, defaultdict) else dict).__new__(kind)


def _fill(obj: dict[Any, Any], state: tuple[dict[Any, Any], dict[str, Any]]) -> None:
    dict.update(obj, state[0])
    for name, value in state[1].items():
        setattr(obj, name, value)


def _defaultdict(obj: defaultdict[Any, Any]) -> Any:
    factory = obj.default_factory
    if factory is not None and "<locals>" in getattr(factory, "__qualname__", ""):
        # Such as `lambda: {}`, which makes what its type makes.
        made: Any = type(factory())
        if made() == factory():
            return defaultdict, (made,), None, None, iter(list(obj.items()))
    return obj.__reduce__()


def _der(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    der: bytes = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return der


def _private_key(der: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    return load_der_private_key(der, None)
