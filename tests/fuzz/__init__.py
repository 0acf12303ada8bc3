"""Hostile input: real payloads, bent at the level of bytes and of JSON, against everything that reads from outside.

What is allowed is narrow: an exact reading, or the one error that means "unreadable". Never another exception, a hang,
a number that was not sent, a credential in a text, or a ledger that an unreadable frame has changed.

`python -m tests.fuzz --frames N --venue V [--seed S] [--json]` searches for long; a share of it runs as ordinary tests.

- `mutate`: bends one payload.
- `corpus`: the payloads, said by the simulated venues themselves and taken from the recorded vectors.
- `oracle`: what a reading may contain, found by a second, independent reading of the same bytes.
- `frames`, `replies`: the streams and the REST answers of each venue.
"""
