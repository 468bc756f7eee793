"""Folders that the dashboard writes exports to: one level under `exports`, beside the database, and nowhere else."""

import re
from pathlib import Path

import streamlit as st

from refine.dashboard.source import Source

PARENT = "exports"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def folder_of(source: Source, name: str) -> Path | None:
    """The folder of that name; None for a name that is none of ours: letters, digits, dots, dashes, not first."""
    if not _NAME.fullmatch(name):
        return None
    parent = source.path.absolute().parent / PARENT
    folder = parent / name
    is_elsewhere = parent.is_symlink() or folder.is_symlink()  # a link could lead anywhere
    return None if is_elsewhere else folder


def choose_folder(source: Source, name: str, *, key: str) -> Path | None:
    """A box for the folder's name, and where that will be; None while the name cannot be one."""
    given = st.text_input("Folder", name, key=key, max_chars=80).strip()
    folder = folder_of(source, given)
    if folder is None:
        st.caption("Letters, digits, dots and dashes, beginning with a letter or digit; no link in its place.")
        return None
    st.code(str(folder), language=None, wrap_lines=True)
    return folder
