"""HTTP in, one operation, HTTP out."""
