"""From written text to the phonemes a synthesizer reads."""
