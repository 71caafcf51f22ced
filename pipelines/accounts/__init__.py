"""Who may look and act: accounts with a role, sessions, tokens."""
