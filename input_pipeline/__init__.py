"""From video files and annotation files to arrays; no jax in this package."""
