"""Kills for real: bot and simulated venue as processes, SIGKILL again and again, both books compared after each.

`python -m tests.system.kills --kills 200` runs it; `tests/system/test_kills.py` runs a share of it.

* `floor_process` is the venue: a process that outlives every bot, with a market that can be held still, everything it
  was asked in the order it was asked, and its own books on request. `floor` talks to it.
* `nursery` is a process that has imported the bot and forks one per start, so that a start costs what a start does and
  not what Python's imports do. The copies are processes of their own: what SIGKILL takes from them is what it takes
  from any.
* `crash_points` lets such a copy kill itself at the n-th pass of a named point of its code.
* `campaign` starts, watches, kills and compares; `verdict` says what is not exact.
"""
