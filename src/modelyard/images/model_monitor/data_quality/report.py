"""placeholder"""
def write(result, baseline, settings): pass
