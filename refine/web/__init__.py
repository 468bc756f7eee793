"""The labelling page: server-rendered HTML and plain JavaScript for people who rank and criticise.

`labelling_app` is all that others need: an ASGI application over an open database.
"""

from refine.web.app import labelling_app

__all__ = ["labelling_app"]
