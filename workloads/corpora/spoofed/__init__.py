"""Speech, genuine and spoofed: ASVspoof 2019 on disk, and a stand-in that is made."""
