"""What consumers read: pure queries over a version, each in its own format."""
