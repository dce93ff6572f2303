"""MEMORY: the ledger, the trail, the vault."""
