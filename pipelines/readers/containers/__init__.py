"""Is a container whole? Its own lengths, counts and checksums tell, without decoding anything."""
