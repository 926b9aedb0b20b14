"""A namespace's own stack."""
