"""Floor 0: files, memory and the terminal."""
