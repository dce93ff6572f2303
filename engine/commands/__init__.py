"""THE COMMAND LINE: one command = parse, one call, print. The only room that knows click."""
