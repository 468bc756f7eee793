"""Viewers read, operators act: signing in, and buttons that ask before they do something and say what came of it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import streamlit as st

from refine.dashboard.operators import Guard, OperatorKey, find_key, is_local_use
from refine.dashboard.source import SOURCES, find_database
from refine.dashboard.text import escape, plain
from refine.dashboard.writers import WRITERS
from refine.errors import AccessDenied, InputError, RefineError
from store.database import Database

P = ParamSpec("P")
T = TypeVar("T")

_SIGNED_IN = "operator"
"""In the session: the hash of the key that was typed. Another key signs everybody out."""
_TYPED = "operator_key"
_SAID = "operator_said"
_GUARD = Guard()
_LONGEST = 600


def may_act() -> bool:
    """Whether this viewer may change anything: they typed the key, or there is none and they sit at this machine."""
    try:
        key = find_key(os.environ)
    except InputError:
        return False
    return _is_local() if key is None else _is_signed_in(key)


def act(action: Callable[Concatenate[Database, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """`action(database, …)` on the database that the pages show, open for writing; what it gave. What was written is
    seen at the next run of the page. Raises AccessDenied for who may not act, else as the action does."""
    if not may_act():
        raise AccessDenied(_why_not())
    path = find_database(os.environ)
    try:
        return WRITERS.act(path, action, *args, **kwargs)
    finally:
        SOURCES.get(path).look_again()


@dataclass(frozen=True, slots=True)
class _Result:
    is_ok: bool
    words: str


def offer(
    label: str,
    action: Callable[[Database], T],
    *,
    key: str,
    says: str,
    confirm: str,
    done: Callable[[T], str],
    button: Literal["primary", "secondary"] = "primary",
    icon: str | None = None,
) -> None:
    """A button that opens a question (`says`: what will happen), where `confirm` does it.

    `done` makes a sentence of what the action gave; `show_result` puts it on the page, and it may hold words of others.
    For who may not act, the button is dead and says why. `key` is the button's own on its page. `label` and `confirm`
    are words of ours.
    """
    if not may_act():
        st.button(label, key=f"{key}-dead", disabled=True, help=_why_not(), icon=icon)
        return
    with st.popover(label, icon=icon, key=f"{key}-asks"):
        st.text(plain(says, longest=_LONGEST))
        if st.button(confirm, key=key, type=button):
            _do(lambda: done(act(action)))
            st.rerun()


def attempt(action: Callable[Concatenate[Database, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T | None:
    """As `act`, for forms with a confirmation of their own: what went wrong becomes the result that is shown, and None.

    Say what came of it with `say_done`.
    """
    try:
        return act(action, *args, **kwargs)
    except RefineError as error:
        st.session_state[_SAID] = _Result(False, str(error))
        return None


def say_done(words: str) -> None:
    """What `show_result` shows next."""
    st.session_state[_SAID] = _Result(True, words)


def show_result() -> None:
    """What came of the last action, once. Put it at the top of a page that offers actions."""
    said: _Result | None = st.session_state.pop(_SAID, None)
    if said is None:
        return
    words = escape(said.words, _LONGEST)
    if said.is_ok:
        st.success(words, icon=":material/check:")
    else:
        st.error(words, icon=":material/error:")


def show_sign_in() -> None:
    """A small box to type the key in, where there is one; nothing for local use without."""
    try:
        key = find_key(os.environ)
    except InputError as error:
        st.caption(":material/lock: Nobody can act:")
        st.text(plain(str(error), longest=_LONGEST))
        return
    if key is None:
        if not _is_local():
            st.caption(f":material/lock: {_why_not()}")
    elif _is_signed_in(key):
        st.button("Sign out", key="operator-out", type="tertiary", icon=":material/lock_open:", on_click=_sign_out)
    else:
        with st.popover("Sign in to act", icon=":material/lock:", type="tertiary", key="operator-in"):
            st.text("Viewers read; who has the operator key may pause, stop, pin, fork and export.")
            with st.form("operator-form", border=False, enter_to_submit=True):
                st.text_input("Operator key", type="password", key=_TYPED, autocomplete="off", max_chars=2048)
                st.form_submit_button("Sign in", on_click=_sign_in, key="operator-enter")


def _sign_in() -> None:
    """The words typed are forgotten in any case."""
    text = str(st.session_state.get(_TYPED, ""))
    st.session_state[_TYPED] = ""

    def check() -> str:
        key = find_key(os.environ)
        if key is None:
            raise AccessDenied("There is no operator key any more.")
        _GUARD.check(key, text)
        st.session_state[_SIGNED_IN] = key.digest
        return "Signed in: you may act until you close this page."

    _do(check)


def _sign_out() -> None:
    st.session_state.pop(_SIGNED_IN, None)


def _do(action: Callable[[], str]) -> None:
    try:
        st.session_state[_SAID] = _Result(True, action())
    except RefineError as error:
        st.session_state[_SAID] = _Result(False, str(error))


def _is_signed_in(key: OperatorKey) -> bool:
    held: Any = st.session_state.get(_SIGNED_IN)
    return isinstance(held, bytes) and held == key.digest


def _is_local() -> bool:
    return is_local_use({name.lower(): value for name, value in st.context.headers.items()})


def _why_not() -> str:
    try:
        key = find_key(os.environ)
    except InputError as error:
        return str(error)
    if key is not None:
        return "Sign in with the operator key to act."
    return "Acting from elsewhere needs an operator key: start the dashboard with --operator-key-file."
