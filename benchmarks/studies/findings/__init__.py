"""Do a paper's findings on compressed separators hold for these models?"""
