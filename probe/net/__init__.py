"""What adapters share: the clock, TLS, and how foreign text is made safe."""
