"""Training, quantization and decoding of a Wav2Letter acoustic model with CTC."""
