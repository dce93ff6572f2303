"""WHO IS TOLD: what is wrong is looked for, remembered while it lasts, told once in a digest, and sent until it arrives."""
