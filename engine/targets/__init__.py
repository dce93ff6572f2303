"""Where documents go: declared steps, dropped files."""
