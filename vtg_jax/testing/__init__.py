"""What tests need, ours and yours: videos whose every frame is known."""
