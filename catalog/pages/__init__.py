"""What people and programs leaf through: records of one kind, a few at a time, in a fixed order."""
