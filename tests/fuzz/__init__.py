"""The differential fuzzer: the model against the kernel on topologies that nobody wrote by hand."""
