"""The command line. Each command parses, makes one call and prints: they are in `engine/commands/`.

Results go to stdout, progress and logs to stderr. Exit codes: 0 everything done, 1 the spec has errors, 2 wrong usage,
3 some records or files need a person, 4 a system can't be reached or is set up wrongly, 5 already running, 70 a bug.
"""

from __future__ import annotations

import click

from engine.commands import (
    alerts,
    consult,
    desk,
    documents,
    files,
    fleet,
    people,
    place,
    purge,
    service,
    stands,
    state,
    users,
    work,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="mlconnector", prog_name="mlconnector")
def main() -> None:
    """Moves invoices, payments, vendors and accounts between an ERP and a spend tool, exactly once, from a YAML spec."""


for room in (consult, files, documents, work, service, fleet, users, people, alerts, state, purge, place, desk, stands):
    for command in room.COMMANDS:
        main.add_command(command)


if __name__ == "__main__":
    main()
