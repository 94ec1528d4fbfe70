"""How expired items are looked for: in slices, and only when there may be some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.local import expiry
from infra.local.expiry import LOOK_S, OLDEST_S, PAUSE_S, SHARE_MAX, SLICE_S, Sweeper

NOW_S = 2_000_000_000.0
LOOK_TAKES_S = 0.0005


class World:
    """Tables of moto's own, a clock that goes on with each look at it, and a loop that waits to be told."""

    def __init__(self, items: list[dict[str, Any]], range_key: str | None = None) -> None:
        from moto.dynamodb.models.table import Table

        schema = [{"AttributeName": "pk", "KeyType": "HASH"}]
        names = ["pk"]
        if range_key:
            schema.append({"AttributeName": range_key, "KeyType": "RANGE"})
            names.append(range_key)
        self.table: Any = Table(
            "t", account_id="123456789012", region="us-east-1", schema=schema, throughput=None,
            attr=[{"AttributeName": name, "AttributeType": "S"} for name in names], global_indexes=[], indexes=[],
            streams=None,
        )  # fmt: skip
        self.table.ttl = {"TimeToLiveStatus": "ENABLED", "AttributeName": "end"}
        for item in items:
            self.table.put_item(item)
        self.now_s = NOW_S
        self.measured_s = 0.0
        self.changes = 0
        self.waits: list[tuple[float, Callable[[], None]]] = []
        self.looks = 0
        self.sweeper = Sweeper(
            self.tables, self.changed, lambda: self.now_s, self.monotonic, lambda *call: self.waits.append(call)
        )
        self.sweeper.start()

    def tables(self) -> Any:
        self.looks += 1
        yield self.table

    def changed(self) -> None:
        self.changes += 1

    def monotonic(self) -> float:
        self.measured_s += LOOK_TAKES_S
        return self.measured_s

    def step(self) -> float:
        """Runs what the loop would; how long it had waited for that."""
        ((wait_s, call),) = self.waits
        self.waits.clear()
        self.now_s += wait_s
        call()
        return wait_s

    @property
    def left(self) -> set[str]:
        return {item.attrs["pk"].value for item in self.table.all_items()}


def item(key: str, end: Any, **more: Any) -> dict[str, Any]:
    return {"pk": {"S": key}, "end": end, **more}


def number(seconds: float) -> dict[str, str]:
    return {"N": str(int(NOW_S + seconds))}


def test_only_numbers_that_are_over_and_not_years_old() -> None:
    world = World(
        [
            item("over", number(-60)),
            item("text", {"S": str(int(NOW_S - 60))}),
            item("later", number(60)),
            item("ancient", number(-OLDEST_S - 60)),
            {"pk": {"S": "without"}},
        ]
    )
    world.step()
    assert world.left == {"text", "later", "ancient", "without"}
    assert world.changes == 1
    world.table.ttl = {"TimeToLiveStatus": "DISABLED"}
    world.sweeper.something_changed()
    world.now_s += 3600
    world.step()
    assert "later" in world.left


def test_an_item_stays_for_a_moment_after_its_time() -> None:
    world = World([item("soon", number(1))])
    assert world.step() == LOOK_S
    assert world.left == {"soon"}  # now is its time
    assert world.step() == LOOK_S
    assert world.left == set()


def test_nothing_is_looked_at_while_nothing_changes_and_nothing_is_due() -> None:
    world = World([item("later", number(10))])
    for _ in range(9):
        world.step()
    assert world.looks == 1
    world.sweeper.something_changed()
    world.step()
    assert world.looks == 2
    world.step()
    assert world.left == set()
    assert world.looks == 3


def test_many_items_are_looked_at_in_slices(monkeypatch: Any) -> None:
    world = World([item(str(index), number(60)) for index in range(1000)])
    waits = []
    while True:
        before_s = world.measured_s
        waits.append(world.step())
        assert world.measured_s - before_s <= SLICE_S + 3 * LOOK_TAKES_S
        if world.waits[0][0] != PAUSE_S:
            break
    slices = 1000 // (expiry.LOOKED_AT_ONCE * 4)
    assert slices <= len(waits) <= slices + 2
    # A pass that takes long is not begun again at once.
    assert world.waits[0][0] >= len(waits) * SLICE_S / SHARE_MAX * 0.9


def test_what_was_written_anew_between_two_slices_stays() -> None:
    world = World([item(str(index), number(-60), sk={"S": "x"}) for index in range(300)], range_key="sk")
    world.step()
    assert 0 < len(world.left) < 300
    kept = max(world.left)
    gone = min(world.left)
    world.table.put_item(item(kept, number(60), sk={"S": "x"}))
    world.table.delete_item(*(type(one)(one) for one in _key(world.table, gone)))
    while world.step() is not None and world.waits[0][0] == PAUSE_S:
        pass
    assert world.left == {kept}


def _key(table: Any, key: str) -> tuple[Any, Any]:
    (found,) = [item for item in table.all_items() if item.attrs["pk"].value == key]
    return found.hash_key, found.range_key
