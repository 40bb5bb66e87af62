"""What theory says of self-play, tried on toys."""
