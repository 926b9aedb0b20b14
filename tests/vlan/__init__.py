"""VLANs: interfaces of one, and bridges that keep them apart."""
