"""What supervised and reinforced training share."""
