"""From sound to sound: the stages, their order, and what they are used for."""
