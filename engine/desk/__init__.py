"""THE OPERATOR'S DESK: what people ask for and decide; each module answers one command with text and an exit code."""
