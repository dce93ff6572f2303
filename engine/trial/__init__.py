"""TRYING A SPEC: its own cases, run against stand-ins of the systems it names."""
