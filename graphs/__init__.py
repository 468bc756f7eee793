"""The refinement loop, as a LangGraph graph over the store.

`state` says what is carried between nodes, `context` what nodes are given, `nodes` what they do, `graph` how they hang
together. The tables are the truth: each node reads where the chain stands, and doing one twice leaves the same rows.
"""

import os

# Read when langgraph is imported: checkpoints then load nothing but plain values (advisory on msgpack extensions).
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
