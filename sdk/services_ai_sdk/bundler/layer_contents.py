"""What is in a layer zip, read from what its packages say of themselves there."""

from __future__ import annotations

import csv
from email.parser import HeaderParser
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from services_ai_sdk.bundler.layer import ROOT, LayerPackage
from services_ai_sdk.bundler.wheel import import_names_of, license_of
from services_ai_sdk.wire.errors import InvalidInputError

if TYPE_CHECKING:
    from services_ai_sdk.bundler.archive import Archive

_METADATA_MAX_BYTES = 4 * 1024 * 1024
_RECORD_MAX_BYTES = 16 * 1024 * 1024


def packages_in(archive: Archive) -> dict[str, LayerPackage]:
    """By normalised name; one without a RECORD has no size.

    Raises:
        InvalidInputError: METADATA or RECORD is larger than any honest one, or damaged.
    """
    found: dict[str, LayerPackage] = {}
    for entry in archive.files():
        folder, _, file = entry.name.rpartition("/")
        if file != "METADATA" or not folder.endswith(".dist-info") or folder.count("/") != 1:
            continue
        headers = HeaderParser().parsestr(archive.read(entry, _METADATA_MAX_BYTES).decode("utf-8", "replace"))
        name = canonicalize_name(str(headers.get("Name", ""))[:200])
        record = archive.get(f"{folder}/RECORD")
        lines = archive.read(record, _RECORD_MAX_BYTES).decode("utf-8", "replace") if record else ""
        paths = _paths(lines, folder)
        sizes = [one.size_bytes for path in paths if (one := archive.get(ROOT + path)) is not None]
        found[name] = LayerPackage(
            name=name,
            version=str(headers.get("Version", ""))[:100],
            size_bytes=sum(sizes),
            import_names=import_names_of(paths),
            license=license_of(headers),
        )
    return found


def _paths(record: str, folder: str) -> list[str]:
    try:
        return [row[0] for row in csv.reader(record.splitlines()) if row]
    except csv.Error as error:
        raise InvalidInputError(
            f"{folder}/RECORD in the layer is no list: {error}", code="layer-invalid"
        ) from error
