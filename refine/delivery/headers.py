"""Response headers: what a candidate's frame may do (nothing outside itself), and what a page may frame."""

from collections.abc import Sequence

Headers = dict[str, str]

_DENIED_FEATURES = (
    *("accelerometer", "autoplay", "browsing-topics", "camera", "captured-surface-control", "clipboard-read"),
    *("clipboard-write", "compute-pressure", "cross-origin-isolated", "deferred-fetch", "deferred-fetch-minimal"),
    *("digital-credentials-create", "digital-credentials-get", "display-capture", "encrypted-media", "fullscreen"),
    *("gamepad", "geolocation", "gyroscope", "hid", "identity-credentials-get", "idle-detection", "interest-cohort"),
    *("keyboard-map", "language-detector", "language-model", "local-fonts", "local-network", "local-network-access"),
    *("loopback-network", "magnetometer", "media-playback-while-not-visible", "microphone", "midi"),
    *("on-device-speech-recognition", "otp-credentials", "payment", "picture-in-picture"),
    *("private-state-token-issuance", "private-state-token-redemption", "publickey-credentials-create"),
    *("publickey-credentials-get", "screen-wake-lock", "serial", "speaker-selection", "storage-access", "summarizer"),
    *("sync-xhr", "translator", "unload", "usb", "window-management", "xr-spatial-tracking"),
)
"""Every feature that `document.featurePolicy.features()` of Chromium 156 lists, less client hints and `aria-notify`."""

FRAME_POLICY = "; ".join(
    (
        "default-src 'none'",
        # Inline code is all the code a candidate has; libraries and its other files arrive as blobs.
        "script-src 'unsafe-inline' 'unsafe-eval' blob: data:",
        "style-src 'unsafe-inline' blob: data:",
        "img-src data: blob:",
        "font-src data: blob:",
        "media-src data: blob:",
        "connect-src data: blob:",
        "worker-src 'none'",
        "frame-src 'none'",
        "object-src 'none'",
        "manifest-src 'none'",
        "form-action 'none'",
        "base-uri 'none'",
        "sandbox allow-scripts allow-forms",
    )
)
"""WebRTC has no directive that a browser enforces; in Chromium `Connection-Allowlist` stops it."""

_COMMON: Headers = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-DNS-Prefetch-Control": "off",
}


def frame_headers(ancestors: Sequence[str], url: str) -> Headers:
    """For a frame's document at `url`; `ancestors` are the origins of pages that may show it."""
    return {
        **_COMMON,
        "Content-Security-Policy": f"{FRAME_POLICY}; frame-ancestors {' '.join(ancestors)}",
        # Its own document and nothing else, or it could not be reloaded; WebRTC is off unless it is named. The `?` ends
        # the pattern with an empty query: without it, and in `frame-src` of the page around it, any query passes.
        "Connection-Allowlist": f'("{url}?")',
        "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _DENIED_FEATURES),
        "Cache-Control": "no-store",
    }


def host_headers(frames: Sequence[str], *, ancestors: str = "'none'") -> Headers:
    """For a page around frames. `frames` are the URLs of its own frames, exactly: no frame can leave for elsewhere.

    It lets in scripts, styles and images of its own origin only, and no inline script.
    """
    framed = " ".join(frames) or "'none'"
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
        f" font-src 'self'; connect-src 'self'; frame-src {framed}; form-action 'self'; base-uri 'none';"
        f" object-src 'none'; frame-ancestors {ancestors}"
    )
    return {
        **_COMMON,
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


def private_headers() -> Headers:
    """For a candidate's files on their way to the page around its frame."""
    return {**_COMMON, "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store"}


def library_headers() -> Headers:
    """For what a content hash in the URL names: kept by the browser for good."""
    return {
        **_COMMON,
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "public, max-age=31536000, immutable",
    }
