"""The ways to reach somebody: one module each, and one line in ``registry.py``."""
