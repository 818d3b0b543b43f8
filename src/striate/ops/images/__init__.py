"""Compiled passes over images: rows of numbers in, rows of numbers out, of any real dtype."""
