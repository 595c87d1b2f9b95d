"""What a log of oneDNN, of any program, says of where its time went."""
