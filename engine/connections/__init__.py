"""REACHING a system: HTTP, SFTP, a folder."""
