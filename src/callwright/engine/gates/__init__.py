"""What a row passes on its way into a version: splits, likeness to other rows, shares, leaks."""
