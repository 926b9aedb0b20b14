"""Which sysctls of a namespace can change a letter: measured, setting by setting (``python -m tests.sysctls``)."""
