"""The engine: reads a spec, compiles it into flows, and runs them. `engine/README.md` is the map."""
