"""What several test plugins share."""
