"""What a program will take on a machine that is not there."""
