"""Export: cleared clips become a physical training set with its papers, and papers are renewed."""
