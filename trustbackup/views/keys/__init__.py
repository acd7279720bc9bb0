"""The pages of the keys that backups are encrypted to."""
