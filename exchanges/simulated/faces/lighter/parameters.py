"""Query and form parameters of a request."""

from collections.abc import Mapping
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qsl

from exchanges.simulated.faces.lighter.refusals import bad_parameter
from exchanges.simulated.faces.protocol import HttpCall

Params = Mapping[str, str]

_LARGEST = 2**63 - 1
_LONGEST = 19


def read_query(text: str) -> dict[str, str]:
    """Return the decoded parameters of a query."""
    return dict(parse_qsl(text, keep_blank_values=True))


def read_form(call: HttpCall) -> dict[str, str]:
    """Return the fields of a form body, url-encoded or multipart; none where it is something else."""
    kind = call.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        return _read_multipart(kind, call.body)
    if kind.startswith("application/x-www-form-urlencoded"):
        return read_query(call.body.decode(errors="replace"))
    return {}


def _read_multipart(kind: str, body: bytes) -> dict[str, str]:
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    fields: dict[str, str] = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            fields[name] = payload.decode(errors="replace")
    return fields


def required(params: Params, name: str) -> str:
    """Return a parameter. Raises VenueRefusal BAD_PARAMETER where it is missing or empty."""
    value = params.get(name, "")
    if not value:
        raise bad_parameter(name)
    return value


def whole(text: object) -> int | None:
    """Return the number that digits spell, None for anything else and for what has more than 64 bits."""
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()) or len(text) > _LONGEST:
        return None
    number = int(text)
    return number if number <= _LARGEST else None


def integer(params: Params, name: str, default: int | None = None) -> int:
    """Return a whole number that is not negative. Raises VenueRefusal BAD_PARAMETER."""
    text = params.get(name, "")
    if not text and default is not None:
        return default
    number = whole(text)
    if number is None:
        raise bad_parameter(name)
    return number


def limit(params: Params, most: int) -> int:
    """Return `limit`, which must be given. Raises VenueRefusal BAD_PARAMETER."""
    value = integer(params, "limit")
    if not 1 <= value <= most:
        raise bad_parameter("limit")
    return value
