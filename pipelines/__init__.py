"""The stations that move recordings from a source to a checkpoint, and the edges that drive them."""
