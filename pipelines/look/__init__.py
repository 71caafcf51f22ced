"""Look: decode every picture of a source once, keep its figures, and find what is shown twice."""
