"""Transactions over the WebSocket: frames out, answers matched by their number (venues/lighter.md, section 8.2).

The transactions of one connection are read in the order they were written, so each may carry the nonce behind that of
the one before it without waiting for its answer. They spend of the same budget as by REST (`sendTx`), and do not count
as frames. An answer has the words of a REST body, and is handed on as one.
"""

import itertools
from typing import Final

from exchanges.lighter.account import Account
from exchanges.lighter.outcomes import EXCHANGE
from exchanges.lighter.parsing import Fields
from exchanges.lighter.stream import endpoint
from exchanges.order_stream import ClosingSoon, FrameReply, OrderFrame, OrderStream
from exchanges.venue import HttpReply, HttpRequest
from exchanges.wire_json import decode, encode

SEND_TX_FRAME: Final = "jsonapi/sendtx"
_PING_S: Final = 15.0
_DEAD_AFTER_S: Final = 40.0
"""Slow, because frames are counted by address (section 12) and quotes need most of them. A dead line is noticed by the
first order that goes over it without a sign of life in return."""
_OK: Final = 200
_REFUSED: Final = 400
_SHUTDOWN: Final = "shutdown"


def order_stream(account: Account, ws_url: str) -> OrderStream:
    """Return the connection for the transactions of one key."""
    numbers = itertools.count(1)

    def sign(request: HttpRequest, wall_ns: int, behind: HttpRequest | None) -> OrderFrame:
        signed = account.sign_transaction(request, wall_ns, behind)
        number = str(next(numbers))
        # what was signed is sent as it is: an object, not a text
        data = f'{{"id":"{number}","tx_type":{signed.tx_type},"tx_info":{signed.info}}}'
        return OrderFrame(number, f'{{"type":"{SEND_TX_FRAME}","data":{data}}}')

    return OrderStream(endpoint=endpoint(ws_url, [], _PING_S, dead_after_s=_DEAD_AFTER_S), sign=sign, read=read)


def read(frame: bytes, received_ns: int) -> FrameReply | ClosingSoon | None:
    """Read one frame of the connection. Raises MalformedMessage and nothing else."""
    fields = Fields(decode(frame, EXCHANGE, "order stream"), "order stream")
    if fields.has("error"):
        body = encode(fields.get("error")).encode()
        return FrameReply(_number_of(fields), _reply(_REFUSED, body, received_ns))
    kind = fields.text("type")
    if kind == _SHUTDOWN:
        return ClosingSoon()
    if kind == SEND_TX_FRAME:
        return FrameReply(_number_of(fields), _reply(_OK, frame, received_ns))
    return None


def _number_of(fields: Fields) -> str | None:
    return fields.text("id") if fields.has("id") else None


def _reply(status: int, body: bytes, received_ns: int) -> HttpReply:
    return HttpReply(status=status, headers={}, body=body, received_ns=received_ns)


__all__ = ["SEND_TX_FRAME", "order_stream", "read"]
