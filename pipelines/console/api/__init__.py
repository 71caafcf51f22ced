"""The programming interface of the console: what its pages show, as typed JSON under `/api/v1`."""
