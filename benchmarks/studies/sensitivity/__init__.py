"""Which layer of a model costs accuracy when it is quantized?"""
