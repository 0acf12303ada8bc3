"""Anything on the control socket: a refusal or a hang-up, no verb without the token, and the server lives on."""

import json
import socket
import threading
import time
from contextlib import contextmanager
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from actors.app import control
from actors.app.control import CONTROL_FILE, ControlError, ControlServer, send_command
from tests.fuzz.mutate import mutate

TOKEN = "the-right-token-of-the-control-socket"


@contextmanager
def serving(tmp_path, calls):
    def called():
        calls.append(1)
        return {"state": "running"}

    server = ControlServer("127.0.0.1:0", tmp_path, {"status": called}, token=TOKEN)
    server.start()
    try:
        yield server
    finally:
        server.close()


def answer_to(address, data):
    """What the server says to some bytes; None where it hangs up."""
    with socket.create_connection(address, timeout=5) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            line = connection.makefile("rb").readline()
        except OSError:
            return None
    return json.loads(line) if line else None


def is_the_command(data):
    try:
        found = json.loads(data.partition(b"\n")[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("token") == TOKEN and found.get("verb") == "status"


def judge(address, calls, data):
    before = len(calls)
    answer = answer_to(address, data)
    assert TOKEN not in json.dumps(answer)
    if len(calls) > before:
        assert is_the_command(data)
    else:
        assert answer is None or answer["ok"] is False


def test_any_bytes_are_refused(tmp_path):
    calls = []
    with serving(tmp_path, calls) as server:

        @given(st.binary(max_size=200))
        def search(data):
            judge(server.address, calls, data)

        search()
        assert calls == []
        assert send_command(tmp_path, "status") == {"state": "running"}


def test_bent_commands_are_refused_or_are_still_the_command(tmp_path):
    calls, rng = [], Random(1)
    command = json.dumps({"token": TOKEN, "verb": "status"})
    with serving(tmp_path, calls) as server:
        for _ in range(400):
            judge(server.address, calls, mutate(command, rng) + b"\n")
        assert send_command(tmp_path, "status") == {"state": "running"}


def test_a_token_that_is_no_text_of_this_world_is_refused(tmp_path):
    with serving(tmp_path, []) as server:
        for line in (
            b'{"token":"\\ud800","verb":"status"}\n',
            b'{"token":"x","token":"' + TOKEN.encode() + b'","verb":"status"}\n',
            b"[" * 4000 + b"\n",
        ):
            assert answer_to(server.address, line) == {"ok": False, "error": "not one line of JSON"}


def test_a_crowd_and_a_drip_keep_nobody_out_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr(control, "_TIMEOUT_S", 0.3)
    with serving(tmp_path, []) as server:
        idle = [socket.create_connection(server.address, timeout=5) for _ in range(60)]
        idle[0].sendall(b"{")
        try:
            most = sum(thread.name.startswith("Thread-") for thread in threading.enumerate())
            assert most <= control._MOST_CLIENTS
            for _ in range(100):
                try:
                    assert send_command(tmp_path, "status") == {"state": "running"}
                    break
                except ControlError:
                    time.sleep(0.05)
            else:
                raise AssertionError("never served again")
        finally:
            for each in idle:
                each.close()


def say(tmp_path, answer):
    """What a second terminal makes of an answer."""

    def once(listener):
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        (tmp_path / CONTROL_FILE).write_text(json.dumps({"host": "127.0.0.1", "port": port, "token": TOKEN}))
        thread = threading.Thread(target=once, args=(listener,))
        thread.start()
        try:
            return send_command(tmp_path, "status")
        finally:
            thread.join()


def outcome(command):
    """What a command returns, or what its refusal says."""
    try:
        return command(), ""
    except ControlError as error:
        return None, str(error)


def test_a_second_terminal_takes_any_answer_as_an_answer_or_says_so(tmp_path):
    rng = Random(2)
    honest = json.dumps({"ok": True, "state": "running", "grids": [{"name": "btc", "bid": "1.5"}]})
    for data in (b"", b"[]\n", b"7\n", b"[" * 100_000 + b"\n", *(mutate(honest, rng) + b"\n" for _ in range(60))):
        answer, refusal = outcome(lambda data=data: say(tmp_path, data))
        assert isinstance(answer, dict) or refusal
        assert TOKEN not in refusal


def test_a_bent_control_file_is_said(tmp_path):
    rng = Random(3)
    honest = json.dumps({"host": "127.0.0.1", "port": 9, "token": TOKEN, "pid": 1})
    for data in (b'{"host":"127.0.0.1","port":99999,"token":"x"}', *(mutate(honest, rng) for _ in range(300))):
        (tmp_path / CONTROL_FILE).write_bytes(data)
        answer, refusal = outcome(lambda: send_command(tmp_path, "status"))
        assert answer is None, data
        assert refusal
        assert TOKEN not in refusal
