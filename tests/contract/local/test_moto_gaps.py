"""Each patch of moto is still needed: with every patch but that one, the test that shows its gap fails.

When moto closes a gap itself, the test named after the patch fails here and says which file to delete.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import moto as moto_package
import pytest

from infra.local import moto_patches
from tests.contract.local import (  # noqa: F401 - their marks
    test_consumed_capacity,
    test_dynamodb_limits,
    test_expiry,
    test_moto_patches,
    test_query_by_key,
    test_transactions,
)
from tests.contract.local.gaps import GAPS
from tests.contract.local.moto_process import running_moto
from tests.contract.local.test_moto_patches import listening, make_code

PATCHES = Path(moto_patches.__file__).parent


def test_every_file_is_a_patch_that_is_applied_and_shown() -> None:
    files = {path.stem for path in PATCHES.glob("*.py")} - {"__init__"}
    assert files == set(moto_patches.NAMES) == set(GAPS)
    assert len(moto_patches.NAMES) == len(files)


@pytest.mark.parametrize("patch", moto_patches.NAMES)
def test_moto_has_the_gap(patch: str, tmp_path: Path) -> None:
    if patch not in GAPS:
        pytest.fail(f"moto_patches/{patch}.py has no test marked @gap({patch!r}, …): which one fails without it?")
    gap = GAPS[patch]
    with running_moto(tmp_path, without=patch) as moto, listening() as listener:
        given: dict[str, Any] = {"moto": moto, "listener": listener, "tmp_path": tmp_path, **gap.arguments}
        names = inspect.signature(gap.probe).parameters
        if "code" in names:
            given["code"] = make_code(moto)
        try:
            gap.probe(**{name: given[name] for name in names})
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - however it fails: the pattern decides
            seen = f"{type(error).__name__}: {error}"
        else:
            pytest.fail(
                f"moto {moto_package.__version__} closes this itself now: delete moto_patches/{patch}.py, "
                f"its name in moto_patches.NAMES and @gap on {gap.probe.__name__}, which stays as a test of moto"
            )
    assert re.search(gap.seen_as, seen, re.DOTALL), f"{gap.probe.__name__} fails for another reason: {seen}"


def test_moto_removes_no_expired_items_itself(moto: Any) -> None:
    """The gap that `infra.local.expiry` closes."""
    printed = moto.python("""
from moto.dynamodb.models import DynamoDBBackend

backend = DynamoDBBackend("us-east-1", "123456789012")
table = backend.create_table(
    name="t", schema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    attr=[{"AttributeName": "pk", "AttributeType": "S"}], throughput=None, billing_mode="PAY_PER_REQUEST",
    global_indexes=[], indexes=[], streams=None, sse_specification=None, tags=[],
    deletion_protection_enabled=False, warm_throughput=None,
)
backend.update_time_to_live("t", {"Enabled": True, "AttributeName": "end"})
backend.put_item("t", {"pk": {"S": "a"}, "end": {"N": "1700000000"}})
print(len(backend.scan("t", {}, None, None, None, {}, {}, None, False, None, (None, None))[0]))
""")
    assert printed == "1\n", "moto removes expired items itself now: is infra/local/expiry.py still needed?"
