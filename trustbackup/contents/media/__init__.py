"""Uploaded files: the files of a folder as one tar, and as a tree again."""

from __future__ import annotations
