"""Bulk loads of files: read and checked line by line, staged, judged as a whole, then applied in key order."""
