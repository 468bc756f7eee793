"""The hard budget of a project: reserved before each call, settled after it. Models and people count against it alike.

For one event loop: nothing here awaits between looking and taking, so concurrent coroutines cannot overspend.
"""

import asyncio
from dataclasses import dataclass

from refine.errors import LimitReached, ModelMisconfigured


@dataclass(eq=False, slots=True)
class Reservation:
    """Money set aside for a call in flight; worth nothing once settled or released."""

    usd: float
    is_open: bool = True


class Budget:
    """`limit_usd` None: everything is allowed, and counted."""

    def __init__(self, limit_usd: float | None, spent_usd: float = 0.0) -> None:
        self.limit_usd = limit_usd
        self.spent_usd = spent_usd
        self.reserved_usd = 0.0
        self._waiters: set[asyncio.Future[None]] = set()

    def reserve(self, usd: float | None) -> Reservation:
        """Set `usd` aside. Raises LimitReached (reason `cost`) where spent, reserved and `usd` exceed the limit.

        None means that the price is unknown: fine without a limit, ModelMisconfigured with one.
        """
        if self.limit_usd is None:
            return self._take(usd or 0.0)
        if usd is None:
            raise ModelMisconfigured(
                "a budget needs prices, and the model's is unknown: pass --price PROMPT,COMPLETION in US dollars per "
                "million tokens, or leave --budget-usd out"
            )
        if self.spent_usd + self.reserved_usd + usd > self.limit_usd:
            raise LimitReached(
                f"the next call may cost ${usd:.4f}, and of the ${self.limit_usd:.2f} budget ${self.spent_usd:.4f} are "
                f"spent and ${self.reserved_usd:.4f} reserved",
                reason="cost",
            )
        return self._take(usd)

    async def reserve_in_turn(self, usd: float | None) -> Reservation:
        """Like `reserve`, but while only calls in flight stand in the way, wait for what they leave over."""
        while True:
            try:
                return self.reserve(usd)
            except LimitReached:
                if not self.reserved_usd or self.spent_usd + (usd or 0.0) > (self.limit_usd or 0.0):
                    raise
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)

    def settle(self, reservation: Reservation, actual_usd: float | None) -> None:
        """Book what the call cost; None books the reservation, since a call of unknown cost is not a free one.

        Raises ValueError for a reservation settled or released before.
        """
        if not reservation.is_open:
            raise ValueError("the reservation was settled or released before")
        self._close(reservation)
        self.spent_usd += reservation.usd if actual_usd is None else actual_usd

    def release(self, reservation: Reservation) -> None:
        """Give the money back; does nothing to a reservation that is settled, so it fits a `finally`."""
        if reservation.is_open:
            self._close(reservation)

    def add_people(self, usd: float) -> None:
        """Book work of people. It is done and owed, so it is booked even beyond the limit."""
        self.spent_usd += usd
        self._wake()

    def _take(self, usd: float) -> Reservation:
        self.reserved_usd += usd
        return Reservation(usd)

    def _close(self, reservation: Reservation) -> None:
        reservation.is_open = False
        # Sums of floats drift; with nothing open there is nothing reserved.
        self.reserved_usd = max(0.0, self.reserved_usd - reservation.usd)
        if self.reserved_usd < 1e-12:
            self.reserved_usd = 0.0
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
