"""A toy venue, as somebody would add a real one: a client package, a face package, and one row in each table.

Its protocol is invented and as plain as can be: JSON over HTTP and WebSocket, requests signed by HMAC over time,
method, target and body. `client/` stands for `exchanges/NAME/`, `face/` for `exchanges/simulated/faces/NAME/`. Neither
imports the other, as the import contracts demand of every real venue.

===========================  =====================================================================
GET /time                    {"now": ms}
GET /markets                 [{"symbol", "tick", "step", "least", "value"}]
GET /price?symbol=           {"symbol", "bid", "bid_size", "ask", "ask_size", "time"}
POST /order                  {"id", "symbol", "side", "price", "size", "kind", "reduce_only"} -> an order
DELETE /order?symbol=&id=    an order
GET /order?symbol=&id=       an order
GET /orders?symbol=          orders that rest
GET /fills?symbol=           fills, also with `order=` or `since=` (ms)
GET /position?symbol=        {"symbol", "size", "entry", "time"}
GET /account                 {"equity", "free"}
GET /fees                    {"maker", "taker"}
POST /leverage               {"symbol", "leverage"} -> the same
WS /prices?symbols=A,B       {"price": a price}
WS /account?key=&time=&sign= {"order": an order}, {"fill": a fill}, {"position": a position}
===========================  =====================================================================

An order is {"order", "id", "symbol", "side", "price", "size", "filled", "state", "why", "reduce_only", "time"}, a fill
{"trade", "order", "id", "symbol", "side", "price", "size", "total", "fee", "maker", "time"}. A refusal is a status of
400, 401, 404 or 429 with {"error": word, "text"}; anything from 500 leaves the outcome open.
"""
