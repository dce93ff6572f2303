"""STAND-INS for the real systems, for demos and tests. The only place that names a vendor."""
