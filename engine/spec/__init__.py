"""READING a spec: YAML with the place of every value, the schema, the rules."""
