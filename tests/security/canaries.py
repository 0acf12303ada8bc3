"""Planted secrets, every form they could leak in, and the search for them."""

import base64
import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

SHORTEST = 12
"""A piece of a secret that counts as a leak."""


def forms(secret: str) -> set[bytes]:
    """Every form of a secret that is searched for: as it is, without its prefix, hex, base64, in an address."""
    bare = secret.removeprefix("0x")
    texts = {secret, bare, quote(secret, safe=""), quote_plus(secret)}
    raw = {secret.encode(), bare.encode()}
    with contextlib.suppress(ValueError):
        raw.add(bytes.fromhex(bare))
    with contextlib.suppress(ValueError):
        raw.add(base64.b64decode(secret, validate=True))
    found = {text.encode() for text in texts} | {text.upper().encode() for text in texts if _is_hex(text)}
    for data in raw:
        found |= {data.hex().encode(), data.hex().upper().encode()}
        found |= {base64.b64encode(data).rstrip(b"="), base64.urlsafe_b64encode(data).rstrip(b"=")}
        if len(data) >= 16:
            found.add(data)
    halves = {form[: len(form) // 2] for form in found} | {form[len(form) // 2 :] for form in found}
    return {form for form in found | halves if len(form) >= SHORTEST}


def _is_hex(text: str) -> bool:
    try:
        bytes.fromhex(text)
    except ValueError:
        return False
    return True


def hits(canaries: Mapping[str, str], places: Mapping[str, bytes]) -> list[str]:
    """Where a planted secret, or half of one, stands."""
    wanted = {name: forms(secret) for name, secret in canaries.items()}
    return [
        f"{name} in {place}: ...{data[max(0, data.find(form) - 60) : data.find(form)]!r}"
        for place, data in places.items()
        for name, all_forms in wanted.items()
        for form in sorted(all_forms)
        if form in data
    ]


def files_under(folder: Path, but: Iterable[str] = ()) -> dict[str, bytes]:
    """The content of every file in a folder, but those of some names."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in set(but)
    }
