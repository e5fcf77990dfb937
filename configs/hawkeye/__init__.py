"""HawkEye (arXiv 2403.10228): its stages, and a small one of ours."""
