from __future__ import annotations

import copy
import json
import pickle

import pytest

from services_ai_sdk.plugin.payload import Payload, wrap


def test_attributes_and_keys_are_the_same_at_any_depth() -> None:
    lead = wrap({"email": "a@b.c", "owner": {"name": "Dana"}, "notes": [{"text": "hi"}, [{"x": 1}]]})
    assert lead["email"] == lead.email == "a@b.c"
    assert lead.owner.name == "Dana"
    assert lead.notes[0].text == "hi"
    assert lead.notes[1][0].x == 1
    lead.owner.name = "Sam"
    assert lead["owner"]["name"] == "Sam"
    del lead.owner.name
    assert "name" not in lead["owner"]


def test_json_copy_and_pickle_see_a_dict() -> None:
    lead = wrap({"a": {"b": [1, {"c": None}]}})
    assert json.loads(json.dumps(lead)) == {"a": {"b": [1, {"c": None}]}} == lead
    assert copy.deepcopy(lead).a.b[1].c is None
    assert pickle.loads(pickle.dumps(lead)) == lead


def test_the_callers_own_objects_stay_as_they_are() -> None:
    original = {"a": [{"b": 1}]}
    wrap(original).a[0].b = 2
    assert original == {"a": [{"b": 1}]}


def test_what_is_missing_says_what_is_there() -> None:
    with pytest.raises(AttributeError, match=r"no 'phoen'.*there is: email, phone"):
        _ = Payload(phone="1", email="x").phoen
    with pytest.raises(AttributeError):
        del Payload().phone


def test_depth_is_no_problem() -> None:
    value: object = 1
    for _ in range(100_000):
        value = {"a": [value]}
    wrapped = wrap(value)
    for _ in range(3):
        wrapped = wrapped.a[0]
    assert isinstance(wrapped, Payload)
    while isinstance(value, dict):  # taken apart by hand: Python's own deallocation recurses
        value = value.pop("a").pop()
    while isinstance(wrapped, dict):
        wrapped = wrapped.pop("a").pop()
