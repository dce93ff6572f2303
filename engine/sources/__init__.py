"""Where records come from: picked-up files, lists over HTTP."""
