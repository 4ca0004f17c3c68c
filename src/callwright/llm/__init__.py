"""The seam to models: `base` says what a model is, the other files are models or stand before one."""
