"""Training: schedules, optimiser, loss, step; a system is an argument."""
