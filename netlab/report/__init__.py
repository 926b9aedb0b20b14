"""The run record and everything rendered from it, and only from it."""
