"""One module for each format: its text to a `netlab.live.reading.Reading`."""
