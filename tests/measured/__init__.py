"""What measures are made of, beside a second program that counts events by itself."""
