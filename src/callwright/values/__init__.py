"""What many rooms must agree on: one canonical form of values, how they are said, and how they are derived."""
