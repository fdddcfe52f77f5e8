"""What an unfinished GRPO run keeps, so that it resumes to the bit."""
