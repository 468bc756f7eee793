"""What a process of ours does about Python's garbage collector once everything is imported."""

import gc


def settle_memory() -> None:
    """Take everything that is alive now out of the collector's sight, for the rest of the process.

    For commands of ours that run until they end, once their first work is done. The collector looks at every object
    that has survived, over and over: with litellm that is half a million, a quarter of a second each time in which no
    reply is read (measured: benchmarks/RESULTS.md). They are freed as before when nothing refers to them; only cycles
    that exist now and become garbage later are not.
    """
    gc.collect()
    gc.freeze()
