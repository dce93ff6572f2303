"""Columns as every table has them: text and figures with a default, times as text of one width."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Text, text


def words(name: str, default: str | None = "") -> Column[str]:
    """Text; empty where nothing is said, or NULL with `default` None."""
    return Column(name, Text, nullable=default is None, server_default=default)


def number(name: str) -> Column[int]:
    """A whole figure, 0 where nothing is said."""
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def moment(name: str, *, required: bool = True) -> Column[str]:
    """A time in UTC."""
    return Column(name, Text, nullable=not required)
