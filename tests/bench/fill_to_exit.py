"""Fill to exit: the running bot beside a careful single-threaded program, in one run.

Measured by the venue: from just before the fill frame is written until the headers of the exit order are in its
hands. Both programs run against the same
measuring venue, in turn, several rounds; figures are medians over rounds, so a neighbor's noise hits both alike. With
`--pinned` each side has a core of its own, undisturbed by other programs: that is how floors were measured.

    python -m tests.bench.fill_to_exit --json
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

PROGRAMS = ("bot", "reference")
_TIMEOUT_S = 120.0


def measure(program: str, options: argparse.Namespace) -> list[int]:
    """Return the samples (nanoseconds) of one program in one round."""
    venue = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.bench.measuring_venue"),
            *("--samples", str(options.samples), "--gap-ms", str(options.gap_ms)),
            *("--quotes-per-s", str(options.quotes_per_s)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert venue.stdout is not None
    if options.pinned:
        _pin(venue.pid, 1)
    try:
        port = json.loads(venue.stdout.readline())["port"]
        client = subprocess.Popen([sys.executable, "-m", *_module(program, port, options.auth)])
        if options.pinned:
            _pin(client.pid, 0)
        try:
            output = _wait_for(venue, client, program)
        finally:
            try:
                client.wait(20)
            except subprocess.TimeoutExpired:
                client.kill()
                client.wait()
    finally:
        venue.kill()
        venue.wait()
    return list(json.loads(output.splitlines()[-1])["samples_ns"])


def _pin(pid: int, core: int) -> None:
    """Give a process that has just begun, and its later threads, one core and precedence over everything usual."""
    os.sched_setaffinity(pid, {core})
    os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(10))


def _wait_for(venue: "subprocess.Popen[str]", client: "subprocess.Popen[bytes]", program: str) -> str:
    """Return what the venue printed; a client that ends before it has samples is an error, not a wait."""
    for _ in range(int(_TIMEOUT_S)):
        try:
            return venue.communicate(timeout=1)[0]
        except subprocess.TimeoutExpired:
            if client.poll() is not None:
                sys.exit(f"the {program} ended before it was measured (exit code {client.returncode})")
    sys.exit(f"the {program} did not trade within {_TIMEOUT_S:g} s")


def _module(program: str, port: int, auth: str) -> list[str]:
    if program == "bot":
        return ["tests.bench.whole_bot", str(port), auth]
    return ["tests.bench.one_thread", str(port)]


def percentile_us(samples_ns: list[int], share: float) -> float:
    """Return a percentile in microseconds."""
    ordered = sorted(samples_ns)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=300, help="per round and program")
    parser.add_argument("--gap-ms", type=float, default=1.0, help="time between an order and its fill")
    parser.add_argument("--quotes-per-s", type=int, default=20)
    parser.add_argument(
        "--pinned", action="store_true", help="venue on core 1, program on core 0, before all others (Linux, as root)"
    )
    parser.add_argument("--auth", choices=("v1", "v3"), default="v1", help="the bot's signing; the reference uses HMAC")
    options = parser.parse_args()
    p50: dict[str, list[float]] = {program: [] for program in PROGRAMS}
    p99: dict[str, list[float]] = {program: [] for program in PROGRAMS}
    for number in range(options.rounds):
        for program in PROGRAMS if number % 2 else reversed(PROGRAMS):
            samples = measure(program, options)
            p50[program].append(percentile_us(samples, 0.50))
            p99[program].append(percentile_us(samples, 0.99))
    result = {
        "rounds": options.rounds,
        "samples": options.samples,
        "quotes_per_s": options.quotes_per_s,
        "auth": options.auth,
        "pinned": options.pinned,
        "bot_p50_us": round(statistics.median(p50["bot"]), 1),
        "bot_p99_us": round(statistics.median(p99["bot"]), 1),
        "b_p50_us": round(statistics.median(p50["reference"]), 1),
        "b_p99_us": round(statistics.median(p99["reference"]), 1),
        "ratio_p50_to_b": round(statistics.median(p50["bot"]) / statistics.median(p50["reference"]), 3),
        "ratio_p99_to_b": round(statistics.median(p99["bot"]) / statistics.median(p99["reference"]), 3),
    }
    if options.json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        sys.stdout.write("\n".join(f"{key:<16} {value}" for key, value in result.items()) + "\n")


if __name__ == "__main__":
    main()
