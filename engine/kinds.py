"""The table of contents of the language: each kind and the key that names it in a spec.

Adding a kind is one module, one schema fragment and one line here.
"""

from __future__ import annotations

from engine.connections.http_kind import HttpKind
from engine.connections.login_kinds import ApiKey, Basic, OAuth2, SessionLogin
from engine.connections.paging import CursorPager, NextPager, NoPager, OffsetPager
from engine.connections.places import FolderKind, KeyLogin, PasswordLogin, SftpKind
from engine.formats.csv import Csv
from engine.formats.fixed import Fixed
from engine.formats.json import Json
from engine.formats.x12 import X12
from engine.formats.xml import Xml

SYSTEMS: dict[str, type] = {"http": HttpKind, "sftp": SftpKind, "folder": FolderKind}
AUTH: dict[str, type] = {"basic": Basic, "api_key": ApiKey, "oauth2": OAuth2, "session": SessionLogin}
SFTP_AUTH: dict[str, type] = {"password": PasswordLogin, "key": KeyLogin}
PAGERS: dict[str, type] = {"offset": OffsetPager, "next": NextPager, "cursor": CursorPager, "none": NoPager}
FORMATS: dict[str, type] = {"csv": Csv, "json": Json, "xml": Xml, "fixed": Fixed, "x12": X12}

NAMED_BY_KEY: dict[type, str] = {
    kind: key for table in (AUTH, SFTP_AUTH, PAGERS) for key, kind in table.items() if kind is not PasswordLogin
}
"""Kinds of which a block holds exactly one, under its key. A password login is a single value, so its key is its field."""
