"""Pictures: each scaled down once, and what is told of it, whoever decodes it."""
