"""Training the networks that AutoVoice ships: data made by code, features, fitting, scores."""
