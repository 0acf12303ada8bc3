"""The reference: what a careful single-threaded bot does with websocket-client, json, Decimal, hmac and http.client.

No actors, no journal, no checks: read a fill, price the exit, sign it, send it, read the answer, and after the
exit's own fill place the next entry.
Usage: `python -m tests.bench.one_thread PORT`.
"""

import hashlib
import hmac
import http.client
import json
import sys
import time
from decimal import Decimal

import websocket

from tests.bench.aster_payloads import ASK, SYMBOL

KEY, SECRET = "bench-key", b"bench-secret"
TICK = Decimal("0.1")
HEADERS = {"X-MBX-APIKEY": KEY, "Content-Type": "application/x-www-form-urlencoded"}


def place(
    connection: http.client.HTTPConnection, side: str, price: Decimal, client_id: str, *, reduce_only: bool
) -> None:
    """Send one signed order and read its answer."""
    stamp = time.time_ns() // 1_000_000  # noqa: TID251 - the reference reads the clock as everybody does
    body = (
        f"symbol={SYMBOL}&side={side}&type=LIMIT&timeInForce=GTX&quantity=0.003&price={price:f}&newClientOrderId={client_id}"
        f"&reduceOnly={'true' if reduce_only else 'false'}&recvWindow=5000&timestamp={stamp}"
    )
    signature = hmac.new(SECRET, body.encode(), hashlib.sha256).hexdigest()
    connection.request("POST", "/fapi/v1/order", f"{body}&signature={signature}", HEADERS)
    reply = connection.getresponse()
    json.loads(reply.read())


def main() -> None:
    """Trade until the venue closes the stream."""
    port = int(sys.argv[1])
    connection = http.client.HTTPConnection("127.0.0.1", port)
    stream = websocket.create_connection(f"ws://127.0.0.1:{port}/ws/{'k' * 64}")
    entry_price, number = ASK - 2 * TICK, 0
    try:
        place(connection, "BUY", entry_price, f"e{number}", reduce_only=False)
        while True:
            event = json.loads(stream.recv(), parse_float=Decimal)
            order = event["o"]
            if order["x"] != "TRADE" or Decimal(order["l"]) <= 0:
                continue
            if order["c"].startswith("e"):
                exit_price = (Decimal(order["L"]) * Decimal("1.0012") / TICK).to_integral_value() * TICK
                place(connection, "SELL", exit_price, f"x{number}", reduce_only=True)
            else:
                number += 1
                place(connection, "BUY", entry_price, f"e{number}", reduce_only=False)
    except (OSError, http.client.HTTPException, websocket.WebSocketException):
        return


if __name__ == "__main__":
    main()
