"""What gets in: corrupted landing files, and what the gate says of each."""
