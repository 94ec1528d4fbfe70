"""The local cloud: moto, the emulator, queue and stream pollers, one port."""
