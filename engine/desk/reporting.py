"""The end of every error: one line a person can act on, an exit code, and no secret in either."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import MlconnectorError, SpecError
from engine.redaction import RedactingFilter, Redactor, harmless

BUG, INTERRUPTED = 70, 130


@contextmanager
def told(redactor: Redactor, *, debug: bool) -> Iterator[None]:
    """Logs to stderr through the redactor; an error becomes one line on stderr and its exit code."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handler.addFilter(RedactingFilter(redactor))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if debug else logging.WARNING)
    try:
        yield
    except SpecError as error:
        from engine.spec.report import as_text

        _say(redactor, as_text(error.problems))
        raise SystemExit(error.exit_code) from None
    except MlconnectorError as error:
        _say(redactor, f"error: {error}")
        if debug:
            _say(redactor, traceback.format_exc())
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        _say(redactor, "stopped")
        raise SystemExit(INTERRUPTED) from None
    except Exception as error:  # noqa: BLE001  # the last resort: one line and an exit code, never a traceback
        said = " ".join(f"{type(error).__name__}: {error}".split())
        _say(redactor, f"bug: {said} (run again with --debug and report it)")
        if debug:
            _say(redactor, traceback.format_exc())
        raise SystemExit(BUG) from None
    finally:
        root.removeHandler(handler)


def _say(redactor: Redactor, text: str) -> None:
    sys.stderr.write(harmless(redactor.text(text)).rstrip("\n") + "\n")
