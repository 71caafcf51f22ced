"""The stations that move recordings from a source to a checkpoint, and what drives them."""
