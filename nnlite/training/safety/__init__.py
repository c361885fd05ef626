"""What keeps a training from being lost: where it stands, how it goes on, and when its numbers are none."""
