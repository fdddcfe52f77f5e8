"""What every floor stands on: files written whole, downloads, progress, what images raise, memory."""
