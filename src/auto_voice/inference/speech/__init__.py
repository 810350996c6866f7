"""What speech and sung demonstrations stand on: text to phonemes, the voices, pauses and pace."""
