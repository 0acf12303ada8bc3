import json
import socket
import stat
from contextlib import contextmanager

import pytest

from actors.app.control import CONTROL_FILE, ControlError, ControlServer, send_command


@contextmanager
def serving(tmp_path, handlers, **more):
    server = ControlServer("127.0.0.1:0", tmp_path, handlers, **more)
    server.start()
    try:
        yield server
    finally:
        server.close()


def raw(address, data):
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return json.loads(connection.makefile("rb").readline())


def test_a_verb_reaches_its_handler_and_the_answer_comes_back(tmp_path):
    calls = []
    handlers = {"status": lambda: {"state": "running"}, "pause": lambda: calls.append("pause") or {}}
    with serving(tmp_path, handlers):
        assert send_command(tmp_path, "status") == {"state": "running"}
        assert send_command(tmp_path, "pause") == {}
    assert calls == ["pause"]


def test_the_control_file_is_private_and_goes_with_the_server(tmp_path):
    with serving(tmp_path, {}):
        mode = stat.S_IMODE((tmp_path / CONTROL_FILE).stat().st_mode)
        assert mode == 0o600
    assert not (tmp_path / CONTROL_FILE).exists()


def test_a_wrong_token_is_refused_before_the_verb_is_looked_at(tmp_path):
    calls = []
    with serving(tmp_path, {"stop": lambda: calls.append("stop") or {}}, token="right") as server:
        for token in ("wrong", "", None, 7, "r\u00e9"):
            answer = raw(server.address, json.dumps({"token": token, "verb": "stop"}).encode() + b"\n")
            assert answer == {"ok": False, "error": "wrong token"}
    assert calls == []


@pytest.mark.parametrize("data", [b"garbage\n", b"[]\n", b"\xff\xfe\n", b"", b"{" * 5000])
def test_garbage_is_answered_and_the_server_lives_on(tmp_path, data):
    with serving(tmp_path, {"status": lambda: {"state": "running"}}) as server:
        assert raw(server.address, data)["ok"] is False
        assert send_command(tmp_path, "status") == {"state": "running"}


def test_an_unknown_verb_lists_the_known_ones(tmp_path):
    with serving(tmp_path, {"status": dict}), pytest.raises(ControlError, match="known: status"):
        send_command(tmp_path, "dance")


def test_no_bot_is_said_plainly(tmp_path):
    with pytest.raises(ControlError, match="no bot is running"):
        send_command(tmp_path, "status")


def test_a_bot_that_is_gone_is_said_plainly(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / CONTROL_FILE).write_text(json.dumps({"host": "127.0.0.1", "port": port, "token": "x"}))
    with pytest.raises(ControlError, match="does not answer"):
        send_command(tmp_path, "status")


def test_a_damaged_control_file_is_named(tmp_path):
    (tmp_path / CONTROL_FILE).write_text("{}")
    with pytest.raises(ControlError, match="cannot be used"):
        send_command(tmp_path, "status")


def test_an_open_address_without_a_token_is_refused(tmp_path):
    with pytest.raises(ControlError, match="needs control\\.token_env"):
        ControlServer("0.0.0.0:0", tmp_path, {})


def test_a_taken_port_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ControlError, match="cannot listen"):
        ControlServer(f"127.0.0.1:{taken.getsockname()[1]}", tmp_path, {})
