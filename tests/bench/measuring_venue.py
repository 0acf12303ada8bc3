"""A venue that only measures: canned Aster answers on raw sockets in one thread, a stopwatch between fill frame and
exit order.

It accepts every entry, reports it filled one gap later, and takes the time from just before the fill frame is
written until the headers of the reduce-only
order are in its hands. The exit is reported filled one gap later, which lets the client place its next entry. It
spins while a fill is due, so that its own
wake-up is not measured. `python -m tests.bench.measuring_venue` serves one client, then prints the samples as one
JSON line when the client leaves.
"""

import argparse
import base64
import contextlib
import hashlib
import heapq
import json
import random
import selectors
import socket
import sys
import time
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from tests.bench.aster_payloads import ASK, BID, SYMBOL, Orders, canned, now_ms

_WS_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Client:
    """One accepted connection: HTTP until it upgrades, then WebSocket."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.buffer = b""
        self.stream = ""

    def send_frame(self, payload: bytes, opcode: int = 1) -> None:
        """Write one unmasked WebSocket frame."""
        size = len(payload)
        head = bytes([0x80 | opcode, size]) if size < 126 else bytes([0x80 | opcode, 126]) + size.to_bytes(2, "big")
        self.socket.sendall(head + payload)


class MeasuringVenue:
    """Serves until `samples` exits were measured and the client has left, or until it is told to stop."""

    def __init__(self, *, gap_s: float, quotes_per_s: int, warm_up: int) -> None:
        self.samples_ns: list[int] = []
        self._orders = Orders()
        self._gap_s = gap_s
        self._quote_every_s = 1 / quotes_per_s
        self._warm_up = warm_up
        self._random = random.Random(7)
        self._selector = selectors.DefaultSelector()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._fill_written_ns = 0
        self._clients: set[Client] = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self._selector.register(self.listener, selectors.EVENT_READ)

    def _later(self, delay_s: float, action: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._due, (time.perf_counter() + delay_s, self._number, action))

    def serve(self, wanted: int) -> None:
        """Run the loop until `wanted` samples are in."""
        self._later(0, self._quote)
        while len(self.samples_ns) < wanted + self._warm_up:
            self._turn()
        del self.samples_ns[: self._warm_up]
        for client in list(self._clients):
            self._drop(client)
        self.listener.close()
        self._selector.close()

    def _turn(self) -> None:
        wait_s = self._due[0][0] - time.perf_counter() if self._due else 0.05
        spin = wait_s < 0.002
        for key, _ in self._selector.select(0 if spin else min(wait_s - 0.002, 0.05)):
            if key.fileobj is self.listener:
                self._accept()
            else:
                self._read(key.data)
        while self._due and self._due[0][0] <= time.perf_counter():
            heapq.heappop(self._due)[2]()

    def _accept(self) -> None:
        connection, _ = self.listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Client(connection)
        self._clients.add(client)
        self._selector.register(connection, selectors.EVENT_READ, client)

    def _drop(self, client: Client) -> None:
        self._clients.discard(client)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(client.socket)
        client.socket.close()

    def _read(self, client: Client) -> None:
        try:
            data = client.socket.recv(65536)
        except OSError:
            data = b""
        read_ns = time.perf_counter_ns()
        if not data:
            self._drop(client)
            return
        client.buffer += data
        if client.stream:
            self._read_frames(client)
            return
        while self._read_request(client, read_ns):
            pass

    # --- HTTP ---

    def _read_request(self, client: Client, read_ns: int) -> bool:
        head, found, rest = client.buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return False
        client.buffer = rest[length:]
        if headers.get("upgrade", "").lower() == "websocket":
            self._upgrade(client, target, headers)
            return False
        url = urlsplit(target)
        parameters = dict(parse_qsl(url.query) + parse_qsl(rest[:length].decode()))
        self._answer(client, method, url.path.rsplit("/", 1)[-1], parameters, read_ns)
        return True

    def _answer(self, client: Client, method: str, name: str, parameters: dict[str, str], read_ns: int) -> None:
        if name == "order" and method == "POST":
            if parameters.get("reduceOnly") == "true" and self._fill_written_ns:
                self.samples_ns.append(read_ns - self._fill_written_ns)
                self._fill_written_ns = 0
            order = self._orders.place(parameters)
            self._reply(client, Orders.rest_order(order))
            self._later(self._gap_s * self._random.uniform(0.8, 1.2), lambda: self._fill(order))
            return
        self._reply(client, self._read_only(method, name, parameters))

    def _read_only(self, method: str, name: str, parameters: dict[str, str]) -> object:
        orders = self._orders
        if name == "order":
            found = orders.by_client_id.get(parameters.get("origClientOrderId", ""))
            if found is None:
                return {"code": -2013, "msg": "Order does not exist."}
            if method == "DELETE":
                found["status"] = "CANCELED"
            return Orders.rest_order(found)
        if name == "openOrders":
            return [Orders.rest_order(order) for order in orders.by_client_id.values() if order["status"] == "NEW"]
        if name == "userTrades":
            first = int(parameters.get("fromId", "0"))
            return [row for row in orders.trades if int(str(row["id"])) >= first][-1000:]
        return canned(method, parameters, orders.position).get(
            name, {"code": -1020, "msg": f"not measured here: {method} {name}"}
        )

    @staticmethod
    def _reply(client: Client, body: object) -> None:
        data = json.dumps(body, separators=(",", ":")).encode()
        refused = isinstance(body, dict) and int(body.get("code", 0)) < 0
        status = "400 Bad Request" if refused else "200 OK"
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        client.socket.sendall(head.encode() + data)

    # --- WebSocket ---

    def _upgrade(self, client: Client, target: str, headers: dict[str, str]) -> None:
        accept = base64.b64encode(hashlib.sha1(headers["sec-websocket-key"].encode() + _WS_GUID).digest())  # noqa: S324 - RFC 6455
        client.socket.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + accept
            + b"\r\n\r\n"
        )
        client.stream = "private" if "kkkk" in target else "public"

    def _read_frames(self, client: Client) -> None:
        while len(client.buffer) >= 6:
            opcode, size = client.buffer[0] & 15, client.buffer[1] & 127
            start = 6 if size < 126 else 8
            if size == 126:
                size = int.from_bytes(client.buffer[2:4], "big")
            if len(client.buffer) < start + size:
                return
            mask, data = client.buffer[start - 4 : start], client.buffer[start : start + size]
            client.buffer = client.buffer[start + size :]
            payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
            self._frame(client, opcode, payload)

    def _frame(self, client: Client, opcode: int, payload: bytes) -> None:
        if opcode == 9:
            client.send_frame(payload, opcode=10)
        elif opcode == 1 and b"SUBSCRIBE" in payload:
            client.send_frame(json.dumps({"result": None, "id": json.loads(payload)["id"]}).encode())

    def _fill(self, order: dict[str, str]) -> None:
        if order["status"] != "NEW":
            return
        frame = json.dumps(self._orders.fill(order), separators=(",", ":")).encode()
        for client in self._clients:
            if client.stream == "private":
                if order["reduce"] != "true":
                    self._fill_written_ns = time.perf_counter_ns()
                client.send_frame(frame)

    def _quote(self) -> None:
        stamp = now_ms()
        data = {
            "e": "bookTicker",
            "u": self._number,
            "E": stamp,
            "T": stamp,
            "s": SYMBOL,
            "b": str(BID),
            "B": "5",
            "a": str(ASK),
            "A": "5",
        }
        wrapped = json.dumps({"stream": "btcusdt@bookTicker", "data": data}, separators=(",", ":")).encode()
        for client in list(self._clients):
            if client.stream == "public":
                with contextlib.suppress(OSError):
                    client.send_frame(wrapped)
        self._later(self._quote_every_s, self._quote)


def main() -> None:
    """Serve one client and print its samples in nanoseconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--warm-up", type=int, default=50)
    parser.add_argument("--gap-ms", type=float, default=1.0)
    parser.add_argument("--quotes-per-s", type=int, default=20)
    options = parser.parse_args()
    venue = MeasuringVenue(gap_s=options.gap_ms / 1000, quotes_per_s=options.quotes_per_s, warm_up=options.warm_up)
    sys.stdout.write(json.dumps({"port": venue.listener.getsockname()[1]}) + "\n")
    sys.stdout.flush()
    venue.serve(options.samples)
    sys.stdout.write(json.dumps({"samples_ns": venue.samples_ns}) + "\n")


if __name__ == "__main__":
    main()
