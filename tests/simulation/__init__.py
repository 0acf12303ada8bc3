"""Deterministic simulation: the bot's own actors, clients and files, the venue's own faces, on one scheduler.

What runs is production code: actor classes on Pykka's own loop, venue clients with signing and parsing, order lanes,
timers, journal and intent file, and the simulated venues with their faces. What is put in their place is what they
already ask for at a door: threads and waiting (`actors.runtime`), time (`exchanges.clock`), connections
(`actors.network`). Requests and frames cross between the two sides as bytes, and that is where the network misbehaves.

    python -m tests.simulation --seeds 0-99 --hours 1

Same seed, same run, turn by turn; a violation prints the command that repeats it and the shortest fault plan found.

scheduler   virtual time and fibers: whoever waits is parked, whoever may run is drawn by the seed
fibers      `actors.runtime.Runtime` on that scheduler
lines       `actors.network.Network` and the wire between bot and venue
markets     where prices come from
faults      the seeded plan of what goes wrong
harm, deeds what each of them does to a world
bots        a bot's process: start, crash, loss of power, restart
invariants  what must hold after every turn, judged by the venue's records; wire_rules and money are parts of it
world       all of it for one seed
catalogue   which fault of the catalogue is covered by what
planted     defects planted into the bot, to see whether they are seen
shrink      the shortest plan that still breaks the rule
"""
