"""The feed and the trainer: they read one cleared training set and a public key, nothing else."""
