"""The HTTP and WebSocket service. It talks; the models run in workers."""
