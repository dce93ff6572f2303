"""THE CONSOLE: pages an operator reads and acts on; every one says who may see it, nothing changes by a GET."""
