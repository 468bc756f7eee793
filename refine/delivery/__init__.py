"""Candidates on their way to a browser: hostile pages shown so that they work and can do no harm.

The faces hand in `lookup` and `audience_of` and mount `delivery_app`; docs/delivery.md tells what holds and what
does not.
"""

from refine.delivery.bundling import Asset, Bundle, Substitution, bundle, document
from refine.delivery.frame import frame_html, host_script_tag
from refine.delivery.headers import frame_headers, host_headers
from refine.delivery.preview import Preview, make_preview
from refine.delivery.routes import FrameHosts, PageRecord, delivery_app
from refine.delivery.sites import Sites
from refine.delivery.tokens import Claims, Tokens

__all__ = [
    "Asset",
    "Bundle",
    "Claims",
    "FrameHosts",
    "PageRecord",
    "Preview",
    "Sites",
    "Substitution",
    "Tokens",
    "bundle",
    "delivery_app",
    "document",
    "frame_headers",
    "frame_html",
    "host_headers",
    "host_script_tag",
    "make_preview",
]
