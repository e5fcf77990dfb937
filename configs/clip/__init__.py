"""The dual encoder of frames and sentences."""
