"""AWS on a laptop: MiniStack for everything but Connect, and an emulator of Connect."""
