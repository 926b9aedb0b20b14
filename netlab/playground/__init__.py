"""A page on which topologies are written and predicted: in the browser (WebAssembly), or by a local server."""
