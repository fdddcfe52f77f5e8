"""The probe set, and the choice of a checkpoint by it."""
