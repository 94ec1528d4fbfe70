"""Keys of the one table, and what reading them costs. There is no scan.

| what                          | pk               | sk                         | gsi1pk      | gsi1sk          |
| ----------------------------- | ---------------- | -------------------------- | ----------- | --------------- |
| plugin: what is deployed      | PLUGIN#<id>      | RECORD                     | FLEET       | <id>            |
| plugin: breaker               | PLUGIN#<id>      | BREAKER                    |             |                 |
| plugin: what admins set       | PLUGIN#<id>      | SETTINGS                   |             |                 |
| plugin: one approved version  | PLUGIN#<id>      | RELEASE#<version>#<sha>    |             |                 |
| plugin: statistics, a minute  | PLUGIN#<id>      | MINUTE#<minute>            |             |                 |
| plugin: execution log, a pack | PLUGIN#<id>      | LOG#<ms>#<digest>          |             |                 |
| plugin: error group           | PLUGIN#<id>      | GROUP#<group>              | ERR#<group> | !GROUP          |
| plugin: audit row             | PLUGIN#<id>      | AUDIT#<ms>#<uuid>          |             |                 |
| one failure                   | FAILURE#<call>   | FAILURE                    | ERR#<group> | <ms>#<call>     |
| one listener of a hook        | HOOK#<hook>      | <priority>#<id>            |             |                 |

Access patterns (read units of 4 KB, eventually consistent unless said; write units of 1 KB):

- Dispatcher, at most every few seconds: listeners of a hook, one query, 0.5 a 4 KB; breakers of the listeners, one
  consistent batch read, 1 a plugin. After each call: breakers of the plugins called, the same.
- Dispatcher, a failure: one conditional update, 1 write. A clear, a trip, a lease, a probe's end: 1 write each.
- Recorder, a failure: its group, one consistent read, once a batch; then one transaction (failure, its group, its
  minute), 2 writes a KB of each. A regression: one more read and write of the group. A batch: 1 to 4 writes a
  plugin and minute, 1 a KB of packed log a plugin.
- Admin, fleet: one query of gsi1, then two batch reads, and one query of at most 60 minutes a plugin.
- Admin, one plugin: its groups, newest log packs, audit rows: one query each. One error: one query of gsi1.
"""

from __future__ import annotations

from control_plane.table.expressions import Key

GSI = "gsi1"
FLEET = "FLEET"
RECORD = "RECORD"
BREAKER = "BREAKER"
SETTINGS = "SETTINGS"
RELEASE = "RELEASE#"
MINUTE = "MINUTE#"
LOG = "LOG#"
GROUP = "GROUP#"
AUDIT = "AUDIT#"
GROUP_MARK = "!GROUP"


def plugin(plugin_id: str) -> str:
    """Partition of everything about one plugin."""
    return f"PLUGIN#{plugin_id}"


def record(plugin_id: str) -> Key:
    """What is deployed."""
    return {"pk": plugin(plugin_id), "sk": RECORD}


def breaker(plugin_id: str) -> Key:
    """The breaker."""
    return {"pk": plugin(plugin_id), "sk": BREAKER}


def settings(plugin_id: str) -> Key:
    """What admins set; of secrets that they are set."""
    return {"pk": plugin(plugin_id), "sk": SETTINGS}


def release(plugin_id: str, version: str, sha256: str) -> Key:
    """One approved version."""
    return {"pk": plugin(plugin_id), "sk": f"{RELEASE}{version}#{sha256[:16]}"}


def minute(plugin_id: str, at_minute: int) -> Key:
    """Statistics of one minute since 1970."""
    return {"pk": plugin(plugin_id), "sk": f"{MINUTE}{minute_text(at_minute)}"}


def minute_text(at_minute: int) -> str:
    """Sorts as the number does."""
    return f"{at_minute:010d}"


def time_text(at_ms: int) -> str:
    """Sorts as the number does."""
    return f"{at_ms:014d}"


def log(plugin_id: str, at_ms: int, digest: str) -> Key:
    """One pack of the execution log."""
    return {"pk": plugin(plugin_id), "sk": f"{LOG}{time_text(at_ms)}#{digest}"}


def group(plugin_id: str, group_id: str) -> Key:
    """One error group."""
    return {"pk": plugin(plugin_id), "sk": f"{GROUP}{group_id}"}


def group_index(group_id: str) -> str:
    """Index partition of a group and its failures."""
    return f"ERR#{group_id}"


def failure(invocation_id: str) -> Key:
    """One failure: the invocation is its identity, so that a repeat finds it."""
    return {"pk": f"FAILURE#{invocation_id}", "sk": "FAILURE"}


def audit(plugin_id: str, at_ms: int, row_id: str) -> Key:
    """One audit row."""
    return {"pk": plugin(plugin_id), "sk": f"{AUDIT}{time_text(at_ms)}#{row_id}"}


def hook(name: str) -> str:
    """Partition of a hook's listeners."""
    return f"HOOK#{name}"


def route(hook_name: str, priority: int, plugin_id: str) -> Key:
    """One listener; sorts by priority, then id."""
    return {"pk": hook(hook_name), "sk": f"{priority:03d}#{plugin_id}"}
