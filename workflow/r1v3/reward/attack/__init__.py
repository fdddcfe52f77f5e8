"""Answers made to deceive a grader, and honest ones in other dress, over any file of questions."""
