"""The security list (RELIABILITY.md, section E), item by item: where it is kept, and what proves it.

Kept by code, or by what is not there; a test of `test_list` looks whether every place and every proof named here exists.

| E | what | where | proof |
|---|---|---|---|
| 1 | keys that only trade; no venue tells what a key may do, so the first live start says so | actors/app/consent.py | tests/actors/app/test_consent.py |
| 2 | secrets by name of a variable, or from a file of the owner's alone | actors/config/credentials.py | tests/actors/test_config_checks.py |
| 3 | secrets do not print, pickle or format | exchanges/secrets.py | tests/exchanges/test_secrets.py tests/security/test_canaries.py |
| 4 | loguru without locals, every line redacted, the host's sinks untouched | actors/app/logs.py | tests/actors/app/test_logs.py tests/security/test_source.py |
| 5 | errors without addresses, keys and causes | exchanges/errors.py exchanges/redaction.py exchanges/rest_transport.py | tests/exchanges/test_errors.py tests/security/test_canaries.py |
| 6 | log files 0600 in a folder 0700, bounded, also where one was there before | actors/app/logs.py | tests/actors/app/test_logs.py tests/security/test_process.py |
| 7 | canaries in every form, through runs, failures, status, journal, intents, logs | tests/security/canaries.py | tests/security/test_canaries.py |
| 8 | verified TLS, no redirect, no environment, timeouts, capped bodies, no repeated write | exchanges/rest_transport.py exchanges/http_reply.py exchanges/network.py | tests/exchanges/test_rest_transport.py tests/security/test_tls.py tests/security/test_source.py |
| 9 | wss, host names checked, capped frames, no trace, pings | exchanges/stream_transport.py | tests/exchanges/test_stream_transport.py tests/security/test_tls.py |
| 10 | wrong name, expired, not yet valid, self-signed, unknown authority: refused; plain to this machine only | exchanges/network.py | tests/security/test_tls.py |
| 11 | control on loopback, token 0600 and compared in constant time, one deadline, sixteen clients, no order | actors/app/control.py | tests/actors/app/test_control.py tests/fuzz/test_control.py |
| 12 | ini without interpolation, closed schema, exact numbers, ceilings | actors/config/source.py actors/config/values.py actors/config/reader.py | tests/actors/test_config_source.py tests/actors/test_config_values.py tests/fuzz/test_ini.py |
| 13 | what a venue writes steers no terminal and forges no log line | exchanges/redaction.py actors/app/live_view.py actors/app/grid_view.py | tests/exchanges/test_redaction.py tests/security/test_terminal.py |
| 14 | journal 0600, header of account, venue and version, no secrets | actors/journal/schema.py actors/append_file.py actors/intents.py | tests/actors/journal/test_orders.py tests/actors/test_intents.py tests/security/test_canaries.py |
| 15 | one bot per account and key slot, by a lock the kernel frees | actors/locks.py | tests/actors/test_locks.py |
| 16 | exact, hashed wheels for a release | .ci/lock requirements/release.txt | tests/security/test_dependencies.py |
| 17 | the native signer is loaded by hash only, in one place | exchanges/lighter/library.py | tests/exchanges/lighter/test_library.py tests/security/test_source.py |
| 18 | tests need no network and no secrets; generated files and the lock are checked | .ci/run | tests/security/test_dependencies.py |
| 19 | JSON only, strict, capped in depth and size, no key twice, no pickle | exchanges/wire_json.py exchanges/wire_fields.py | tests/exchanges/test_wire_json.py tests/exchanges/test_wire_fields.py tests/fuzz/test_search.py tests/security/test_source.py |
| 20 | no core dumps, stacks without locals | run.py | tests/security/test_process.py |
| 21 | observe, confirmed limits, breakers for loss and orders | actors/app/consent.py actors/send_gate.py actors/settings.py | tests/actors/app/test_consent.py tests/actors/test_send_gate.py tests/system/test_live_mode.py |
"""  # noqa: E501 - a table
