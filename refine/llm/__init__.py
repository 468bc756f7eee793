"""Models: one client for all providers, its prices and the budget, and the scripted stand-in.

litellm and openai belong to this package and are loaded by the first call that needs them.
"""

from refine.llm.budget import Budget, Reservation
from refine.llm.keys import cache_key, dump_reply, load_reply
from refine.llm.opening import open_client
from refine.llm.prices import Price, price_of

__all__ = [
    "Budget",
    "Price",
    "Reservation",
    "cache_key",
    "dump_reply",
    "load_reply",
    "open_client",
    "price_of",
]
