"""BYTES to RECORDS and back: pure, streaming."""
