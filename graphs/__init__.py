"""The refinement loop, as a LangGraph graph over the store."""
