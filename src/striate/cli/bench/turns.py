"""Taking turns: each runs while the others' threads sleep, so that noise meets all alike.

After a call, the threads of a peer go on spinning in case more work comes, and would take the
processor from whoever is next: OpenVINO's for 1 ms, PyTorch's and ncnn's (OpenMP) for 10 ms, ONNX
Runtime's for 35 ms, measured on two cores. To forbid them the spinning would slow them down where
layer follows layer, so they may spin, and the next turn waits until the process uses no more
processor time. A turn starts with a call that is not timed, where calls are short: it wakes the
threads and brings the weights back into the cache, as if nobody else ran.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["Spread", "settle", "spread", "take_turns"]

TURN = 0.02  # seconds of timed calls in a turn, at least one call
LONG = 0.05  # a call of more seconds needs no warm-up in each turn
LOOK = 0.005  # seconds: Linux adds up the time of other processors' threads every 4 ms
IDLE = 0.0004  # seconds of processor time that sleeping and looking take at most
ROUNDS = 5  # at least


@dataclass(frozen=True, slots=True)
class Spread:
    """A median and the quartiles around it."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the quartiles, which interpolate nothing.

    Examples
    --------
    >>> spread([3.0, 1.0, 2.0, 9.0, 4.0])
    Spread(median=3.0, low=2.0, high=4.0)
    """
    ordered = sorted(values)
    quarter = (len(ordered) - 1) // 4
    return Spread(median(ordered), ordered[quarter], ordered[-1 - quarter])


def settle(limit: float = 0.3) -> bool:
    """Sleep until this process's threads do; tell whether they did within `limit` seconds."""
    end = time.perf_counter() + limit
    while time.perf_counter() < end:
        used = time.process_time()
        time.sleep(LOOK)
        if time.process_time() - used < IDLE:
            return True
    return False


def take_turns(
    runs: Sequence[Callable[[], object]], seconds: float, rounds: int = ROUNDS
) -> list[list[float]]:
    """Return, for each run, the median time of its calls in each round.

    Parameters
    ----------
    runs : functions without arguments
    seconds : how long all of them together may take, if that allows enough rounds
    rounds : at least this many; each begins with another run, so that nobody always follows
        the same neighbour
    """
    times: list[list[float]] = [[] for _ in runs]
    end = time.perf_counter() + seconds
    done = 0
    while done < rounds or time.perf_counter() < end:
        for place in range(len(runs)):
            who = (place + done) % len(runs)
            settle()
            times[who].append(_turn(runs[who], times[who]))
        done += 1
    return times


def _turn(run: Callable[[], object], before: Sequence[float]) -> float:
    if not before or before[-1] < LONG:
        run()
    taken: list[float] = []
    while not taken or sum(taken) < TURN:
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return median(taken)
