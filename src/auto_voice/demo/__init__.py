"""The demonstration: a voice, a song, and the song in that voice, all made on the spot."""
