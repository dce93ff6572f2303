"""MAKING IT HAPPEN: compile, ingest, deliver. The only place where the order of steps is written."""
