"""What every system's training shares, whatever the system."""
