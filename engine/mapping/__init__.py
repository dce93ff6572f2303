"""MEANING: expressions, templates, functions and the compiled mapping."""
