import asyncio

import pytest

from refine.errors import LimitReached, ModelMisconfigured
from refine.llm import Budget


def test_reservations_count_before_they_are_spent() -> None:
    budget = Budget(1.0, 0.3)
    budget.reserve(0.4)
    with pytest.raises(LimitReached) as caught:
        budget.reserve(0.4)
    assert caught.value.reason == "cost"


def test_the_limit_itself_may_be_spent() -> None:
    Budget(1.0, 0.5).reserve(0.5)


def test_settling_books_the_actual_cost() -> None:
    budget = Budget(1.0)
    budget.settle(budget.reserve(0.8), 0.1)
    assert (budget.spent_usd, budget.reserved_usd) == (0.1, 0.0)


def test_an_unknown_cost_is_booked_as_reserved() -> None:
    budget = Budget(1.0)
    budget.settle(budget.reserve(0.8), None)
    assert budget.spent_usd == 0.8


def test_a_released_reservation_costs_nothing() -> None:
    budget = Budget(1.0)
    reservation = budget.reserve(0.8)
    budget.release(reservation)
    budget.release(reservation)
    assert (budget.spent_usd, budget.reserved_usd) == (0.0, 0.0)


def test_release_after_settle_does_nothing_and_settling_twice_is_an_error() -> None:
    budget = Budget(1.0)
    reservation = budget.reserve(0.8)
    budget.settle(reservation, 0.2)
    budget.release(reservation)
    assert budget.spent_usd == 0.2
    with pytest.raises(ValueError, match="before"):
        budget.settle(reservation, 0.2)


def test_people_count_against_the_same_limit() -> None:
    budget = Budget(1.0)
    budget.add_people(0.9)
    with pytest.raises(LimitReached):
        budget.reserve(0.2)


def test_an_unknown_price_under_a_limit_asks_for_the_price() -> None:
    with pytest.raises(ModelMisconfigured, match="--price"):
        Budget(1.0).reserve(None)


def test_without_a_limit_everything_is_allowed_and_counted() -> None:
    budget = Budget(None)
    budget.settle(budget.reserve(None), None)
    budget.settle(budget.reserve(5.0), 7.0)
    assert budget.spent_usd == 7.0


async def test_waiting_in_turn_takes_what_calls_in_flight_leave_over() -> None:
    budget = Budget(1.0)
    first = budget.reserve(0.8)
    second = asyncio.create_task(budget.reserve_in_turn(0.8))
    await asyncio.sleep(0)
    assert not second.done()
    budget.settle(first, 0.1)
    assert (await second).usd == 0.8


async def test_waiting_in_turn_ends_when_waiting_cannot_help() -> None:
    budget = Budget(1.0)
    first = budget.reserve(0.8)
    second = asyncio.create_task(budget.reserve_in_turn(0.8))
    await asyncio.sleep(0)
    budget.settle(first, 0.8)
    with pytest.raises(LimitReached):
        await second


async def test_many_callers_never_spend_more_than_the_limit() -> None:
    budget = Budget(1.0)

    async def call() -> bool:
        try:
            reservation = await budget.reserve_in_turn(0.3)
        except LimitReached:
            return False
        await asyncio.sleep(0)
        budget.settle(reservation, 0.25)
        return True

    done = await asyncio.gather(*(call() for _ in range(20)))
    assert sum(done) == 3
    assert budget.spent_usd == 0.75
