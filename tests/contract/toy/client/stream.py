"""The two streams: their addresses and their frames."""

from urllib.parse import urlencode

from exchanges.reports import BestPrice, FillReport, OrderReport, PositionReport
from exchanges.values import PriceSource
from exchanges.venue import StreamEndpoint
from exchanges.wire_json import decode
from tests.contract.toy.client import parsing
from tests.contract.toy.client.parsing import EXCHANGE, Fields
from tests.contract.toy.client.signing import Signer


def public_endpoint(ws_url: str, symbols: tuple[str, ...]) -> StreamEndpoint:
    return StreamEndpoint(url=f"{ws_url}/prices?symbols={','.join(symbols)}")


def private_endpoint(ws_url: str, signer: Signer, wall_ns: int) -> StreamEndpoint:
    headers = signer.headers("GET", "/account", b"", wall_ns)
    return StreamEndpoint(
        url=f"{ws_url}/account?{urlencode({name.removeprefix('toy-'): text for name, text in headers.items()})}"
    )


def parse_public(frame: bytes, received_ns: int) -> tuple[BestPrice, ...]:
    fields = Fields(decode(frame, EXCHANGE, "public stream"), "public stream")
    return (parsing.price(fields.get("price"), received_ns, PriceSource.STREAM),)


def parse_private(frame: bytes, received_ns: int) -> tuple[OrderReport | FillReport | PositionReport, ...]:
    fields = Fields(decode(frame, EXCHANGE, "private stream"), "private stream")
    if fields.has("order"):
        return (parsing.order(fields.get("order"), received_ns),)
    if fields.has("fill"):
        return (parsing.fill(fields.get("fill"), received_ns),)
    return (parsing.position(fields.get("position"), received_ns),)
